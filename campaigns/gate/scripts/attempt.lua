-- The first look at a command: counts it and says at once what cannot succeed, so that losers never reach the risk engine or SQL. Takes nothing.
-- KEYS: 1 meta, 2 request, 3 the pool's free slots, 4 leases, then one count hash per limit (5…)
-- ARGV: 1 epoch, 2 now_ms, 3 cost_fen, 4 body_hash, 5 pool ("" takes no stock), 6 quantity, then (token, cap, places) per limit (7…)
-- Returns {code, detail}: absent | epoch (detail: the gate's) | seen | reused | no_pool | sold_out (detail: what is left) | reclaim | budget |
--   limit (detail: which key) | ok
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'budget_cap', 'budget_used', 'cap:' .. ARGV[5], 'next:' .. ARGV[5])
if not meta[1] then return {'absent', ''} end
if meta[1] ~= ARGV[1] then return {'epoch', meta[1]} end
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
local known = redis.call('GET', KEYS[2])
if known then
  if string.match(known, '|([^|]*)$') ~= ARGV[4] then return {'reused', ''} end
  return {'seen', ''}
end
local function full(code, detail)
  if redis.call('ZCOUNT', KEYS[4], '-inf', ARGV[2]) > 0 then return {'reclaim', ''} end
  return {code, tostring(detail)}
end
local quantity = tonumber(ARGV[6])
if ARGV[5] ~= '' then
  if not meta[4] then return {'no_pool', ''} end
  local capacity = tonumber(meta[4])
  if capacity >= 0 then
    local left = capacity - tonumber(meta[5])
    if left < quantity then
      left = left + redis.call('ZCARD', KEYS[3])
      if left < quantity then return full('sold_out', left) end
    end
  end
end
local cap = tonumber(meta[2])
if cap >= 0 and tonumber(meta[3]) + tonumber(ARGV[3]) > cap then return full('budget', '') end
for i = 5, #KEYS do
  local at = 7 + (i - 5) * 3
  if tonumber(redis.call('HGET', KEYS[i], ARGV[at]) or '0') + tonumber(ARGV[at + 2]) > tonumber(ARGV[at + 1]) then return full('limit', i - 4) end
end
return {'ok', ''}
