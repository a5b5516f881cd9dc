-- Cancels tasks. 7 reason, 8 whether only those whose time is over, then ids.
-- Answers: r removed, q requested, f finished, n not known, - left alone.
local reason, only_expired = ARGV[7], ARGV[8] == '1'
local answers = { NOW }
for i = 9, #ARGV do
  local id = ARGV[i]
  local task, problem = look_up(id)
  local answer
  if task then task.worker_id = call('HGET', record_key(id), 'worker_id') end
  if problem then
    answer = 'e' .. problem
  elseif not task then
    answer = 'n'
  elseif is_over(task.status) then
    answer = 'f'
  elseif only_expired and (task.status ~= 'pending' or (tonumber(call('HGET', record_key(id), 'expires_at') or '') or math.huge) > NOW) then
    answer = '-'
  elseif task.status == 'pending' then
    local w = task.worker_id
    cancelled(id, task, reason, w, w and call('HGET', key(w, 'entry'), id))
    answer = 'r'
  else
    local w = task.worker_id
    call('HSETNX', record_key(id), 'cancel', reason)
    call('HSET', record_key(id), 'more', '1')
    call('HSET', key(w, 'cancels'), id, task.instance .. ' ' .. task.delivery .. ' ' .. reason)
    local inbox = call('HGET', key(w, 'instances'), task.instance)
    if inbox then tell(inbox, 'c', id .. ' ' .. task.instance .. ' ' .. task.delivery .. ' ' .. reason) end
    answer = 'q'
  end
  answers[#answers + 1] = answer
end
send_all()
return answers
