-- Reads batches of the activity of a worker id, newest first. 2 worker id, 3 how many at most, 4 the last id (`+`: the
-- newest), 5 since when, 6 whether that is for how many ms, 7 after how many entries it is enough, 8 how many entries of the
-- last id count or ''. Answers: now, whether there may be more, then for each: id, fields.
-- How many are read at a time: those of a busy instance have 256 entries each, and a page needs few of them.
local STEP = 4
local stream, left, last = key(ARGV[2], 'activity'), tonumber(ARGV[3]), ARGV[4]
local since, wanted, of_first = tonumber(ARGV[5]), tonumber(ARGV[7]), tonumber(ARGV[8])
if ARGV[6] == '1' then since = NOW - since end
since = digits(math.max(since, 0)) -- what ended since then was logged since then
local answer, found, has_more = { NOW, 1 }, 0, true
while has_more and left > 0 and found < wanted do
  local most = math.min(left, STEP)
  local batches = call('XREVRANGE', stream, last, since, 'COUNT', most)
  for _, batch in ipairs(batches) do
    answer[#answer + 1] = batch
    local count = size_of_batch(batch[2])
    if of_first and batch[1] == ARGV[4] then count = math.min(count, of_first) end
    found = found + count
  end
  has_more, left = #batches == most, left - #batches
  if has_more then last = '(' .. batches[#batches][1] end
end
if not has_more then answer[2] = 0 end
return answer
