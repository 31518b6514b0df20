-- Gives back what a committed reward held, after SQL has deleted its slots. Once per reward.
-- KEYS: 1 meta, 2 once, 3 free, then one count hash per limit (4…)   ARGV: 1 epoch, 2 slot (-1: none), 3 cost_fen, 4 keep_ms, then a token per limit (5…; empty: none)
-- Returns 1 when given back, else 0.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
if not redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[4]) then return 0 end
if tonumber(ARGV[2]) >= 0 then redis.call('ZADD', KEYS[3], ARGV[2], ARGV[2]) end
redis.call('HINCRBY', KEYS[1], 'budget_used', -tonumber(ARGV[3]))
for i = 4, #KEYS do
  local token = ARGV[i + 1]
  if token ~= '' and redis.call('HINCRBY', KEYS[i], token, -1) <= 0 then redis.call('HDEL', KEYS[i], token) end
end
return 1
