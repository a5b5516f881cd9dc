-- How tasks of a worker id have ended: `activity` is a stream of batches, and `activity:total` has the sums of its entries
-- and bytes. An entry of the stream has `n`, how many entries are in it, and either `b` (those of an instance, in binary
-- form, with `a`, how many ms ago that form was made) or `j` (those of a script, as JSON).

-- What this file has for others.
local size_of_batch, append_activity, note_end_without_run, log_ends_without_run
do

-- What a batch takes beside its payload, estimated.
local BATCH_BYTES = 64
-- How many entries of a script one batch has at most.
local MAX_BATCH = 256
-- How many bytes of a message are logged; the instance that reads them cuts it between characters.
local MAX_MESSAGE = 501
-- How many batches are looked at together at most when the oldest go. Their payloads are read with them, and mostly one
-- goes for each that comes.
local AT_ONCE = 16

-- How many entries a batch has, and about how many bytes it takes.
function size_of_batch(fields)
  local count, bytes = 1, BATCH_BYTES
  for i = 1, #fields, 2 do
    if fields[i] == 'n' then count = tonumber(fields[i + 1]) or 1 else bytes = bytes + #fields[i + 1] end
  end
  return count, bytes
end

-- Deletes the oldest batches while there is more than the bounds allow. How many entries and bytes those were.
local function forget_oldest(stream, entries, bytes)
  local gone, freed, at_once = 0, 0, 1
  while entries - gone > MAX_ACTIVITY or bytes - freed > MAX_ACTIVITY_BYTES do
    local ids = {}
    for _, batch in ipairs(call('XRANGE', stream, '-', '+', 'COUNT', at_once)) do
      if entries - gone <= MAX_ACTIVITY and bytes - freed <= MAX_ACTIVITY_BYTES then break end
      local count, size = size_of_batch(batch[2])
      ids[#ids + 1], gone, freed = batch[1], gone + count, freed + size
    end
    if #ids == 0 then break end
    call('XDEL', stream, unpack(ids))
    at_once = math.min(2 * at_once, AT_ONCE)
  end
  return gone, freed
end

-- Adds a batch of `count` entries, with these fields beside `n`.
function append_activity(w, count, ...)
  if MAX_ACTIVITY == 0 then return end
  local stream, total = key(w, 'activity'), key(w, 'activity:total')
  call('XADD', stream, '*', 'n', count, ...)
  if call('XLEN', stream) == 1 then call('DEL', total) end -- the stream before it has expired
  local _, size = size_of_batch({ ... })
  local entries, bytes = call('HINCRBY', total, 'entries', count), call('HINCRBY', total, 'bytes', size)
  local gone, freed = forget_oldest(stream, entries, bytes)
  if gone > 0 then
    call('HINCRBY', total, 'entries', -gone)
    call('HINCRBY', total, 'bytes', -freed)
  end
  call('PEXPIRE', stream, ACTIVITY_TTL)
  call('PEXPIRE', total, ACTIVITY_TTL)
  pcall_('PUBLISH', stream, '') -- to those that watch it
end

-- Notes that a task has its outcome, with these fields, and that no instance logs it. Its record is written already.
function note_end_without_run(id, task, status, ...)
  local w = task.worker_id
  if not w or MAX_ACTIVITY == 0 then return end
  local r = pcall_('HMGET', record_key(id), 'caller_id', 'context_id', 'method', 'script_name', 'parent', 'claim')
  if failed(r) then return end
  local instance, delivery = string.match(r[6] or '', '^(%S+) (%d+)')
  local entry = {
    task = id, status = status, attempt = task.attempt, delivery = tonumber(delivery) or 0,
    instance = instance ~= '-' and instance or nil,
    caller = r[1] or '', context = r[2] or nil, method = r[3] or nil, script_name = r[4] or nil, parent = r[5] or nil,
  }
  for i = 1, select('#', ...), 2 do
    local name, value = select(i, ...)
    if name == 'cancel_reason' or name == 'error_kind' then entry[name] = value end
    if name == 'error' then entry.error = string.sub(value, 1, MAX_MESSAGE) end
  end
  local list = ended_without_run[w]
  if not list then list = {}; ended_without_run[w] = list end
  list[#list + 1] = entry
end

local function log_list(w, list)
  local at_once = math.min(MAX_BATCH, MAX_ACTIVITY)
  for first = 1, #list, at_once do
    local last = math.min(first + at_once - 1, #list)
    append_activity(w, last - first + 1, 'j', cjson.encode({ unpack(list, first, last) }))
  end
end

-- Comes after all that may end tasks. What fails for one queue does no harm to the others, or to the tasks.
function log_ends_without_run()
  for w, list in pairs(ended_without_run) do pcall(log_list, w, list) end
end

end
