-- The claims of an instance, as the queue knows them, for one that may have missed an answer.
-- 2 worker id, 3 instance, then the ids of those that it wants to know of. Answers: now, then without ids those of all;
-- with ids for each: id, task, and delivery, attempt and deaths.
local w, instance = ARGV[2], ARGV[3]
local out = { NOW }
call('HDEL', key(w, 'idle'), instance)
call('DEL', key(w, 'deliveries:' .. instance)) -- it is among those below
if #ARGV == 3 then return { NOW, call('HKEYS', held_key(w, instance)) } end
for i = 4, #ARGV do
  local id = ARGV[i]
  local packed = call('HGET', held_key(w, instance), id)
  local r = call('HMGET', record_key(id), 'status', 'claim', 'more')
  if packed and r[1] == 'processing' and is_claim_of(r[2], instance) then
    local _, delivery = parse_claim(r[2])
    add_claim(out, id, packed, counts_of(record_key(id), delivery, r[3]))
  end
end
return out
