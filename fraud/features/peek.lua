-- What `record.lua` would answer, and nothing is recorded: for dry runs. Takes the same KEYS and ARGV.
local t = tonumber(ARGV[1])
local answers, known = {}, false
for i = 1, #KEYS - 1 do
  local at = 4 + (i - 1) * 5
  local kind, window, cap, member = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3]
  if kind == 'first' then
    local stored = redis.call('GET', KEYS[i])
    local first = stored and tonumber(string.match(stored, '^(%-?%d+)|'))
    answers[i] = {first and first <= t and string.format('%d', first) or '', 0}
  elseif kind == 'log' or kind == 'newest' then
    local low, now, most = string.match(ARGV[at + 4], '^(.-)|(.-)|(.*)$')
    local found
    if kind == 'newest' then
      found = redis.call('ZREVRANGEBYSCORE', KEYS[i], now, low, 'WITHSCORES', 'LIMIT', 0, most)
    else
      found = redis.call('ZRANGEBYSCORE', KEYS[i], low, now, 'WITHSCORES')
    end
    if member ~= '' and not redis.call('ZSCORE', KEYS[i], member) then
      local first = kind == 'newest' and 1 or #found + 1
      table.insert(found, first, now)
      table.insert(found, first, member)
    end
    answers[i] = {found, redis.call('ZCARD', KEYS[i]) >= cap and 1 or 0}
  elseif kind == 'ids' then
    known = member ~= '' and knew(KEYS[i], 0, cap, member, false)
    answers[i] = {0, 0}
  elseif string.sub(kind, 1, 5) == 'ring-' then
    answers[i] = ring(KEYS[i], kind, 0, cap, member, ARGV[at + 4], known, false)
  else
    local found = redis.call('ZCOUNT', KEYS[i], '(' .. (t - window), t)
    if member ~= '' then
      local score = tonumber(redis.call('ZSCORE', KEYS[i], member) or '')
      if not score or score > t or score <= t - window then found = found + 1 end
    end
    local capped = 0
    if redis.call('ZCARD', KEYS[i]) >= cap then
      local oldest = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
      if tonumber(oldest[2]) > t - window then capped = 1 end
    end
    answers[i] = found * 2 + capped
  end
end
return answers
