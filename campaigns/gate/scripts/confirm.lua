-- After the commit: the slot is taken for good and the request is known as served.
-- KEYS: 1 meta, 2 request, 3 leases, 4 held   ARGV: 1 epoch, 2 request_id
-- Returns 1, or 0 when the gate has moved on to another epoch (which read the commit from SQL).
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HDEL', KEYS[4], ARGV[2])
local known = redis.call('GET', KEYS[2])
if known then redis.call('SET', KEYS[2], 'S' .. string.sub(known, 2), 'KEEPTTL') end
return 1
