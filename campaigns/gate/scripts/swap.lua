-- Puts a rebuilt gate in place, unless a later epoch stands already.
-- KEYS: 1 meta   ARGV: 1 epoch, 2 capacity (-1: unlimited), 3 next, 4 budget_cap (-1: none), 5 budget_used
-- Returns the epoch that stood before, or -1 when ours came too late.
local stood = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if stood >= tonumber(ARGV[1]) then return -1 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'capacity', ARGV[2], 'next', ARGV[3], 'budget_cap', ARGV[4], 'budget_used', ARGV[5])
return stood
