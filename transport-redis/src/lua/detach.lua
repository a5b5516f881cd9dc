-- Ends an instance: hands back what it has. 2 worker id, 3 instance. Answers whether some is left.
local w, instance = ARGV[2], ARGV[3]
local most = 128
call('HDEL', key(w, 'idle'), instance)
call('DEL', key(w, 'give:' .. instance))
local claims = claims_of(w, instance, most)
for _, claim in ipairs(claims) do
  local at, fields = claim.at, claim.fields
  local id = fields and fields[2]
  local task = id and look_up(id)
  if not task or is_over(task.status) then
    remove_entry(w, id, at)
  elseif task.cancel then
    cancelled(id, task, task.cancel, w, at)
  elseif task.status == 'processing' and task.instance == instance then
    hand_back(w, id, task, at)
  else
    return_entry(w, id, at)
  end
end
local left = #claims < most and 0 or 1
if left == 0 then
  call('ZREM', key(w, 'alive'), instance)
  call('HDEL', key(w, 'instances'), instance)
  for _, letter in ipairs(LETTERS) do
    pcall_('XGROUP', 'DELCONSUMER', stream(w, letter), GROUP, instance)
  end
end
serve(w)
send_all()
return { NOW, left }
