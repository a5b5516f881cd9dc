-- For how long it is known that a task was withheld, in ms: longer than any submit takes.
local WITHHELD_TTL = 3600000

-- Cancels a task, whatever its queue: r removed, q requested, R and Q the same of one with children, f finished, n not known,
-- e and a problem.
local function cancel_task(id, reason)
  local task, problem = read_record(id)
  if problem then return 'e' .. problem end
  if not task then
    -- A child is noted before it is submitted.
    if reason == 'parent' then call('SET', withheld_key(id), '1', 'PX', WITHHELD_TTL) end
    return 'n'
  end
  if is_over(task.status) then return 'f' end
  local k, w = record_key(id), task.worker_id
  if task.status == 'pending' then
    cancelled(id, task, reason)
    if w then remove_waiting(w, id) end
    return task.children and 'R' or 'r'
  end
  call('HSETNX', k, 'cancel', reason)
  call('HSET', k, 'more', '1')
  if task.children and not task.cancel then note_orphaned(w, id) end
  local instance, delivery = parse_claim(task.claim)
  local signal = instance .. ' ' .. delivery .. ' ' .. reason
  call('HSET', key(w, 'cancels'), id, signal)
  local inbox = call('HGET', key(w, 'instances'), instance)
  if inbox then tell(inbox, 'c', id .. ' ' .. signal) end
  return task.children and 'Q' or 'q'
end

-- Comes last in every script that may send messages. The channel of a handle that has gone has no subscriber; one whose
-- connection was lost reads the records.
local function send_all()
  bound_all_finished()
  log_ends_without_run()
  watch_all()
  for inbox, out in pairs(outbox) do pcall_('PUBLISH', PREFIX .. ':inbox:' .. inbox, table.concat(out)) end
end
