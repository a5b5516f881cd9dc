-- The living instances. 2 worker id or ''. For each: worker id, instance, alive until, claimed.
local out = { NOW }
local names = ARGV[2] ~= '' and { ARGV[2] } or call('SMEMBERS', PREFIX .. ':queues')
for _, w in ipairs(names) do
  local alive = call('ZRANGEBYSCORE', key(w, 'alive'), '(' .. NOW, '+inf', 'WITHSCORES')
  for i = 1, #alive, 2 do
    for _, v in ipairs({ w, alive[i], alive[i + 1], call('HLEN', held_key(w, alive[i])) }) do out[#out + 1] = v end
  end
end
return out
