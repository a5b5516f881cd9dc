-- A task as its queue, or who has claimed it, holds it: its place among the others, in microseconds, then what was
-- submitted: the letter of its priority, whether it is f, fresh: nothing but its start is to be written into its record,
-- when it is too late to start it, when it is to be stopped (0: never), and the payload, whose first byte is its version.
local HEADER = '>dc1c1dd'
local function pack_task(place, letter, fresh, latest, deadline, payload)
  return struct.pack(HEADER, place, letter, fresh, latest, deadline) .. payload
end
local function version_of(payload) return string.byte(payload, 1) or 0 end
local function priority_of(packed) return string.sub(packed, 9, 9) end
local function place_of(packed) return (struct.unpack('>d', packed)) end

-- As text for a score: Redis would print the number with too few digits.
local function digits(number) return string.format('%.0f', number) end

-- Where a task is put that is ready: a suspect's last start is made apart from others.
local function ready_letter(deaths, priority)
  if deaths == 0 then return priority end
  return deaths + 1 >= MAX_DELIVERIES and 'x' or 's'
end

-- Writes the start of a task into its record, with further fields if it has none yet; the error, if it is no record.
local function write_start(id, claim, ...)
  return failed(pcall_('HSET', record_key(id), 'status', 'processing', 'claim', claim, ...))
end

-- Makes a task wait that was held: at its place among those of `letter`, or until a time. Comes before its record
-- is written: if it raises, since a key of the queue is of the wrong type, the claim still is one.
local function wait_again(w, id, packed, instance, letter, run_at)
  if not packed then return end
  local _, _, _, latest = struct.unpack(HEADER, packed)
  -- What was started at once has not been told.
  if latest > 0 then
    call('HSET', record_key(id), 'expires_at', digits(latest))
    call('ZADD', key(w, 'expiring'), digits(latest), id)
  end
  call('HSET', key(w, 'waiting'), id, string.sub(packed, 1, 9) .. '-' .. string.sub(packed, 11))
  if run_at then
    call('ZADD', key(w, 'later'), run_at, id)
  else
    call('ZADD', ready_key(w, letter), digits(place_of(packed)), id)
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

local function set_aside(w, id, packed, reason)
  local size = struct.size(HEADER)
  local payload = #packed > size and string.sub(packed, size + 1) or packed
  pcall_('XADD', key(w, 'dead'), 'MAXLEN', '~', '1000', '*', 'id', id, 'reason', reason, 'payload', payload)
end

local function cancelled(id, task, reason)
  conclude(id, task, nil, 'cancelled', 'cancel_reason', reason)
end

-- A task whose instance died, or gave it up in an unknown state. `spared`: it is not to blame.
local function bury(w, id, task, packed, instance, spared)
  local deaths = task.deaths + 1
  if spared and not task.spared then
    wait_again(w, id, packed, instance, ready_letter(task.deaths, 'n'))
    return call('HSET', record_key(id), 'status', 'pending', 'spared', '1', 'updated_at', NOW_TEXT)
  end
  if deaths >= MAX_DELIVERIES then
    conclude(id, task, nil, 'error', 'deaths', deaths, 'error_kind', 'crashed', 'error',
      deaths .. ' worker instances died while they ran it (max_deliveries)')
    return call('HDEL', held_key(w, instance), id)
  end
  wait_again(w, id, packed, instance, ready_letter(deaths, 'n'))
  call('HSET', record_key(id), 'status', 'pending', 'deaths', deaths, 'updated_at', NOW_TEXT, 'more', '1')
end

-- Makes a claim undone: the task waits again ahead of those that came later.
local function hand_back(w, id, task, packed, instance)
  wait_again(w, id, packed, instance, ready_letter(task.deaths, priority_of(packed)))
  local _, delivery, started_at = parse_claim(task.claim)
  call('HSET', record_key(id), 'status', 'pending', 'updated_at', NOW_TEXT, 'claim', claim_of('-', delivery - 1, started_at))
end

-- Undoes what an instance has claimed, at most so much at once; how much that was. `undo` does it for those that
-- are to run again.
local function take_back(w, instance, most, undo)
  local held = call('HRANDFIELD', held_key(w, instance), most, 'WITHVALUES')
  for i = 1, #held, 2 do
    local id, packed = held[i], held[i + 1]
    local task = look_up(id)
    if not task or is_over(task.status) then
      call('HDEL', held_key(w, instance), id)
    elseif task.status ~= 'processing' or not is_claim_of(task.claim, instance) then
      -- Its record was repaired before, or never was started.
      wait_again(w, id, packed, instance, ready_letter(task.deaths, priority_of(packed)))
    elseif task.cancel then
      cancelled(id, task, task.cancel)
      call('HDEL', held_key(w, instance), id)
    else
      undo(id, task, packed)
    end
  end
  return #held / 2
end
