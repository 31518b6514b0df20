-- Takes the lowest free slot under a lease, or answers as the first look does. The same request gets the same slot and a renewed lease.
-- KEYS: 1 meta, 2 request, 3 free, 4 leases, 5 held, then one count hash per limit (6…)
-- ARGV: 1 epoch, 2 now_ms, 3 cost_fen, 4 body_hash, 5 request_id, 6 lease_ms, 7 keep_ms, then (token, cap) per limit (8…)
-- Returns {code, detail}: absent | epoch | served | reused | sold_out | reclaim | budget | limit | ok (detail: the slot; -1 when stock is unlimited)
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'capacity', 'next', 'budget_cap', 'budget_used')
if not meta[1] then return {'absent', ''} end
if meta[1] ~= ARGV[1] then return {'epoch', meta[1]} end
local until_ms = tonumber(ARGV[2]) + tonumber(ARGV[6])
local known = redis.call('GET', KEYS[2])
if known then
  local state, slot, body = string.match(known, '^(%a)|(-?%d+)|(.*)$')
  if body ~= ARGV[4] then return {'reused', ''} end
  if state == 'S' then return {'served', slot} end
  redis.call('ZADD', KEYS[4], until_ms, ARGV[5])
  return {'ok', slot}
end
local function expired()
  return redis.call('ZCOUNT', KEYS[4], '-inf', ARGV[2]) > 0
end
local cap, cost = tonumber(meta[4]), tonumber(ARGV[3])
if cap >= 0 and tonumber(meta[5]) + cost > cap then
  return {expired() and 'reclaim' or 'budget', ''}
end
for i = 6, #KEYS do
  local at = 8 + (i - 6) * 2
  if tonumber(redis.call('HGET', KEYS[i], ARGV[at]) or '0') >= tonumber(ARGV[at + 1]) then
    if expired() then return {'reclaim', ''} end
    return {'limit', tostring(i - 5)}
  end
end
local capacity, slot = tonumber(meta[2]), -1
if capacity >= 0 then
  local freed = redis.call('ZPOPMIN', KEYS[3])
  if #freed > 0 then
    slot = tonumber(freed[1])
  elseif tonumber(meta[3]) < capacity then
    slot = tonumber(meta[3])
    redis.call('HINCRBY', KEYS[1], 'next', 1)
  else
    return {expired() and 'reclaim' or 'sold_out', ''}
  end
end
redis.call('HINCRBY', KEYS[1], 'budget_used', cost)
redis.call('ZADD', KEYS[4], until_ms, ARGV[5])
local tokens = {}
for i = 6, #KEYS do
  local token = ARGV[8 + (i - 6) * 2]
  redis.call('HINCRBY', KEYS[i], token, 1)
  tokens[#tokens + 1] = token
end
redis.call('HSET', KEYS[5], ARGV[5], slot .. '|' .. cost .. '|' .. table.concat(tokens, ','))
redis.call('SET', KEYS[2], 'L|' .. slot .. '|' .. ARGV[4], 'PX', ARGV[7])
return {'ok', tostring(slot)}
