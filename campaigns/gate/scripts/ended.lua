-- The leases that have ended. When none has, the gate learns when to look again.
-- KEYS: 1 meta, 2 leases   ARGV: 1 epoch, 2 now_ms, 3 at most so many
-- Returns request ids.
local ended, oldest = {}, nil
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return ended end
local leases, now = redis.call('HGETALL', KEYS[2]), tonumber(ARGV[2])
for i = 1, #leases, 2 do
  local ends = tonumber(string.match(leases[i + 1], '^%d+'))
  if ends <= now then
    ended[#ended + 1] = leases[i]
    if #ended == tonumber(ARGV[3]) then return ended end
  elseif not oldest or ends < oldest then
    oldest = ends
  end
end
if #ended == 0 then
  if oldest then redis.call('HSET', KEYS[1], 'oldest', oldest) else redis.call('HDEL', KEYS[1], 'oldest') end
end
return ended
