-- Ends an instance: hands back what it has. 2 worker id, 3 instance. Answers whether some is left.
local w, instance = ARGV[2], ARGV[3]
local most = 128
call('HDEL', key(w, 'idle'), instance)
call('DEL', key(w, 'give:' .. instance))
local suspects = false
local held = call('HRANDFIELD', held_key(w, instance), most, 'WITHVALUES')
for i = 1, #held, 2 do
  local id, packed = held[i], held[i + 1]
  local task = look_up(id)
  if not task or is_over(task.status) then
    call('HDEL', held_key(w, instance), id)
  elseif task.cancel then
    cancelled(id, task, task.cancel)
    call('HDEL', held_key(w, instance), id)
  elseif task.status == 'processing' and task.instance == instance then
    hand_back(w, id, task, packed, instance)
    suspects = suspects or task.deaths > 0
  else
    wait_again(w, id, packed, instance, ready_letter(task.deaths, priority_of(packed)))
  end
end
local left = #held < 2 * most and 0 or 1
if left == 0 then
  call('ZREM', key(w, 'alive'), instance)
  call('HDEL', key(w, 'instances'), instance)
end
if suspects then nudge_all(w) end
serve(w)
send_all()
return { NOW, left }
