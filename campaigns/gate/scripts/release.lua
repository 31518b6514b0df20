-- Gives leased slots back, with their share of the budget and of the limits. A lease that is gone gives nothing back twice.
-- KEYS: 1 meta, 2 leases, 3 the pool's free slots
-- ARGV: 1 epoch, 2 request_id, 3 the pool that the caller knows from the lease, and with it the keys
-- Returns 1 when it gave the slots back, else 0.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
local lease = redis.call('HGET', KEYS[2], ARGV[2])
if not lease then return 0 end
local slots, cost, limits, pool = string.match(lease, '^%d+|([-%d,]+)|[^|]*|(%d+)|([^|]*)|(.*)$')
if pool ~= ARGV[3] then return 0 end
local back = 0
for slot in string.gmatch(slots, '[^,]+') do
  if tonumber(slot) >= 0 then back = back + redis.call('ZADD', KEYS[3], slot, slot) end
end
if back > 0 then redis.call('HINCRBY', KEYS[1], 'back:' .. pool, back) end
if cost ~= '0' then redis.call('HINCRBY', KEYS[1], 'budget_used', -tonumber(cost)) end
for field, places in string.gmatch(limits, '([^*,]+)%*(%d+)') do
  if redis.call('HINCRBY', KEYS[1], 'n:' .. field, -tonumber(places)) <= 0 then redis.call('HDEL', KEYS[1], 'n:' .. field) end
end
redis.call('HDEL', KEYS[2], ARGV[2])
return 1
