-- Records one event at one entity and reads that entity's features, in one call. A retry of the event changes nothing, and one that was cancelled
--   (`cancel.lua`) is recorded nowhere.
-- KEYS: one per part, and last the entity's cancelled events; all with the entity's hash tag
-- ARGV: 1 event time (ms), 2 how long late events are believed (ms), 3 the event's token, 4 what the parts are, which is the same for all events of a
--   type: for each its kind (1 byte), cap (4), how long it is kept in ms (6), how many windows (1) and those in ms (6 each), big end first. Then per
--   part its member ("" records nothing; for a packed one time and member as its entry has them), and where the kind says so one argument more.
--   Kinds: "s" last sighting of each member, "c" events, both packed (packed.lua) | "f" first time of the entity; more: the given start of the entity
--   (ms, "" when not known) | "l", "n" events with values, of the latter the newest; more: "lowest score|event time|how many at most", scores in
--   microseconds | "i" the events that the rings have counted, before them | "r", "a", "d" a value per bucket (ring.lua); more: its reach
-- Returns one after another, for each window of a packed part a number (see packed.lua); for first its time before this event, or "" when this event
--   is the first; for a log {member, score, …} up to the event's time; for a ring a count or "events low high"; nothing for ids.
local t, grace, event, spec = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]

local cancelled = call('ZSCORE', KEYS[#KEYS], event)
local answers, known = {}, false
local from, argument = 1, 5
for i = 1, #KEYS - 1 do
  local kind, cap, keep, windows, key, member
  kind, cap, keep, windows, from = unpack_at(PART, spec, from)
  key, member, argument = KEYS[i], cancelled and '' or ARGV[argument], argument + 1
  if windows > 0 then
    from = counted(answers, key, kind, t, cap, keep, windows, spec, from, member, true)
  elseif kind == 'i' then
    known = member ~= '' and knew(key, keep, cap, member, true)
  else
    local more = ARGV[argument]
    argument = argument + 1
    if kind == 'f' then
      answers[#answers + 1] = first_time(key, t, event, keep, member, more)
    elseif kind == 'l' or kind == 'n' then
      answers[#answers + 1] = events_of(key, kind, t, keep, cap, member, more)
    else
      answers[#answers + 1] = ring(key, kind, keep, cap, member, more, known, true)
    end
  end
end
return answers
