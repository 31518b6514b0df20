-- Takes messages that are in SQL out of a decision stream.
-- KEYS: 1 stream, 2 where each of its decisions stands (decision → message); both with one hash tag
-- ARGV: 1 group, then for each message: its id, its decision's id ("" when it cannot be told)
-- Returns how many messages left
local left = 0
for i = 2, #ARGV, 2 do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  left = left + redis.call('XDEL', KEYS[1], ARGV[i])
  redis.call('HDEL', KEYS[2], ARGV[i + 1])
end
-- Whatever an unreadable message left behind goes when nothing waits.
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
return left
