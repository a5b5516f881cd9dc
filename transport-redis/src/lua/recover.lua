-- The claims of an instance, as the queue knows them, for one that may have missed an answer.
-- 2 worker id, 3 instance, 4 how many. For each: id, task, delivery, attempt, deaths.
local w, instance = ARGV[2], ARGV[3]
local out = { NOW, 'claimed', NOW }
call('HDEL', key(w, 'idle'), instance)
call('DEL', key(w, 'give:' .. instance)) -- it is among those below
local held = call('HRANDFIELD', held_key(w, instance), ARGV[4], 'WITHVALUES')
for i = 1, #held, 2 do
  local r = call('HMGET', record_key(held[i]), 'status', 'instance', 'delivery', 'attempt', 'deaths')
  if r[1] == 'processing' and r[2] == instance then
    local n = #out
    out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] =
      held[i], held[i + 1], r[3], r[4] or '0', r[5] or '0'
  end
end
return out
