-- A part of record.lua, peek.lua and cancel.lua: who was seen when, in one string of entries "time (6 bytes, ms, big end first), member (8 bytes)",
-- the oldest first. It has no KEYS or ARGV of its own. One string costs the server one look-up where a sorted set costs one for each of its members.
local WIDTH, TIME = 14, '>I6'
-- A log of up to so many bytes is written whole, with its expiry, which is one call; of a longer one only what is new.
local SHORT = 448
local find, sub, unpack_at, call = string.find, string.sub, struct.unpack, redis.call

-- How a part stands in ARGV[4]: its kind (a letter), cap, how long it is kept (ms), of how many windows; those follow.
local PART = '>c1I4I6I2'

-- The time of the entry with this number, from 1.
local function time_of(log, number)
  return (unpack_at(TIME, log, (number - 1) * WIDTH + 1))
end

-- How many entries are not later than `moment`.
local function up_to(log, size, moment)
  if size == 0 or time_of(log, size) <= moment then return size end
  -- Of a short window this event is often the only one.
  if size == 1 or time_of(log, size - 1) <= moment then return size - 1 end
  local low, high = 0, size - 1
  while high - low > 1 do
    local middle = low + high
    middle = (middle - middle % 2) / 2
    if time_of(log, middle) <= moment then low = middle else high = middle end
  end
  return low
end

-- The number of the member's entry.
local function place_of(log, member)
  local from = find(log, member, 7, true)
  while from and from % WIDTH ~= 7 do from = find(log, member, from + 1, true) end
  return from and (from + WIDTH - 7) / WIDTH
end

local function without(log, number)
  return sub(log, 1, (number - 1) * WIDTH) .. sub(log, number * WIDTH + 1)
end

-- The log with the entry in it, and the time of the member's entry where that one stays: an event keeps the time of its first report, and a late
-- one never moves a last sighting (`forward`) back.
local function noted(log, size, t, entry, forward)
  local at = size > 0 and place_of(log, sub(entry, 7))
  if at then
    local own = time_of(log, at)
    if not forward or own >= t then return log, own end
    log, size = without(log, at), size - 1
  end
  local before = up_to(log, size, t)
  if before == size then return log .. entry end
  return sub(log, 1, before * WIDTH) .. entry .. sub(log, before * WIDTH + 1)
end

-- Writes what is kept of a log: the newest `cap` and one more, which tells that there are more, and nothing that is too old for every window. That goes
-- by halves, so that few events pay for it.
local function write(key, before, log, entry, cap, keep, too_old)
  -- A full log may have forgotten what is older than all of it: of that nothing comes back, since it would hide that something is missing.
  if #log > #before and #before >= cap * WIDTH and sub(log, 1, WIDTH) == entry then return end
  local size, gone = #log / WIDTH, 0
  if size > cap + 1 + (cap - cap % 2) / 2 then
    gone = size - cap - 1
  elseif time_of(log, 1) <= too_old then
    gone = up_to(log, size, too_old)
  end
  if gone * 3 >= size then log = sub(log, gone * WIDTH + 1) end
  if #log > SHORT and #log == #before + WIDTH and sub(log, -WIDTH) == entry then
    call('APPEND', key, entry)
    if call('PTTL', key) < keep then call('PEXPIRE', key, keep + (keep - keep % 16) / 16) end
  else
    call('SET', key, log, 'PX', keep + (keep - keep % 16) / 16)
  end
end

-- Into `answers`, for each window, the members in (t - window, t] twice, and one more where older ones may be missing (one number, because tables
-- cost the server more than the counting). From the cap on there may be more than are told. Returns where the next part stands.
local function counted(answers, key, kind, t, cap, keep, windows, spec, from, entry, recording)
  local log = call('GET', key) or ''
  local size, own = #log / WIDTH, nil
  if entry ~= '' then
    local before = log
    log, own = noted(log, size, t, entry, kind == 's')
    size = #log / WIDTH
    if recording and not own then write(key, before, log, entry, cap, keep, t - keep) end
  end
  local upper, oldest = up_to(log, size, t), size > 0 and time_of(log, 1)
  for _ = 1, windows do
    local low
    low, from = unpack_at(TIME, spec, from)
    low = t - low
    local found, capped = 0, 0
    if oldest then
      found = oldest > low and upper or upper - up_to(log, upper, low)
      -- What was reported or seen at another time than this event's is in its own answer all the same.
      if own and (own > t or own <= low) then found = found + 1 end
      -- Whatever was forgotten is older than the oldest that is left: only when that one is in the window is something missing.
      if found > cap or size >= cap and oldest > low then capped = 1 end
      if found > cap then found = cap + 1 end
    end
    answers[#answers + 1] = found * 2 + capped
  end
  return from
end

