-- The living instances. 2 worker id or ''. For each: worker id, instance, alive until, claimed, when it began, its
-- description and what it runs; '' for each of the last three before its first report.
local out = { NOW }
local names = ARGV[2] ~= '' and { ARGV[2] } or call('SMEMBERS', PREFIX .. ':queues')
for _, w in ipairs(names) do
  local alive = call('ZRANGEBYSCORE', key(w, 'alive'), '(' .. NOW, '+inf', 'WITHSCORES')
  for i = 1, #alive, 2 do
    local said = pcall_('HMGET', key(w, 'announced:' .. alive[i]), 'started_at', 'description', 'in_flight')
    local claimed = call('HLEN', held_key(w, alive[i]))
    for _, v in ipairs({ w, alive[i], alive[i + 1], claimed, said[1] or '', said[2] or '', said[3] or '' }) do
      out[#out + 1] = v
    end
  end
end
return out
