-- Takes a cancelled event back from one entity's features where that is exact, and keeps a retry of it from being counted again.
-- KEYS and ARGV: as for `record.lua`; the last key holds the cancelled events
-- Counts and logs that may have forgotten older events stay as they are: one less would say that there were fewer than there were. What was last
--   seen stays too, because the sighting before it is not known any more, and so does the first time of an entity: it was there, whatever came of it.
--   Rings hold sums of many events, which none leaves.
-- Returns from how many features the event was taken.
local REMEMBERED = 1000
local t, grace, event = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local taken = 0
for i = 1, #KEYS - 1 do
  local at = 4 + (i - 1) * 5
  local kind, cap, member = ARGV[at], tonumber(ARGV[at + 2]), ARGV[at + 3]
  if member ~= '' and (kind == 'newest' or ((kind == 'count' or kind == 'log') and redis.call('ZCARD', KEYS[i]) < cap)) then
    taken = taken + redis.call('ZREM', KEYS[i], member)
  end
end
local cancelled = KEYS[#KEYS]
redis.call('ZADD', cancelled, t, event)
redis.call('ZREMRANGEBYRANK', cancelled, 0, -REMEMBERED - 1)
redis.call('PEXPIRE', cancelled, grace)
return taken
