-- Renews the lease of a bridge, and puts the ids of dead bridges back to the front of the queue.
-- KEYS: 1 queue, 2 bridges. ARGV: 1 bridge, 2 its lease (ms), 3 how long a dead bridge is kept (ms), 4 most ids, 5 what
-- the names of the bridges' lists begin with. Answers how many ids were put back, and whether some may be left.
local at, left = now(), tonumber(ARGV[4])
begin_with_bridges(KEYS[2])
call('ZADD', KEYS[2], at + ARGV[2], ARGV[1])
local dead = call('ZRANGEBYSCORE', KEYS[2], '-inf', at, 'WITHSCORES', 'LIMIT', 0, 256)
for i = 1, #dead, 2 do
  local list = ARGV[5] .. dead[i]
  while left > 0 do
    -- The newest stands left in both lists.
    local id = redis.pcall('LMOVE', list, KEYS[1], 'LEFT', 'RIGHT')
    if type(id) ~= 'string' then break end
    left = left - 1
  end
  -- A command of the dead bridge may still be on its way, so its list is checked for a while.
  if redis.pcall('LLEN', list) == 0 and at - dead[i + 1] > tonumber(ARGV[3]) then call('ZREM', KEYS[2], dead[i]) end
end
return { ARGV[4] - left, left == 0 and 1 or 0 }
