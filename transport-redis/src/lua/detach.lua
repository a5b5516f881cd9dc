-- Ends an instance: hands back what it has. 2 worker id, 3 instance. Answers whether some is left.
local w, instance = ARGV[2], ARGV[3]
call('HDEL', key(w, 'idle'), instance)
call('DEL', key(w, 'give:' .. instance))
fail_observation(w, instance)
local count = take_back(w, instance, MAX_TAKEN, function(id, task, packed)
  hand_back(w, id, task, packed, instance)
end)
local left = count < MAX_TAKEN and 0 or 1
if left == 0 then remove_instance(w, instance) end
serve(w)
wake_for_quarantine(w)
send_all()
return { NOW, left }
