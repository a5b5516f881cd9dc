-- The claims of an instance, as the queue knows them, for one that may have missed an answer.
-- 2 worker id, 3 instance, then the ids of those that it wants to know of. Answers: now, then without ids those of all;
-- with ids, 'claimed', when to look again, and for each: id, task, delivery, attempt, deaths.
local w, instance = ARGV[2], ARGV[3]
local out = { NOW, 'claimed', NOW }
call('HDEL', key(w, 'idle'), instance)
call('DEL', key(w, 'give:' .. instance)) -- it is among those below
if #ARGV == 3 then return { NOW, call('HKEYS', held_key(w, instance)) } end
for i = 4, #ARGV do
  local id = ARGV[i]
  local packed = call('HGET', held_key(w, instance), id)
  local r = call('HMGET', record_key(id), 'status', 'instance', 'delivery', 'attempt', 'deaths')
  if packed and r[1] == 'processing' and r[2] == instance then
    local n = #out
    out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = id, packed, r[3], r[4] or '0', r[5] or '0'
  end
end
return out
