-- A part of record.lua and peek.lua: windows of whole buckets, kept as one small value for each bucket. It has no KEYS or ARGV of its own.

-- Whether the entity knew this event; when it did not and `recording`, it does now. The ids stand one after another in a string, the oldest first.
local function knew(key, ttl, most, id, recording)
  local ids = redis.call('GET', key) or ''
  local from = string.find(ids, id, 1, true)
  while from and from % #id ~= 1 do from = string.find(ids, id, from + 1, true) end
  if from then return true end
  if recording then
    redis.call('APPEND', key, id)
    -- By halves, so that a busy entity is not copied at every event.
    if #ids + #id > most * #id * 3 / 2 then
      redis.call('SET', key, string.sub(ids, #ids + #id - most * #id + 1) .. id, 'KEEPTTL')
    end
    if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
  end
  return false
end

-- A bucket's value with one event more: a count, "events low high" of sums in two parts that stay exact, or different values one after another.
local function added(kind, value, member, most)
  if kind == 'r' then return string.format('%d', (tonumber(value) or 0) + 1) end
  if kind == 'a' then
    local n, low, high = string.match(value or '0 0 0', '^(%S+) (%S+) (%S+)$')
    local more_low, more_high = string.match(member, '^(%S+) (%S+)$')
    return string.format('%d %d %d', n + 1, low + more_low, high + more_high)
  end
  value = value or ''
  for from = 1, #value, #member do
    if string.sub(value, from, from + #member - 1) == member then return value end
  end
  return #value >= most * #member and value or value .. member
end

-- All buckets of a window as one answer.
local function together(kind, values, low, high, width)
  local n, sum_low, sum_high, different = 0, 0, 0, {}
  for at, value in pairs(values) do
    if at >= low and at <= high then
      if kind == 'r' then
        n = n + value
      elseif kind == 'a' then
        local events, part_low, part_high = string.match(value, '^(%S+) (%S+) (%S+)$')
        n, sum_low, sum_high = n + events, sum_low + part_low, sum_high + part_high
      else
        for from = 1, #value, width do
          local one = string.sub(value, from, from + width - 1)
          if not different[one] then different[one], n = true, n + 1 end
        end
      end
    end
  end
  return kind == 'a' and string.format('%d %d %d', n, sum_low, sum_high) or n
end

-- Of a set that holds too much in all, the oldest buckets go.
local function oldest_beyond(values, most_bytes)
  local order, total, found = {}, 0, {}
  for at, value in pairs(values) do
    order[#order + 1], total = at, total + #value
  end
  table.sort(order)
  for i = 1, #order - 1 do
    if total <= most_bytes then break end
    found[#found + 1], total = order[i], total - #values[order[i]]
  end
  return found
end

-- `reach`: "bucket of the event|first bucket of the window|how many buckets are kept|bytes of a value". Buckets have numbers for good, so that an event
-- with a later time adds one and moves none; what is too old is measured from the newest that there is.
local function ring(key, kind, ttl, most, member, reach, known, recording)
  local at, low, slots, width = string.match(reach, '^(.-)|(.-)|(.-)|(.*)$')
  at, low, slots, width = tonumber(at), tonumber(low), tonumber(slots), tonumber(width)
  local held, values, newest = redis.call('HGETALL', key), {}, at
  for i = 1, #held, 2 do
    local bucket = tonumber(held[i])
    values[bucket] = held[i + 1]
    if bucket > newest then newest = bucket end
  end
  -- What is too late for the ring still counts in its own answer.
  local kept = at > newest - slots
  if member ~= '' and not (known and kept) then
    values[at] = added(kind, values[at], member, most)
    if recording and kept then
      redis.call('HSET', key, string.format('%d', at), values[at])
      redis.call('PEXPIRE', key, ttl)
      for bucket in pairs(values) do
        if bucket <= newest - slots then redis.call('HDEL', key, string.format('%d', bucket)) end
      end
      if kind == 'd' then
        for _, bucket in ipairs(oldest_beyond(values, most * width)) do redis.call('HDEL', key, string.format('%d', bucket)) end
      end
    end
  end
  return together(kind, values, low, at, width)
end

