-- What `record.lua` would answer, and nothing is recorded: for dry runs. Takes the same KEYS and ARGV.
local t, spec = tonumber(ARGV[1]), ARGV[4]

local function first_time(key)
  local stored = call('GET', key)
  local first = stored and tonumber(string.match(stored, '^(%-?%d+)|'))
  return first and first <= t and string.format('%d', first) or ''
end

local function events_of(key, kind, member, reach)
  local low, now, most = string.match(reach, '^(.-)|(.-)|(.*)$')
  local found
  if kind == 'n' then
    found = call('ZREVRANGEBYSCORE', key, now, low, 'WITHSCORES', 'LIMIT', 0, most)
  else
    found = call('ZRANGEBYSCORE', key, low, now, 'WITHSCORES')
  end
  if member ~= '' and not call('ZSCORE', key, member) then
    local first = kind == 'n' and 1 or #found + 1
    table.insert(found, first, now)
    table.insert(found, first, member)
  end
  return found
end

local answers, known = {}, false
local from, argument = 1, 5
for i = 1, #KEYS - 1 do
  local kind, cap, keep, windows, key, member
  kind, cap, keep, windows, from = unpack_at(PART, spec, from)
  key, member, argument = KEYS[i], ARGV[argument], argument + 1
  if windows > 0 then
    from = counted(answers, key, kind, t, cap, keep, windows, spec, from, member, false)
  elseif kind == 'i' then
    known = member ~= '' and knew(key, 0, cap, member, false)
  else
    local more = ARGV[argument]
    argument = argument + 1
    if kind == 'f' then
      answers[#answers + 1] = first_time(key)
    elseif kind == 'l' or kind == 'n' then
      answers[#answers + 1] = events_of(key, kind, member, more)
    else
      answers[#answers + 1] = ring(key, kind, 0, cap, member, more, known, false)
    end
  end
end
return answers
