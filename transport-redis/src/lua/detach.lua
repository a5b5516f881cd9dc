-- Ends an instance: releases what it has. 2 worker id, 3 instance. Answers whether some is left.
local w, instance = ARGV[2], ARGV[3]
-- It may have been the one that claims when something is due.
if call('HDEL', key(w, 'idle'), instance) == 1 and call('EXISTS', key(w, 'later')) == 1 then wake_one(w) end
call('DEL', key(w, 'deliveries:' .. instance))
local count = take_back(w, instance, MAX_TAKEN, function(id, task, packed)
  release(w, id, task, packed, instance)
end)
local left = count < MAX_TAKEN and 0 or 1
if left == 0 then
  -- Its group has not survived, nor failed.
  local _, _, size = observed_on(w, instance)
  if size then end_observation(w, size, singles_of(w), true) end
  remove_instance(w, instance)
end
deliver_ready(w)
wake_for_quarantine(w)
send_all()
return { NOW, left }
