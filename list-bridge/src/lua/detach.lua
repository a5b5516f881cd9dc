-- Ends a bridge: puts its ids back to the front of the queue.
-- KEYS: 1 queue, 2 the bridge's list, 3 bridges. ARGV: 1 bridge, 2 most ids. Answers how many ids are left.
begin_with_bridges(KEYS[3])
for _ = 1, tonumber(ARGV[2]) do
  if not call('LMOVE', KEYS[2], KEYS[1], 'LEFT', 'RIGHT') then break end
end
local left = call('LLEN', KEYS[2])
-- It stays listed, as dead: what a command on its way still moves to its list is found there.
if left == 0 then call('ZADD', KEYS[3], now(), ARGV[1]) end
return left
