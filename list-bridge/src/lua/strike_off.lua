-- Strikes off an id, once. KEYS: 1 the bridge's list, 2 queue, 3 bridges. ARGV: 1 id, 2 what the names of the bridges' lists
-- begin with. Answers 0 if another bridge has the id or will take it, else 1: also if this is a repetition, since the first
-- answer was lost. It searches from the right: the oldest ids stand there, and are mostly the first to be answered.
if call('LREM', KEYS[1], -1, ARGV[1]) == 1 then return 1 end
if call('LPOS', KEYS[2], ARGV[1]) then return 0 end
for _, bridge in ipairs(call('ZRANGE', KEYS[3], 0, -1)) do
  if redis.pcall('LPOS', ARGV[2] .. bridge, ARGV[1]) then return 0 end
end
return 1
