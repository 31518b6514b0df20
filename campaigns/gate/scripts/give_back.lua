-- Gives back what something committed held, after SQL has deleted its slots. Once for each name.
-- KEYS: 1 meta, 2 once, 3 the pool's free slots
-- ARGV: 1 epoch, 2 slots by commas ("": none), 3 cost_fen, 4 keep_ms, 5 pool, then (the count's field, count) per limit (6…)
-- Returns 1 when given back, else 0.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
if not redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[4]) then return 0 end
local back = 0
for slot in string.gmatch(ARGV[2], '[^,]+') do back = back + redis.call('ZADD', KEYS[3], slot, slot) end
if back > 0 then redis.call('HINCRBY', KEYS[1], 'back:' .. ARGV[5], back) end
redis.call('HINCRBY', KEYS[1], 'budget_used', -tonumber(ARGV[3]))
for i = 6, #ARGV, 2 do
  if redis.call('HINCRBY', KEYS[1], ARGV[i], -tonumber(ARGV[i + 1])) <= 0 then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return 1
