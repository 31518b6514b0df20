-- Puts a rebuilt gate in place, unless a later epoch stands already.
-- KEYS: 1 meta   ARGV: 1 epoch, 2 budget_cap (-1: none), 3 budget_used, then (pool, capacity (-1: unlimited), next) per pool (4…)
-- Returns the epoch that stood before, or -1 when ours came too late.
local stood = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if stood >= tonumber(ARGV[1]) then return -1 end
local attempts = redis.call('HGET', KEYS[1], 'attempts') or '0'
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'budget_cap', ARGV[2], 'budget_used', ARGV[3], 'attempts', attempts)
for i = 4, #ARGV, 3 do redis.call('HSET', KEYS[1], 'cap:' .. ARGV[i], ARGV[i + 1], 'next:' .. ARGV[i], ARGV[i + 2]) end
return stood
