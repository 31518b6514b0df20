-- Puts a gate that was built aside in place, unless a later epoch stands already.
-- KEYS: 1 meta, 2 the meta that was built   ARGV: 1 epoch
-- Returns the epoch that stood before, -1 when ours came too late, -2 when what was built is gone.
local stood = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if stood >= tonumber(ARGV[1]) then return -1 end
if redis.call('EXISTS', KEYS[2]) == 0 then return -2 end
redis.call('UNLINK', KEYS[1])
redis.call('RENAME', KEYS[2], KEYS[1])
redis.call('PERSIST', KEYS[1])
return stood
