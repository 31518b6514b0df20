-- Takes the lowest free slots under a lease, or answers as the first look does. The same request gets the same slots and a renewed lease.
-- KEYS: 1 meta, 2 request, 3 leases, 4 the pool's free slots
-- ARGV: 1 epoch, 2 now_ms, 3 cost_fen, 4 pool ("" takes no stock), 5 quantity, 6 body_hash, 7 request_id, 8 when the lease ends, in ms,
--   9 the lease's tail (cost|kind:token*places by commas|pool), then the count's field of each limit (10…), then their caps, then their places
-- Returns a code and its detail: absent | epoch | served | reused | no_pool | sold_out | reclaim | budget | limit |
--   ok (the slots, by commas; -1 where the stock is unlimited or none was asked for)
-- Few calls, because each costs as much as the rest: counts stand in one hash that is read and written at once, and a lease is one field.
local call = redis.call
local pool, n = ARGV[4], (#ARGV - 9) / 3
local meta = call('HMGET', KEYS[1], 'epoch', 'budget_cap', 'budget_used', 'oldest', 'cap:' .. pool, 'next:' .. pool, 'back:' .. pool, unpack(ARGV, 10, 9 + n))
if meta[1] ~= ARGV[1] then return meta[1] and 'epoch ' .. meta[1] or 'absent' end
local served = call('GET', KEYS[2])
if served then return served == ARGV[6] and 'served' or 'reused' end
local lease = call('HGET', KEYS[3], ARGV[7])
if lease then
  local slots, body = string.match(lease, '^%d+|([^|]*)|([^|]*)|')
  if body ~= ARGV[6] then return 'reused' end
  call('HSET', KEYS[3], ARGV[7], ARGV[8] .. string.match(lease, '^%d+(.*)$'))
  return 'ok ' .. slots
end
local refusal
local write, w = {}, 0
if ARGV[3] ~= '0' then
  local cap, used = tonumber(meta[2]), meta[3] + ARGV[3]
  if cap >= 0 and used > cap then refusal = 'budget' end
  write[1], write[2], w = 'budget_used', used, 2
end
for i = 1, n do
  local count = (meta[7 + i] or 0) + ARGV[9 + n + n + i]
  if count > tonumber(ARGV[9 + n + i]) then refusal = refusal or 'limit ' .. i end
  write[w + 1], write[w + 2], w = ARGV[9 + i], count, w + 2
end
local slots, capacity, quantity, following, back = '-1', -1
if pool ~= '' then
  if not meta[5] then return 'no_pool' end
  capacity = tonumber(meta[5])
  if capacity >= 0 then
    quantity, following, back = tonumber(ARGV[5]), tonumber(meta[6]), 0
    if meta[7] and meta[7] ~= '0' then back = call('ZCARD', KEYS[4]) end
    if capacity - following + back < quantity then refusal = refusal or 'sold_out ' .. capacity - following + back end
  end
end
-- Full only when no lease has ended: `oldest` is no later than the first end.
if refusal then return meta[4] and tonumber(meta[4]) <= tonumber(ARGV[2]) and 'reclaim' or refusal end
if capacity >= 0 then
  if back == 0 and quantity == 1 then
    slots, following = meta[6], following + 1
  else
    -- Free slots first: they are the lowest, so that what was given back is sold before what never was.
    local taken = {}
    if back > 0 then
      local freed = call('ZPOPMIN', KEYS[4], quantity)
      for i = 1, #freed, 2 do taken[#taken + 1] = freed[i] end
      write[w + 1], write[w + 2], w = 'back:' .. pool, back - #taken, w + 2
    end
    while #taken < quantity do
      taken[#taken + 1] = following
      following = following + 1
    end
    slots = table.concat(taken, ',')
  end
  write[w + 1], write[w + 2], w = 'next:' .. pool, following, w + 2
end
if not meta[4] then write[w + 1], write[w + 2], w = 'oldest', ARGV[8], w + 2 end
if w > 0 then call('HSET', KEYS[1], unpack(write, 1, w)) end
call('HSET', KEYS[3], ARGV[7], ARGV[8] .. '|' .. slots .. '|' .. ARGV[6] .. '|' .. ARGV[9])
return 'ok ' .. slots
