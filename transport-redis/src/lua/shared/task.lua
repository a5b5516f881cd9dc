-- A task as its queue, or the instance that has claimed it, holds it: its sequence (the number that orders a queue, in
-- microseconds), the letter of its priority, `f` if it is fresh (only its start is to be written into its record), its
-- latest start, its deadline (0: never), and the payload, whose first byte is its version.
local HEADER = '>dc1c1dd'
local function pack_task(sequence, letter, fresh, latest, deadline, payload)
  return struct.pack(HEADER, sequence, letter, fresh, latest, deadline) .. payload
end
-- Whether that can be one: another client may have deleted or overwritten it.
local function is_task(packed) return packed and #packed > struct.size(HEADER) end
local function version_of(payload) return string.byte(payload, 1) or 0 end
local function priority_of(packed) return string.sub(packed, 9, 9) end
local function sequence_of(packed) return (struct.unpack('>d', packed)) end

-- Where a task waits that may be claimed: by its priority, or quarantined, in front (`q`) or behind (`b`).
local function ready_letter(task, packed)
  if not is_quarantined(task) then return priority_of(packed) end
  return task.blamed > 0 and 'b' or 'q'
end
-- The same, of one whose record was not read.
local function ready_letter_of(id, packed)
  local r = call('HMGET', record_key(id), 'deaths', 'blamed')
  return ready_letter({ deaths = tonumber(r[1] or '') or 0, blamed = tonumber(r[2] or '') or 0 }, packed)
end

-- Lets a task wait among those of `letter`, at its sequence.
local function make_ready(w, id, sequence, letter)
  local is_behind = letter == 'b'
  call('ZADD', ready_key(w, letter), digits(is_behind and sequence + BEHIND or sequence), id)
  if (is_behind or letter == 'q') and call('ZCARD', ready_key(w, letter)) == 1 and call('HEXISTS', key(w, 'state'), 'observed') == 0 then
    start_over(w)
    call('HDEL', key(w, 'state'), 'reserved') -- that was for one that was cancelled
  end
end

-- Writes the start of a task into its record, with further fields if it has none yet. Returns the error if the key is
-- not a hash.
local function write_start(id, claim, ...)
  return failed(pcall_('HSET', record_key(id), 'status', 'processing', 'claim', claim, ...))
end

-- Makes a task wait that was held: at its sequence among those of `letter`, or until a time. Comes before its record
-- is written: if it raises, since a key of the queue is of the wrong type, the claim still is one.
local function wait_again(w, id, packed, instance, letter, run_at)
  if not packed then return end
  local _, _, _, latest = struct.unpack(HEADER, packed)
  -- A task that was started at once has no `expires_at` yet.
  if latest > 0 then
    call('HSET', record_key(id), 'expires_at', digits(latest))
    call('ZADD', key(w, 'expiring'), digits(latest), id)
  end
  call('HSET', key(w, 'waiting'), id, string.sub(packed, 1, 9) .. '-' .. string.sub(packed, 11))
  if run_at then
    call('ZADD', key(w, 'later'), run_at, id)
  else
    make_ready(w, id, sequence_of(packed), letter)
  end
  call('HDEL', held_key(w, instance), id)
end

-- Takes a task out of all in which it may wait.
local function remove_waiting(w, id)
  pcall_('ZREM', key(w, 'expiring'), id)
  if call('HDEL', key(w, 'waiting'), id) == 0 then return end
  for letter in pairs(READY) do call('ZREM', ready_key(w, letter), id) end
  call('ZREM', key(w, 'later'), id)
  call('ZREM', key(w, 'newer'), id)
end

local function dead_letter(w, id, packed, reason)
  local size = struct.size(HEADER)
  local payload = #packed > size and string.sub(packed, size + 1) or packed
  pcall_('XADD', key(w, 'dead_letters'), 'MAXLEN', '~', '1000', '*', 'id', id, 'reason', reason, 'payload', payload)
