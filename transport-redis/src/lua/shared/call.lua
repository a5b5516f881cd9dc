-- What all scripts share. ARGV[1] has, in parts: prefix, record ttl, max deliveries, lease, longest wait of an instance,
-- observation (times in ms), most finished records of a queue, and bytes of them; whether the client waits until its writes
-- are on replicas or disks ('' or 1), most entries of the activity of a queue, bytes of them, and how long they are kept after the last. What a script takes itself follows.
--
-- With Redis 7 this is loaded once, as a library of functions. Before that it precedes each script,
-- and is carried out each time. Either way `begin` comes first in each call.
local call, pcall_
local PREFIX, TTL, MAX_DELIVERIES, LEASE, LONGEST_WAIT, OBSERVATION
local MAX_FINISHED, MAX_FINISHED_BYTES, IS_CONFIRMED
local MAX_ACTIVITY, MAX_ACTIVITY_BYTES, ACTIVITY_TTL
-- The time, as a number and as text: Redis would print the number as floating point, which takes
-- longer than the write.
local NOW, NOW_TEXT
-- The same in microseconds. A script takes longer than one for each task, so that those that are numbered from
-- it have places in the order in which they came.
local NOW_MICROS
-- Messages to inboxes, gathered so that one publication carries many: the time, then a kind and a value for each, and each of
-- these after its length.
local outbox
-- Worker ids that have cancelled tasks whose children are to follow, as names; nil if there are none.
local orphaned
-- Tasks that have ended in this call, by their worker id: their entries for `finished`, and how many bytes those stand for.
local concluded
-- Those of them whose end no instance logs, by their worker id: entries for `activity`.
local ended_without_run
-- Queues where an instance that was to claim when something is due has work instead, by worker id; nil if there are none.
local unwatched
-- Where tasks wait that may be claimed: by priority, and quarantined ones apart.
local READY = { h = 'ready:high', n = 'ready:normal', l = 'ready:low', q = 'quarantine', b = 'quarantine' }
-- How many claims of dead instances and delayed tasks one script takes at most: bounds how long it
-- keeps the server from others.
local MAX_TAKEN = 512
-- How many of those this call may still take; below 0 if the last ones were more.
local budget

-- The settings that were read last, the queue of which a key was made last, what its keys begin with, and the task whose
-- record's key was made last: a function keeps them from one call to the next.
local settings, last_queue, queue_prefix, last_id, last_record

-- Reads what `Packed` has made of texts: how many there are, `count` values as `head` says, and each text after its
-- length. An argument to itself takes the server longer than all else that is done with a short text.
local function reader(head, count)
  local formats = {}
  return function(packed)
    local n = string.byte(packed)
    local format = formats[n]
    if not format then
      format = '>' .. head .. string.rep('I4c0', n)
      formats[n] = format
    end
    local parts = { struct.unpack(format, packed, 2) }
    parts[count + n + 1] = nil -- where it ended
    return parts, count + n
  end
end
local parts_of = reader('', 0)
-- A task: id, priority letter, delay, how long it may wait for its start, how long it may take in all. The end of a
-- claim: task id, delivery, kind, the wait before a retry, bytes of the script and its args. Durations are milliseconds, below 0 if there is none.
local read_task, read_end = reader('c36c1ddd', 5), reader('c36I4c1dI4', 5)

local function begin(ARGV)
  call, pcall_ = redis.call, redis.pcall
  if ARGV[1] ~= settings then
    settings, last_queue, last_id = ARGV[1], nil, nil
    local parts = parts_of(settings)
    PREFIX, TTL, MAX_DELIVERIES, LEASE = parts[1], parts[2], tonumber(parts[3]), tonumber(parts[4])
    LONGEST_WAIT, OBSERVATION = tonumber(parts[5]), tonumber(parts[6])
    MAX_FINISHED, MAX_FINISHED_BYTES, IS_CONFIRMED = tonumber(parts[7]), tonumber(parts[8]), parts[9] == '1'
    MAX_ACTIVITY, MAX_ACTIVITY_BYTES, ACTIVITY_TTL = tonumber(parts[10]), tonumber(parts[11]), parts[12]
  end
  outbox, orphaned, concluded, ended_without_run, unwatched, budget = {}, nil, {}, {}, nil, MAX_TAKEN
  local time = call('TIME')
  local millis = math.floor(time[2] / 1000)
  NOW, NOW_MICROS = time[1] * 1000 + millis, time[1] * 1000000 + time[2]
  NOW_TEXT = string.format('%s%03d', time[1], millis)
