-- Moves the oldest ids of a queue to the list of a bridge, and notes that the bridge lives.
-- KEYS: 1 queue, 2 the bridge's list, 3 bridges. ARGV: 1 bridge, 2 its lease (ms), 3 most ids. Answers the ids.
begin_with_bridges(KEYS[3])
call('ZADD', KEYS[3], now() + ARGV[2], ARGV[1])
local ids = {}
for i = 1, tonumber(ARGV[3]) do
  local id = call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT')
  if not id then break end
  ids[i] = id
end
return ids
