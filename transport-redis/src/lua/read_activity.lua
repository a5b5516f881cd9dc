-- Reads batches of the activity of a worker id, newest first. 2 worker id, 3 how many at most, 4 the last id (`+`: the
-- newest), 5 since when, 6 whether that is for how many ms. Answers: now, then for each: id, fields.
local since = tonumber(ARGV[5])
if ARGV[6] == '1' then since = NOW - since end
-- What ended since then was logged since then.
return { NOW, unpack(call('XREVRANGE', key(ARGV[2], 'activity'), ARGV[4], digits(math.max(since, 0)), 'COUNT', ARGV[3])) }
