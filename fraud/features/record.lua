-- Records one event at one entity and reads that entity's features, in one call. A retry of the event changes nothing, and one that was cancelled
--   (`cancel.lua`) is recorded nowhere.
-- KEYS: one per feature, and last the entity's cancelled events; all with the entity's hash tag
-- ARGV: 1 event time (ms), 2 how long late events are believed (ms), 3 the event's token, then per feature (4…):
--   kind ("seen": last sighting per member | "count": one member per event | "first": first time of the entity | "log", "newest": events with values |
--   "ids": the events that the rings have counted, before them | "ring-…": a value per bucket, see ring.lua),
--   window_ms, cap, member ("" records nothing), and for "first" the given start of the entity (ms, "" when not known), for a log
--   "lowest score|event time|how many at most", scores in microseconds, for a ring its reach
-- Returns per feature, for seen and count, the members in (t - window, t] twice, and one more where older ones were forgotten (one number, because
--   tables cost the server more than the counting); for first {time, 0}, the entity's first time before this event, or "" when this event is the
--   first; for a log {{member, score, …}, capped} up to the event's time; for a ring {count, 0} or {"events low high", 0}.
local t, grace, event = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local call = redis.call

local function in_window(key, kind, window, cap, member)
  local moved
  if member ~= '' then
    -- A late event never moves a member's last sighting back; an event keeps the time of its first report.
    moved = call('ZADD', key, kind == 'seen' and 'GT' or 'NX', 'CH', ARGV[1], member) == 1
    if moved then call('PEXPIRE', key, window + grace) end
  end
  local found = call('ZCOUNT', key, t - window + 1, ARGV[1])
  -- What was moved stands at t; only of a retry and of a late event it must be asked.
  if moved == false then
    local score = tonumber(call('ZSCORE', key, member))
    if score > t or score <= t - window then found = found + 1 end
  end
  local size, capped, stale = call('ZCARD', key), 0, false
  if size >= cap then
    local oldest = tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
    -- Whatever was forgotten is older than the oldest that is left: only when that one is in the window is something missing.
    if oldest > t - window then capped = 1 end
    if size > cap then call('ZREMRANGEBYRANK', key, 0, size - cap - 1) end
    stale = oldest <= t - window - grace
  end
  -- What is too old for every window is in nobody's way, so it goes now and then.
  if stale or size > 0 and size % 8 == 0 then call('ZREMRANGEBYSCORE', key, '-inf', t - window - grace) end
  return found * 2 + capped
end

local function first_time(key, keep, member, given)
  local stored = redis.call('GET', key)
  local at, owner
  if stored then
    at, owner = string.match(stored, '^(%-?%d+)|(.*)$')
    at = tonumber(at)
  end
  local candidate, by = t, event
  if given ~= '' then candidate, by = tonumber(given), '' end
  if member ~= '' and (not at or candidate < at) then
    redis.call('SET', key, string.format('%d|%s', candidate, by), 'PX', keep + grace)
  end
  if at and owner ~= event and at <= t then return {string.format('%d', at), 0} end
  return {'', 0}
end

local function events_of(key, kind, window, cap, member, reach)
  local low, now, most = string.match(reach, '^(.-)|(.-)|(.*)$')
  if member ~= '' then
    -- An event keeps the time of its first report.
    redis.call('ZADD', key, 'NX', now, member)
    redis.call('PEXPIRE', key, window + grace)
  end
  local found
  if kind == 'newest' then
    found = redis.call('ZREVRANGEBYSCORE', key, now, low, 'WITHSCORES', 'LIMIT', 0, most)
  else
    found = redis.call('ZRANGEBYSCORE', key, low, now, 'WITHSCORES')
  end
  local size, capped = redis.call('ZCARD', key), 0
  if size >= cap then
    capped = 1
    if size > cap then redis.call('ZREMRANGEBYRANK', key, 0, size - cap - 1) end
  end
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', (t - window - grace) * 1000))
  return {found, capped}
end

local cancelled = call('ZSCORE', KEYS[#KEYS], event)
local answers, known = {}, false
for i = 1, #KEYS - 1 do
  local at = 4 + (i - 1) * 5
  local kind, window, cap, member = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), cancelled and '' or ARGV[at + 3]
  if kind == 'first' then
    answers[i] = first_time(KEYS[i], window, member, ARGV[at + 4])
  elseif kind == 'log' or kind == 'newest' then
    answers[i] = events_of(KEYS[i], kind, window, cap, member, ARGV[at + 4])
  elseif kind == 'ids' then
    known = member ~= '' and knew(KEYS[i], window + grace, cap, member, true)
    answers[i] = {0, 0}
  elseif string.sub(kind, 1, 5) == 'ring-' then
    answers[i] = ring(KEYS[i], kind, window + grace, cap, member, ARGV[at + 4], known, true)
  else
    answers[i] = in_window(KEYS[i], kind, window, cap, member)
  end
end
return answers
