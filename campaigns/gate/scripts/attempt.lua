-- The first look at a command: says at once what cannot succeed, so that losers never reach the risk engine or SQL. Takes nothing, writes nothing.
-- KEYS: 1 meta, 2 request, 3 leases, 4 the pool's free slots
-- ARGV: 1 epoch, 2 now_ms, 3 cost_fen, 4 pool ("" takes no stock), 5 quantity, 6 body_hash, 7 request_id, then the count's field of each limit (8…),
--   then their caps, then their places
-- Returns a code and its detail: absent | epoch (the gate's) | seen | reused | no_pool | sold_out (what is left) | reclaim | budget | limit (which) | ok
local call = redis.call
local pool, n = ARGV[4], (#ARGV - 7) / 3
local meta = call('HMGET', KEYS[1], 'epoch', 'budget_cap', 'budget_used', 'oldest', 'cap:' .. pool, 'next:' .. pool, 'back:' .. pool, unpack(ARGV, 8, 7 + n))
if meta[1] ~= ARGV[1] then return meta[1] and 'epoch ' .. meta[1] or 'absent' end
local body = call('GET', KEYS[2])
if not body then
  local lease = call('HGET', KEYS[3], ARGV[7])
  if lease then body = string.match(lease, '^%d+|[^|]*|([^|]*)|') end
end
if body then return body == ARGV[6] and 'seen' or 'reused' end
local refusal
if pool ~= '' then
  if not meta[5] then return 'no_pool' end
  local capacity = tonumber(meta[5])
  if capacity >= 0 then
    local left = capacity - meta[6]
    if meta[7] and meta[7] ~= '0' then left = left + call('ZCARD', KEYS[4]) end
    if left < tonumber(ARGV[5]) then refusal = 'sold_out ' .. left end
  end
end
if not refusal then
  local cap = tonumber(meta[2])
  if cap >= 0 and meta[3] + ARGV[3] > cap then refusal = 'budget' end
  for i = 1, n do
    if (meta[7 + i] or 0) + ARGV[7 + n + n + i] > tonumber(ARGV[7 + n + i]) then refusal = refusal or 'limit ' .. i end
  end
end
if not refusal then return 'ok' end
-- Full only when no lease has ended: `oldest` is no later than the first end.
return meta[4] and tonumber(meta[4]) <= tonumber(ARGV[2]) and 'reclaim' or refusal
