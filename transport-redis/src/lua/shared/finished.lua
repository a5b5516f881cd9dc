-- What a record takes beside its texts, estimated: its key, the names of its fields, its times and ids.
local RECORD_BYTES = 512

-- What this file has for others. Lua allows a script 200 local variables: those of the block are not among them.
local note_finished, bound_all_finished
do

-- What the record of a task takes whose outcome has these fields.
local function record_bytes(id, ...)
  local k = record_key(id)
  local bytes = RECORD_BYTES + call('HSTRLEN', k, 'script') + call('HSTRLEN', k, 'args')
  for i = 2, select('#', ...), 2 do bytes = bytes + #tostring((select(i, ...))) end
  return bytes
end

-- Notes that a task has its outcome, with these fields. Its record may have `bytes` already. Children and a request key
-- go with the record.
function note_finished(id, task, ...)
  local w = task.worker_id
  if not w then return end
  local bytes = task.bytes or record_bytes(id, ...)
  local list = concluded[w]
  if not list then list = { bytes = 0 }; concluded[w] = list end
  list.bytes = list.bytes + bytes
  local n = #list
  list[n + 1], list[n + 2], list[n + 3] = id, (task.request_key or task.children) and '+' or '-', bytes
end

-- An entry of `finished`: the time, and for each task that ended then its id, `+` if a request key or children go with
-- its record, and the bytes of that. One for all that a call ends, since an entry takes longer than what is in it.
local ENTRY, ENDED = '>d', 'c36c1I4'
local ENTRY_BYTES, ENDED_BYTES = 8, 36 + 1 + 4
local entry_formats = {}
-- The format of an entry of `n` tasks.
local function entry_format(n)
  local format = entry_formats[n]
  if not format then
    format = ENTRY .. string.rep(ENDED, n)
    entry_formats[n] = format
  end
  return format
end

-- Adds to `keys` those that go with the record of a task that has ended; its request id is free then.
local function forget_record(w, id, extra, keys)
  keys[#keys + 1] = record_key(id)
  if extra ~= '+' then return end
  keys[#keys + 1] = children_key(id)
  local request = pcall_('HGET', record_key(id), 'request_key')
  if type(request) == 'string' and call('HGET', key(w, 'requests'), request) == id then
    call('HDEL', key(w, 'requests'), request)
    call('ZREM', key(w, 'requests:expiry'), request)
  end
end

-- How many tasks an entry has at most, and how many records one call deletes: Lua passes no more than 8,000 values.
local MAX_ENDED, MAX_FORGOTTEN = 1024, 2048

-- Deletes records from the front of `finished`, at most `most`, while there are more than the bounds allow; the newest
-- stays, since its waiters may not have read it yet. How many those were, and their bytes.
local function forget_oldest(w, finished, records, bytes, most)
  local gone, freed, keys = 0, 0, {}
  local function is_over_bounds() return records - gone > MAX_FINISHED or bytes - freed > MAX_FINISHED_BYTES end
  while gone < most and records - gone > 1 do
    local entry = call('LINDEX', finished, 0)
    if not entry then break end
    local n, forgotten = (#entry - ENTRY_BYTES) / ENDED_BYTES, 0
    if n <= MAX_ENDED and n == math.floor(n) then -- otherwise another client has written it
      local has_expired = struct.unpack(ENTRY, entry) + TTL <= NOW
      if not has_expired and not is_over_bounds() then break end
      local ended = { struct.unpack(entry_format(n), entry) }
      while forgotten < n and gone < most and records - gone > 1 and (has_expired or is_over_bounds()) do
        local at = 3 * forgotten + 2
        forget_record(w, ended[at], ended[at + 1], keys)
        forgotten, gone, freed = forgotten + 1, gone + 1, freed + ended[at + 2]
      end
      if forgotten < n then
        local rest = ENTRY_BYTES + forgotten * ENDED_BYTES + 1
        call('LSET', finished, 0, string.sub(entry, 1, ENTRY_BYTES) .. string.sub(entry, rest))
        break
      end
    end
    call('LPOP', finished)
  end
  if #keys > 0 then call('UNLINK', unpack(keys)) end
  return gone, freed
end

-- Adds tasks that have ended to `finished`, in the order of the ends, and deletes the oldest records beyond the bounds:
-- at most twice as many as were added and 8, so that no call takes long.
local function bound_finished(w, list)
  local finished, total = key(w, 'finished'), key(w, 'finished:total')
  local added = #list / 3
  for first = 1, added, MAX_ENDED do
    local last = math.min(first + MAX_ENDED - 1, added)
    local entry = struct.pack(entry_format(last - first + 1), NOW, unpack(list, 3 * first - 2, 3 * last))
    local entries = call('RPUSH', finished, entry)
    if entries == 1 then call('DEL', total) end -- the list before it has expired
  end
  local records, bytes = call('HINCRBY', total, 'records', added), call('HINCRBY', total, 'bytes', list.bytes)
  call('PEXPIRE', finished, TTL)
  call('PEXPIRE', total, TTL)
  local gone, freed = forget_oldest(w, finished, records, bytes, math.min(2 * added + 8, MAX_FORGOTTEN))
  if gone == 0 then return end
  call('HINCRBY', total, 'records', -gone)
  call('HINCRBY', total, 'bytes', -freed)
end

-- Comes after all that may end tasks. What fails for one queue does no harm to the others.
function bound_all_finished()
  for w, list in pairs(concluded) do pcall(bound_finished, w, list) end
end

end
