-- Notes in the records of tasks which tasks they dispatch, or strikes those off. 2 most children of a task, then for each: parent,
-- child, + or -. Answers: now, then for each w written, k the parent is cancelled, m it has too many children, e<error>.
local most = tonumber(ARGV[2])

local function note(parent, child)
  local k, children = record_key(parent), children_key(parent)
  local r = pcall_('HMGET', k, 'status', 'cancel')
  if failed(r) or not r[1] then return 'w' end -- nothing can cancel the child with it
  if r[1] == 'cancelled' or r[2] then return 'k' end
  if call('ZSCORE', children, child) then return 'w' end
  if call('ZCARD', children) >= most then return 'm' end
  local last = tonumber(call('ZRANGE', children, -1, -1, 'WITHSCORES')[2] or '') or -1
  call('ZADD', children, digits(last + 1), child)
  call('HSET', k, 'children', '1', 'more', '1')
  if is_over(r[1]) then call('PEXPIRE', children, TTL) end
  return 'w'
end

local function strike(parent, child)
  call('ZREM', children_key(parent), child)
  return 'w'
end

local answers = { NOW }
for i = 3, #ARGV, 3 do
  answers[#answers + 1] = try(ARGV[i + 2] == '+' and note or strike, ARGV[i], ARGV[i + 1])
end
return shortened(answers)
