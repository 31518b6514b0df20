-- After the commit: the slot is taken for good and the request is known as served, by the hash of its body.
-- KEYS: 1 meta, 2 request, 3 leases   ARGV: 1 epoch, 2 request_id, 3 keep_ms
-- Returns 1, or 0 when the gate has moved on to another epoch (which read the commit from SQL).
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
local lease = redis.call('HGET', KEYS[3], ARGV[2])
if lease then
  redis.call('HDEL', KEYS[3], ARGV[2])
  redis.call('SET', KEYS[2], string.match(lease, '^%d+|[^|]*|([^|]*)|'), 'PX', ARGV[3])
end
return 1
