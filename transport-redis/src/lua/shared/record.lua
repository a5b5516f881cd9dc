-- A claim, as records have it: the instance, the start count, and the time of the start. After a release the instance
-- is `-`.
local function claim_of(instance, delivery, started_at) return instance .. ' ' .. delivery .. ' ' .. started_at end
local function parse_claim(claim)
  local instance, delivery, started_at = string.match(claim or '', '^(%S+) (%d+) (%d+)$')
  return instance, tonumber(delivery) or 0, started_at or 0
end
-- The claim that an instance makes now.
local function claim_now(to, delivery)
  if delivery > 1 then return claim_of(to.instance, delivery, NOW_TEXT) end
  to.first_claim = to.first_claim or claim_of(to.instance, 1, NOW_TEXT)
  return to.first_claim
end
local function is_claim_of(claim, instance)
  return claim and string.sub(claim, 1, #instance + 1) == instance .. ' '
end

-- What an instance is told of a claim beside the task: delivery, attempt, deaths, and the end of a delay or backoff, if it
-- has waited for that.
local FIRST = '1 0 0'
local function counts_of(k, delivery, more)
  local m = more and call('HMGET', k, 'attempt', 'deaths', 'run_at') or {}
  local run_at = m[3] and ' ' .. m[3] or ''
  return delivery .. ' ' .. (m[1] or '0') .. ' ' .. (m[2] or '0') .. run_at
end
-- Appends a claim as it is sent.
local function add_claim(out, id, packed, counts)
  local n = #out
  out[n + 1], out[n + 2], out[n + 3] = id, packed, counts
end

-- How many of these tasks have a record.
local function records_exist(ids)
  local keys = {}
  for i, id in ipairs(ids) do keys[i] = record_key(id) end
  return call('EXISTS', unpack(keys))
end

-- The fields that decide what happens to a task. Most tasks have none of the rarer fields; `more` says that one of them
-- has been written. `w`: the worker id, if it is known; to read it takes the server longer than all else here.
local function read_record(id, w)
  local k = record_key(id)
  local r
  if w then
    r = pcall_('HMGET', k, 'status', 'claim', 'reply_to', 'more')
  else
    r = pcall_('HMGET', k, 'status', 'claim', 'reply_to', 'more', 'worker_id')
  end
  if failed(r) then return nil, r.err end
  if not r[1] then return nil end
  local task = { status = r[1], claim = r[2], reply_to = r[3], worker_id = w or r[5], deaths = 0, blamed = 0, attempt = 0 }
  if r[4] then
    local m = call('HMGET', k, 'deaths', 'attempt', 'cancel', 'watched', 'request_key', 'blamed', 'children', 'recounted')
    task.deaths, task.attempt, task.blamed = tonumber(m[1]) or 0, tonumber(m[2]) or 0, tonumber(m[6]) or 0
    task.cancel, task.watched, task.request_key, task.children, task.recounted = m[3], m[4], m[5], m[7], m[8]
  end
  return task
end

-- Why a claim may not end its task, if so: 'f', or the status that the task has already. `own`: instance and delivery,
-- with which the task's claim begins if it is this one.
local function fence(task, own)
  if not task or not task.claim or string.sub(task.claim, 1, #own) ~= own then return 'f' end
  if is_over(task.status) then return task.status end
  if task.status ~= 'processing' then return 'f' end
end

-- Notes that the children of a cancelled task are to be cancelled, which may be of other queues: the client does it, and
-- the renewals of an instance of `w` remind theirs until it is done.
local function note_orphaned(w, id)
  if not w then return end
  pcall_('SADD', key(w, 'orphaned'), id)
  remind_of_orphaned(w)
end

-- Writes the outcome of a task whose fence was checked, and tells its waiters. `task.is_run`: it is that of a run, which its
-- instance logs. `message` is sent to its submitter;
-- without it the submitter is told to read the record. Further fields follow. Never raises: a key of the wrong type
-- beside the record is left, and the waiters find the outcome by reading.
local function conclude(id, task, message, status, ...)
  local k = record_key(id)
  if task.children then
    call('PEXPIRE', children_key(id), TTL)
    if status == 'cancelled' then note_orphaned(task.worker_id, id) end
    message = nil -- it does not say who they are
  end
  if task.recounted then message = nil end -- its deaths are those of the start
  if task.attempt > 0 then call('HDEL', k, 'error', 'error_kind', 'error_line', 'error_column', 'error_value') end
  call('HSET', k, 'updated_at', NOW_TEXT, 'status', status, ...)
  call('PEXPIRE', k, TTL)
  note_finished(id, task, ...)
  if not task.is_run then note_end_without_run(id, task, status, ...) end
  if task.reply_to then
    if message then tell(task.reply_to, 'o', message) else tell(task.reply_to, 'n', id) end
  end
  if task.watched then
    local waiters = waiters_key(id)
    for _, inbox in ipairs(pcall_('SMEMBERS', waiters)) do tell(inbox, 'n', id) end
    call('DEL', waiters)
  end
  if task.cancel and task.worker_id then pcall_('HDEL', key(task.worker_id, 'cancels'), id) end
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