end

-- The first millisecond at which so many of them are over; 0 if the number is below 0: never.
local function time_after(millis) return millis < 0 and 0 or math.ceil(NOW_MICROS / 1000 + millis) end

-- Answers to a batch, after the time: one stands for all if they are the same.
local function shortened(answers)
  for i = 3, #answers do
    if answers[i] ~= answers[2] then return answers end
  end
  return { answers[1], answers[2] }
end

local function record_key(id)
  if id ~= last_id then last_id, last_record = id, PREFIX .. ':' .. id end
  return last_record
end
local function waiters_key(id) return '{' .. PREFIX .. ':' .. id .. '}:waiters' end
local function events_key(id) return '{' .. PREFIX .. ':' .. id .. '}:events' end
-- Whether a task that does not exist was cancelled with its parent.
local function withheld_key(id) return '{' .. PREFIX .. ':' .. id .. '}:withheld' end
local function children_key(id) return '{' .. PREFIX .. ':' .. id .. '}:children' end
local function key(w, what)
  if w ~= last_queue then last_queue, queue_prefix = w, '{' .. PREFIX .. ':' .. w .. '}:' end
  return queue_prefix .. what
end
local function ready_key(w, letter) return key(w, READY[letter]) end
-- What an instance has claimed.
local function held_key(w, instance) return key(w, 'held:' .. instance) end
local function failed(r) return type(r) == 'table' and r.err end
-- Sees to it that a script has written something whose client asks for a confirmation: WAIT is about the last write of
-- its connection, and this one comes after all that the script has read.
local function write_for_confirmation(w)
  if IS_CONFIRMED then call('SET', key(w, 'confirmed'), NOW_TEXT, 'PX', 60000) end
end
-- Lets the answer say that a queue has cancelled tasks whose children are to follow.
local function remind_of_orphaned(w)
  orphaned = orphaned or {}
  orphaned[w] = true
end
-- The answer of a script: its first value is the time, behind which stand the worker ids that it reminds of.
local function answered(reply)
  if orphaned and reply[1] then
    local texts = { NOW_TEXT }
    for w in pairs(orphaned) do texts[#texts + 1] = w end
    reply[1] = table.concat(texts, ' ')
  end
  return reply
end
-- As text for a score: Redis would print the number with too few digits.
local function digits(number) return string.format('%.0f', number) end
-- Calls `f`: what it returns, or e and the problem. Redis 6 says in which line it was.
local function try(f, ...)
  local fine, answer = pcall(f, ...)
  if fine then return answer end
  answer = failed(answer) or tostring(answer)
  return 'e' .. (string.match(answer, '^@?user_script:%s*%d+:%s*%-?(.*)') or answer)
end
local function is_over(status) return status == 'completed' or status == 'error' or status == 'cancelled' end

-- The length of a text as it stands in front of it. Those of short ones are kept.
local LENGTHS = {}
local function length_of(text)
  local n = #text
  local length = LENGTHS[n]
  if not length then
    length = struct.pack('>I4', n)
    if n < 1024 then LENGTHS[n] = length end
  end
  return length
end

local function tell(inbox, kind, value)
  local out = outbox[inbox]
  if not out then out = { length_of(NOW_TEXT), NOW_TEXT }; outbox[inbox] = out end
  local n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4] = length_of(kind), kind, length_of(value), value
end
