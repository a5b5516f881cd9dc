-- Ends an instance: hands back what it has. 2 worker id, 3 instance. Answers whether some is left.
local w, instance = ARGV[2], ARGV[3]
local most = 128
call('HDEL', key(w, 'idle'), instance)
call('DEL', key(w, 'give:' .. instance))
local suspects = false
local count = take_back(w, instance, most, function(id, task, packed)
  hand_back(w, id, task, packed, instance)
  suspects = suspects or task.deaths > 0
end)
local left = count < most and 0 or 1
if left == 0 then
  call('ZREM', key(w, 'alive'), instance)
  call('HDEL', key(w, 'instances'), instance)
end
if suspects then nudge_all(w) end
serve(w)
send_all()
return { NOW, left }
