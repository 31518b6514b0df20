-- Takes a cancelled event back from one entity's features where that is exact, and keeps a retry of it from being counted again.
-- KEYS and ARGV: as for `record.lua`; the last key holds the cancelled events
-- Counts and logs that may have forgotten older events stay as they are: one less would say that there were fewer than there were. What was last
--   seen stays too, because the sighting before it is not known any more, and so does the first time of an entity: it was there, whatever came of it.
--   Rings hold sums of many events, which none leaves.
-- Returns from how many features the event was taken.
local REMEMBERED = 1000
local t, grace, event, spec = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local taken, from, argument = 0, 1, 5

-- From how many windows of a packed log of events it was taken.
local function uncounted(key, cap, windows, entry)
  local log = call('GET', key)
  -- One of more than the cap leaves as many as the cap, which says "or more" as before.
  local at = log and #log / WIDTH ~= cap and place_of(log, sub(entry, 7))
  if not at then return 0 end
  if #log == WIDTH then call('DEL', key) else call('SET', key, without(log, at), 'KEEPTTL') end
  return windows
end

for i = 1, #KEYS - 1 do
  local kind, cap, _, windows
  kind, cap, _, windows, from = unpack_at(PART, spec, from)
  local member = ARGV[argument]
  from, argument = from + windows * 6, argument + ((windows > 0 or kind == 'i') and 1 or 2)
  if member ~= '' then
    if kind == 'c' then
      taken = taken + uncounted(KEYS[i], cap, windows, member)
    elseif kind == 'n' or kind == 'l' and call('ZCARD', KEYS[i]) < cap then
      taken = taken + call('ZREM', KEYS[i], member)
    end
  end
end
local cancelled = KEYS[#KEYS]
call('ZADD', cancelled, t, event)
call('ZREMRANGEBYRANK', cancelled, 0, -REMEMBERED - 1)
call('PEXPIRE', cancelled, grace)
return taken
