-- Gives leased slots back, with their share of the budget and of the limits. A lease that is gone gives nothing back twice.
-- KEYS: 1 meta, 2 request, 3 the pool's free slots, 4 leases, 5 held, then one count hash per limit of the lease (6…)
-- ARGV: 1 epoch, 2 request_id, 3 the lease as it was read, from which the caller knows the keys
-- Returns 1 when it gave the slots back, else 0.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
local lease = redis.call('HGET', KEYS[5], ARGV[2])
if not lease or lease ~= ARGV[3] then return 0 end
local slots, cost, tokens = string.match(lease, '^([-%d,]+)|(%d+)|([^|]*)|')
for slot in string.gmatch(slots, '[^,]+') do
  if tonumber(slot) >= 0 then redis.call('ZADD', KEYS[3], slot, slot) end
end
redis.call('HINCRBY', KEYS[1], 'budget_used', -tonumber(cost))
local i = 6
for token, places in string.gmatch(tokens, '=([^*,]+)%*(%d+)') do
  if redis.call('HINCRBY', KEYS[i], token, -tonumber(places)) <= 0 then redis.call('HDEL', KEYS[i], token) end
  i = i + 1
end
redis.call('ZREM', KEYS[4], ARGV[2])
redis.call('HDEL', KEYS[5], ARGV[2])
redis.call('DEL', KEYS[2])
return 1
