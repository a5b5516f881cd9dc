-- Ends an instance: hands back what it has. 7 worker id, 8 instance. Answers how many may be left.
local w, instance = ARGV[7], ARGV[8]
local budget = 128
call('HDEL', key(w, 'idle'), instance)
call('DEL', key(w, 'give:' .. instance))
local left, suspects = 0, false
for _, letter in ipairs(LETTERS) do
  local s = stream(w, letter)
  local pending = budget > 0 and pcall_('XPENDING', s, GROUP, '-', '+', budget, instance) or {}
  if budget <= 0 then left = 1 end
  if not failed(pending) then
    for _, p in ipairs(pending) do
      local at = letter .. ':' .. p[1]
      local fields = read_entry(w, letter, p[1])
      local id = fields and fields[2]
      local task = id and look_up(id)
      if not task or is_over(task.status) then
        remove_entry(w, id, at)
      elseif task.cancel then
        cancelled(id, task, task.cancel, w, at)
      else
        if task.status == 'processing' and task.instance == instance then
          hand_back(w, id, task, at)
          suspects = suspects or task.deaths > 0
        else
          return_entry(w, at)
        end
      end
      budget = budget - 1
    end
  end
end
if budget <= 0 then left = 1 end
if left == 0 then
  call('ZREM', key(w, 'alive'), instance)
  call('HDEL', key(w, 'instances'), instance)
  for _, letter in ipairs(LETTERS) do
    pcall_('XGROUP', 'DELCONSUMER', stream(w, letter), GROUP, instance)
  end
end
if suspects then nudge_all(w) end
serve(w)
send_all()
return { NOW, left }
