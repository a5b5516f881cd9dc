-- What a record takes beside its texts, estimated: its key, the names of its fields, its times and ids.
local RECORD_BYTES = 512

-- What the record of a task takes whose outcome has these fields.
local function record_bytes(id, ...)
  local k = record_key(id)
  local bytes = RECORD_BYTES + call('HSTRLEN', k, 'script') + call('HSTRLEN', k, 'args')
  for i = 2, select('#', ...), 2 do bytes = bytes + #tostring((select(i, ...))) end
  return bytes
end

-- Notes that a task has its outcome, with these fields. Its record may have `bytes` already. Children and a request key
-- go with the record.
local function note_finished(id, task, ...)
  local w = task.worker_id
  if not w then return end
  local bytes = task.bytes or record_bytes(id, ...)
  local extra = task.request_key or task.children
  local list = concluded[w]
  if not list then list = { bytes = 0 }; concluded[w] = list end
  list.bytes = list.bytes + bytes
  list[#list + 1] = id .. ' ' .. NOW_TEXT .. ' ' .. bytes .. (extra and ' +' or '')
end

-- Adds to `keys` those that go with the record of a task that has ended; its request id is free then.
local function forget_record(w, id, extra, keys)
  keys[#keys + 1] = record_key(id)
  if not extra then return end
  keys[#keys + 1] = children_key(id)
  local request = pcall_('HGET', record_key(id), 'request_key')
  if type(request) == 'string' and call('HGET', key(w, 'requests'), request) == id then
    call('HDEL', key(w, 'requests'), request)
    call('ZREM', key(w, 'requests:expiry'), request)
  end
end

-- Adds tasks that have ended to `finished`, in the order of the ends, and deletes the oldest records beyond the bounds:
-- at most twice as many as were added and 8, so that no call takes long. The newest stays, since its waiters may not
-- have read it yet.
local function bound_finished(w, list)
  local finished, total = key(w, 'finished'), key(w, 'finished:bytes')
  local count = call('RPUSH', finished, unpack(list))
  if count == #list then call('DEL', total) end -- the list before it has expired
  local bytes = call('INCRBY', total, list.bytes)
  call('PEXPIRE', finished, TTL)
  call('PEXPIRE', total, TTL)
  if count <= MAX_FINISHED and bytes <= MAX_FINISHED_BYTES then
    local oldest = string.match(call('LINDEX', finished, 0), '^%S+ (%d+)')
    if oldest and oldest + TTL > NOW then return end
  end
  local gone, freed, keys = 0, 0, {}
  for _, entry in ipairs(call('LRANGE', finished, 0, 2 * #list + 7)) do
    local id, at, size, extra = string.match(entry, '^(%S+) (%d+) (%d+)( ?%+?)$')
    local has_expired = not at or at + TTL <= NOW
    if count - gone <= 1 or not (has_expired or count - gone > MAX_FINISHED or bytes - freed > MAX_FINISHED_BYTES) then break end
    gone = gone + 1
    if id then
      freed = freed + size
      forget_record(w, id, extra ~= '', keys)
    end
  end
  if gone == 0 then return end
  call('LTRIM', finished, gone, -1)
  call('DECRBY', total, freed)
  if #keys > 0 then call('UNLINK', unpack(keys)) end
end

-- Comes after all that may end tasks. What fails for one queue does no harm to the others.
local function bound_all_finished()
  for w, list in pairs(concluded) do pcall(bound_finished, w, list) end
end
