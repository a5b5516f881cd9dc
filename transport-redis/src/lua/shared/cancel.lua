-- Cancels a task, whatever its queue: r removed, q requested, f finished, n not known, - left alone,
-- e and a problem.
local function cancel_task(id, reason, only_expired)
  local task, problem = read_record(id)
  if problem then return 'e' .. problem end
  if not task then return 'n' end
  if is_over(task.status) then return 'f' end
  local k = record_key(id)
  local r = call('HMGET', k, 'worker_id', 'expires_at')
  local w = r[1]
  task.worker_id = w
  if only_expired and (task.status ~= 'pending' or (tonumber(r[2] or '') or math.huge) > NOW) then return '-' end
  if task.status == 'pending' then
    cancelled(id, task, reason)
    if w then remove_waiting(w, id) end
    return 'r'
  end
  call('HSETNX', k, 'cancel', reason)
  call('HSET', k, 'more', '1')
  if task.children and not task.cancel then orphaned[#orphaned + 1] = id end
  local instance, delivery = parse_claim(task.claim)
  local signal = instance .. ' ' .. delivery .. ' ' .. reason
  call('HSET', key(w, 'cancels'), id, signal)
  local inbox = call('HGET', key(w, 'instances'), instance)
  if inbox then tell(inbox, 'c', id .. ' ' .. signal) end
  return 'q'
end

-- How many tasks one script cancels because the task above them is. The rest is left in `orphaned`,
-- from which each renewal takes some.
local MAX_FOLLOWERS = 1000

-- Cancels what cancelled tasks had dispatched, and what that had.
local function cancel_below()
  local left, i = MAX_FOLLOWERS, 1
  while orphaned[i] do
    for _, child in ipairs(call('ZRANGE', children_key(orphaned[i]), 0, -1)) do
      if left == 0 then break end
      local answer = try(cancel_task, child, 'parent', false)
      if answer == 'r' or answer == 'q' then left = left - 1 end
    end
    if left == 0 then pcall_('SADD', PREFIX .. ':orphaned', orphaned[i]) end
    i = i + 1
  end
end

-- Comes last in every script that may send messages. The channel of a handle that has gone has no subscriber; one whose
-- connection was lost reads the records.
local function send_all()
  cancel_below()
  bound_all_finished()
  log_ends_without_run()
  watch_all()
  for inbox, out in pairs(outbox) do pcall_('PUBLISH', PREFIX .. ':inbox:' .. inbox, table.concat(out)) end
end
