-- The first look at a claim: counts it and says at once what cannot succeed, so that losers never reach the risk engine or SQL. Takes nothing.
-- KEYS: 1 meta, 2 request, 3 free, 4 leases, then one count hash per limit (5…)
-- ARGV: 1 epoch, 2 now_ms, 3 cost_fen, 4 body_hash, then (token, cap) per limit (5…)
-- Returns {code, detail}: absent | epoch (detail: the gate's) | seen | reused | sold_out | reclaim | budget | limit (detail: which key) | ok
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'capacity', 'next', 'budget_cap', 'budget_used')
if not meta[1] then return {'absent', ''} end
if meta[1] ~= ARGV[1] then return {'epoch', meta[1]} end
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
local known = redis.call('GET', KEYS[2])
if known then
  if string.match(known, '|([^|]*)$') ~= ARGV[4] then return {'reused', ''} end
  return {'seen', ''}
end
local capacity = tonumber(meta[2])
if capacity >= 0 and tonumber(meta[3]) >= capacity and redis.call('ZCARD', KEYS[3]) == 0 then
  if redis.call('ZCOUNT', KEYS[4], '-inf', ARGV[2]) > 0 then return {'reclaim', ''} end
  return {'sold_out', ''}
end
local cap = tonumber(meta[4])
if cap >= 0 and tonumber(meta[5]) + tonumber(ARGV[3]) > cap then
  if redis.call('ZCOUNT', KEYS[4], '-inf', ARGV[2]) > 0 then return {'reclaim', ''} end
  return {'budget', ''}
end
for i = 5, #KEYS do
  local at = 5 + (i - 5) * 2
  if tonumber(redis.call('HGET', KEYS[i], ARGV[at]) or '0') >= tonumber(ARGV[at + 1]) then
    if redis.call('ZCOUNT', KEYS[4], '-inf', ARGV[2]) > 0 then return {'reclaim', ''} end
    return {'limit', tostring(i - 4)}
  end
end
return {'ok', ''}
