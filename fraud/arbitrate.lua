-- Stores the decision of an event unless a rival stored one first, and appends a stored one to the stream when asked.
-- KEYS: 1 answer, and only when the decision goes to the stream, which shares the answer's hash tag: 2 stream, 3 where each of its decisions stands
-- ARGV: 1 decision (canonical bytes), 2 keep_ms, then for the stream: 3 process, 4 number, 5 sealed event, 6 how many messages it may hold,
--   7 the decision's id
-- Returns {"stored", ""}, {"rival", the rival's bytes}, or {"full", ""} when the stream has no room: then nothing is stored
if KEYS[2] and redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[6]) then
  local rival = redis.call('GET', KEYS[1])
  return rival and {'rival', rival} or {'full', ''}
end
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return {'rival', redis.call('GET', KEYS[1])}
end
if KEYS[2] then
  local message = redis.call('XADD', KEYS[2], '*', 'decision', ARGV[1], 'process', ARGV[3], 'number', ARGV[4], 'event', ARGV[5], 'id', ARGV[7])
  redis.call('HSET', KEYS[3], ARGV[7], message)
end
return {'stored', ''}
