-- Asks the instance that runs a task where it is. 2 task id, 3 inbox for the answer, 4 number of the question.
-- Answers: q asked, l the instance has no inbox any more, n not known, e and a problem, or the status of a task that does not run.
local id = ARGV[2]
local answers = { NOW }
local task, problem = read_record(id)
if problem then
  answers[2] = 'e' .. problem
elseif not task then
  answers[2] = 'n'
elseif task.status ~= 'processing' then
  answers[2] = task.status
else
  local instance, delivery = parse_claim(task.claim)
  local w = call('HGET', record_key(id), 'worker_id')
  local inbox = w and pcall_('HGET', key(w, 'instances'), instance)
  if type(inbox) == 'string' then
    tell(inbox, 'i', table.concat({ id, instance, delivery, ARGV[3], ARGV[4] }, ' '))
    answers[2] = 'q'
  else
    answers[2] = 'l'
  end
end
send_all()
return answers
