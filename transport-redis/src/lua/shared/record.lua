-- What decides how a task goes on. Most tasks have none of the rarer fields; `more` says that one
-- of them has been written.
local function look_up(id)
  local k = record_key(id)
  local r = pcall_('HMGET', k, 'status', 'instance', 'delivery', 'reply_to', 'more')
  if failed(r) then return nil, r.err end
  if not r[1] then return nil end
  local task = { status = r[1], instance = r[2], delivery = tonumber(r[3]) or 0, deaths = 0, attempt = 0, reply_to = r[4] }
  if r[5] then
    local m = call('HMGET', k, 'deaths', 'attempt', 'cancel', 'watched', 'request_key', 'worker_id', 'spared', 'children')
    task.deaths, task.attempt = tonumber(m[1]) or 0, tonumber(m[2]) or 0
    task.cancel, task.watched, task.request_key, task.worker_id, task.spared = m[3], m[4], m[5], m[6], m[7]
    task.children = m[8]
  end
  return task
end

-- Why a claim may not end its task, if so: 'f', or the status that the task has already.
local function fence(task, instance, delivery)
  if not task or task.instance ~= instance or task.delivery ~= delivery then return 'f' end
  if is_over(task.status) then return task.status end
  if task.status ~= 'processing' then return 'f' end
end

-- Writes the outcome of a task whose fence was checked, and tells who waits. `message` is what its
-- submitter is sent; without one, it is told to look. Of the fields that follow the first is the status. Never
-- raises: what is of the wrong type beside the record is left, and who waits finds the outcome by looking.
local function conclude(id, task, message, ...)
  local k = record_key(id)
  if task.children then
    call('PEXPIRE', children_key(id), TTL)
    if select(2, ...) == 'cancelled' then orphaned[#orphaned + 1] = id end
    message = nil -- it does not say who they are
  end
  if task.attempt > 0 then call('HDEL', k, 'error', 'error_kind', 'error_line', 'error_column') end
  call('HSET', k, 'updated_at', NOW_TEXT, ...)
  call('PEXPIRE', k, TTL)
  if task.reply_to then
    if message then tell(task.reply_to, 'o', message) else tell(task.reply_to, 'n', id) end
  end
  if task.watched then
    local waiters = waiters_key(id)
    for _, inbox in ipairs(pcall_('SMEMBERS', waiters)) do tell(inbox, 'n', id) end
    call('DEL', waiters)
  end
  if task.request_key then
    pcall_('ZADD', key(task.worker_id, 'requests:expiry'), NOW + TTL, task.request_key)
  end
end

-- Forgets request ids whose record has expired.
local function prune_requests(w, most)
  local old = call('ZRANGEBYSCORE', key(w, 'requests:expiry'), '-inf', NOW, 'LIMIT', 0, most)
  for _, request in ipairs(old) do
    local id = call('HGET', key(w, 'requests'), request)
    if id and call('EXISTS', record_key(id)) == 0 then call('HDEL', key(w, 'requests'), request) end
    call('ZREM', key(w, 'requests:expiry'), request)
  end
end
