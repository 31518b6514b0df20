-- Takes the lowest free slots under a lease, or answers as the first look does. The same request gets the same slots and a renewed lease.
-- KEYS: 1 meta, 2 request, 3 the pool's free slots, 4 leases, 5 held, then one count hash per limit (6…)
-- ARGV: 1 epoch, 2 now_ms, 3 cost_fen, 4 body_hash, 5 pool ("" takes no stock), 6 quantity, 7 request_id, 8 lease_ms, 9 keep_ms,
--   then (token, cap, places, kind) per limit (10…)
-- Returns {code, detail}: absent | epoch | served | reused | no_pool | sold_out | reclaim | budget | limit |
--   ok (detail: the slots, by commas; -1 where the stock is unlimited or none was asked for)
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'budget_cap', 'budget_used', 'cap:' .. ARGV[5], 'next:' .. ARGV[5])
if not meta[1] then return {'absent', ''} end
if meta[1] ~= ARGV[1] then return {'epoch', meta[1]} end
local until_ms = tonumber(ARGV[2]) + tonumber(ARGV[8])
local known = redis.call('GET', KEYS[2])
if known then
  local state, slots, body = string.match(known, '^(%a)|([-%d,]+)|(.*)$')
  if body ~= ARGV[4] then return {'reused', ''} end
  if state == 'S' then return {'served', slots} end
  redis.call('ZADD', KEYS[4], until_ms, ARGV[7])
  return {'ok', slots}
end
local function full(code, detail)
  if redis.call('ZCOUNT', KEYS[4], '-inf', ARGV[2]) > 0 then return {'reclaim', ''} end
  return {code, tostring(detail)}
end
local cap, cost, quantity = tonumber(meta[2]), tonumber(ARGV[3]), tonumber(ARGV[6])
if cap >= 0 and tonumber(meta[3]) + cost > cap then return full('budget', '') end
for i = 6, #KEYS do
  local at = 10 + (i - 6) * 4
  if tonumber(redis.call('HGET', KEYS[i], ARGV[at]) or '0') + tonumber(ARGV[at + 2]) > tonumber(ARGV[at + 1]) then return full('limit', i - 5) end
end
local slots = {}
if ARGV[5] ~= '' then
  if not meta[4] then return {'no_pool', ''} end
  local capacity, following = tonumber(meta[4]), tonumber(meta[5])
  if capacity >= 0 then
    local fresh = capacity - following
    -- Free slots first: they are the lowest, so that what was given back is sold before what never was.
    local left = fresh + (fresh < quantity and redis.call('ZCARD', KEYS[3]) or quantity)
    if left < quantity then return full('sold_out', left) end
    local freed = redis.call('ZPOPMIN', KEYS[3], quantity)
    for i = 1, #freed, 2 do slots[#slots + 1] = freed[i] end
    while #slots < quantity do
      slots[#slots + 1] = tostring(following)
      following = following + 1
    end
    redis.call('HSET', KEYS[1], 'next:' .. ARGV[5], following)
  end
end
local taken = #slots > 0 and table.concat(slots, ',') or '-1'
redis.call('HINCRBY', KEYS[1], 'budget_used', cost)
redis.call('ZADD', KEYS[4], until_ms, ARGV[7])
local tokens = {}
for i = 6, #KEYS do
  local at = 10 + (i - 6) * 4
  redis.call('HINCRBY', KEYS[i], ARGV[at], ARGV[at + 2])
  tokens[#tokens + 1] = ARGV[at + 3] .. '=' .. ARGV[at] .. '*' .. ARGV[at + 2]
end
redis.call('HSET', KEYS[5], ARGV[7], taken .. '|' .. ARGV[3] .. '|' .. table.concat(tokens, ',') .. '|' .. ARGV[5])
redis.call('SET', KEYS[2], 'L|' .. taken .. '|' .. ARGV[4], 'PX', ARGV[9])
return {'ok', taken}
