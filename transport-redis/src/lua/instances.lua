-- The living instances of a worker id. 2 worker id. Answers: now, then for each: instance, alive until, claimed, when it began,
-- its description and what it runs; '' for each of the last three before its first report.
local out, w = { NOW }, ARGV[2]
local alive = call('ZRANGEBYSCORE', key(w, 'alive'), '(' .. NOW, '+inf', 'WITHSCORES')
for i = 1, #alive, 2 do
  local said = pcall_('HMGET', key(w, 'announced:' .. alive[i]), 'started_at', 'description', 'in_flight')
  local claimed = call('HLEN', held_key(w, alive[i]))
  for _, v in ipairs({ alive[i], alive[i + 1], claimed, said[1] or '', said[2] or '', said[3] or '' }) do
    out[#out + 1] = v
  end
end
return out
