-- What `record.lua` would answer, and nothing is recorded: for dry runs. Takes the same KEYS and ARGV.
local t = tonumber(ARGV[1])
local answers = {}
for i = 1, #KEYS do
  local at = 4 + (i - 1) * 5
  local kind, window, cap, member = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3]
  if kind == 'first' then
    local stored = redis.call('GET', KEYS[i])
    local first = stored and tonumber(string.match(stored, '^(%-?%d+)|'))
    answers[i] = {first and first <= t and string.format('%d', first) or '', 0}
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
    answers[i] = {found, capped}
  end
end
return answers
