-- The stored decision of an event, or nothing.
-- KEYS: 1 answer
-- ARGV: none
return redis.call('GET', KEYS[1])
