-- Reads cancelled tasks whose children are still to be cancelled. 2 worker id, then ids of those of which that is done.
-- Answers: now, then for each id, ids of its children, separated by spaces.
-- How many one call reads: each may have a thousand children.
local MOST = 8
local k, answers = key(ARGV[2], 'orphaned'), { NOW }
if #ARGV > 2 then call('SREM', k, unpack(ARGV, 3)) end
for _, id in ipairs(call('SRANDMEMBER', k, MOST)) do
  answers[#answers + 1] = id
  answers[#answers + 1] = table.concat(call('ZRANGE', children_key(id), 0, -1), ' ')
end
return answers