end

-- Why a task has no payload any more, for its record.
local GONE = 'its payload is gone from Redis'

-- Ends a task that waits, and whose entry is not a task. If its record still is pending, it gets an outcome.
local function end_unreadable(w, id, packed)
  local reason = packed and 'not a task of this queue' or GONE
  dead_letter(w, id, packed or '', reason)
  local task = read_record(id, w)
  if task and task.status == 'pending' then
    conclude(id, task, nil, 'error', 'error_kind', 'undecodable', 'error', reason)
  end
  remove_waiting(w, id)
end

local function cancelled(id, task, reason)
  conclude(id, task, nil, 'cancelled', 'cancel_reason', reason)
end

-- Makes a task wait again that has begun, at its sequence. `single`: the task that was a group of the quarantine by itself,
-- if its instance has died.
local function requeue(w, id, task, packed, instance, single)
  wait_again(w, id, packed, instance, id == single and 'b' or ready_letter(task, packed))
  call('HSET', record_key(id), 'status', 'pending', 'updated_at', NOW_TEXT)
end

-- The same after a death of its instance; `guilt`: why it is blamed for that, if it is. Whether it waits again: one that
-- was blamed too often ends. `single`: the task that was a group of the quarantine by itself.
local function requeue_after_death(w, id, task, packed, instance, guilt, single)
  task.deaths = task.deaths + 1
  if guilt then task.blamed = task.blamed + 1 end
  if guilt and task.blamed >= MAX_DELIVERIES then
    conclude(id, task, nil, 'error', 'deaths', task.deaths, 'blamed', task.blamed, 'error_kind', 'crashed', 'error',
      'it has killed or blocked ' .. task.blamed .. ' worker instances (max_deliveries); the last one ' .. guilt)
    call('HDEL', held_key(w, instance), id)
    return false
  end
  wait_again(w, id, packed, instance, id == single and 'b' or ready_letter(task, packed))
  call('HSET', record_key(id), 'status', 'pending', 'updated_at', NOW_TEXT, 'more', '1', 'deaths', task.deaths)
  if guilt then call('HSET', record_key(id), 'blamed', task.blamed) end
  return true
end

-- Makes a claim undone: the task waits again ahead of those that came later.
local function release(w, id, task, packed, instance)
  wait_again(w, id, packed, instance, ready_letter(task, packed))
  local _, delivery, started_at = parse_claim(task.claim)
  call('HSET', record_key(id), 'status', 'pending', 'updated_at', NOW_TEXT, 'claim', claim_of('-', delivery - 1, started_at))
end

-- Undoes one claim of an instance; `undo` does it for a task that is to run again. Whether it waits again, or was
-- cancelled.
local function take_back_one(w, instance, id, packed, undo)
  local task = read_record(id, w)
  if not task or is_over(task.status) then
    call('HDEL', held_key(w, instance), id)
    return false
  end
  if not is_task(packed) then
    dead_letter(w, id, packed, GONE)
    conclude(id, task, nil, 'error', 'error_kind', 'undecodable', 'error', GONE)
    call('HDEL', held_key(w, instance), id)
    return false
  end
  if task.status ~= 'processing' or not is_claim_of(task.claim, instance) then
    -- Its record was repaired before, or never was started.
    wait_again(w, id, packed, instance, ready_letter(task, packed))
  elseif task.cancel then
    cancelled(id, task, task.cancel)
    call('HDEL', held_key(w, instance), id)
  else
    undo(id, task, packed)
  end
  return true
end

-- Undoes what an instance has claimed, at most so much at once; how much that was.
local function take_back(w, instance, most, undo)
  if most <= 0 then return 0 end
  local held = call('HRANDFIELD', held_key(w, instance), most, 'WITHVALUES')
  for i = 1, #held, 2 do take_back_one(w, instance, held[i], held[i + 1], undo) end
  return #held / 2
end
