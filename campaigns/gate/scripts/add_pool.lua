-- Adds a pool to a standing gate. Nothing was handed out of it under this epoch, since the gate did not know it.
-- KEYS: 1 meta, 2 the pool's free slots   ARGV: 1 epoch, 2 pool, 3 capacity (-1: unlimited), 4 next, then the free slots below next (5…)
-- Returns 1 when added, 0 when it stands already, -1 when another epoch stands.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return -1 end
if redis.call('HSETNX', KEYS[1], 'cap:' .. ARGV[2], ARGV[3]) == 0 then return 0 end
local pools = redis.call('HGET', KEYS[1], 'pools') or ''
redis.call('HSET', KEYS[1], 'next:' .. ARGV[2], ARGV[4], 'back:' .. ARGV[2], #ARGV - 4, 'pools', pools .. ARGV[2] .. '\n')
for i = 5, #ARGV do redis.call('ZADD', KEYS[2], ARGV[i], ARGV[i]) end
return 1
