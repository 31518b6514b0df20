-- Gives back what something committed held, after SQL has deleted its slots. Once for each name.
-- KEYS: 1 meta, 2 once, 3 the pool's free slots, then one count hash per limit (4…)
-- ARGV: 1 epoch, 2 slots by commas ("": none), 3 cost_fen, 4 keep_ms, then (token, count) per limit (5…)
-- Returns 1 when given back, else 0.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
if not redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[4]) then return 0 end
for slot in string.gmatch(ARGV[2], '[^,]+') do redis.call('ZADD', KEYS[3], slot, slot) end
redis.call('HINCRBY', KEYS[1], 'budget_used', -tonumber(ARGV[3]))
for i = 4, #KEYS do
  local at = 5 + (i - 4) * 2
  if redis.call('HINCRBY', KEYS[i], ARGV[at], -tonumber(ARGV[at + 1])) <= 0 then redis.call('HDEL', KEYS[i], ARGV[at]) end
end
return 1
