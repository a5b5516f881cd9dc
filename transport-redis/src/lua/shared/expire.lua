-- Ends tasks of a queue that still wait and are too late to start, at most so many; how many those were. `expiring` has
-- those that wait and have a latest start, so that none has to be searched for.
local function expire_waiting(w, most)
  local over = pcall_('ZRANGEBYSCORE', key(w, 'expiring'), '-inf', NOW, 'LIMIT', 0, most)
  if failed(over) then return 0 end
  for _, id in ipairs(over) do
    local task = read_record(id, w)
    if task and task.status == 'pending' then cancelled(id, task, 'expired') end
    remove_waiting(w, id)
  end
  return #over
end
