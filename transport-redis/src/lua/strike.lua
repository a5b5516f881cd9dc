-- Strikes names off a list that have not been noted for a time: 2 the list of names, 3 that time in ms, then names. Answers:
-- now.
local list, before = PREFIX .. ':' .. ARGV[2], NOW - tonumber(ARGV[3])
for i = 4, #ARGV do
  local at = tonumber(call('ZSCORE', list, ARGV[i]) or '')
  if at and at < before then call('ZREM', list, ARGV[i]) end
end
return { NOW }
