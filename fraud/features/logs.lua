-- A part of record.lua: the first time of an entity, and events with values in sorted sets. It has no KEYS or ARGV of its own.

local function first_time(key, t, event, keep, member, given)
  local stored = call('GET', key)
  local at, owner
  if stored then
    at, owner = string.match(stored, '^(%-?%d+)|(.*)$')
    at = tonumber(at)
  end
  local candidate, by = t, event
  if given ~= '' then candidate, by = tonumber(given), '' end
  if member ~= '' and (not at or candidate < at) then
    call('SET', key, string.format('%d|%s', candidate, by), 'PX', keep)
  end
  return at and owner ~= event and at <= t and string.format('%d', at) or ''
end

local function events_of(key, kind, t, keep, cap, member, reach)
  local low, now, most = string.match(reach, '^(.-)|(.-)|(.*)$')
  local size = 0
  -- An event keeps the time of its first report.
  if member ~= '' and call('ZADD', key, 'NX', now, member) == 1 then
    size = call('ZCARD', key)
    if call('PTTL', key) < keep then call('PEXPIRE', key, keep + (keep - keep % 16) / 16) end
  end
  local found
  if kind == 'n' then
    found = call('ZREVRANGEBYSCORE', key, now, low, 'WITHSCORES', 'LIMIT', 0, most)
  else
    found = call('ZRANGEBYSCORE', key, low, now, 'WITHSCORES')
  end
  if size > cap then call('ZREMRANGEBYRANK', key, 0, size - cap - 1) end
  -- What is too old for every window is in nobody's way, so it goes now and then.
  if size > 0 and size % 8 == 0 then call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', (t - keep) * 1000)) end
  return found
end

