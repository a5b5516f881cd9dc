-- What all scripts share. ARGV[1] has, in parts: prefix, record ttl, max deliveries, lease, longest inbox, inbox
-- ttl (times in ms). What a script takes itself follows.
--
-- With Redis 7 this is loaded once, as a library of functions. Before that it precedes each script,
-- and is carried out each time. Either way `begin` comes first in each call.
local call, pcall_
local PREFIX, TTL, MAX_DELIVERIES, LEASE, INBOX_MAX, INBOX_TTL
-- The time, as a number and as text: Redis would print the number as floating point, which takes
-- longer than the write.
local NOW, NOW_TEXT
-- The same in microseconds. A script takes longer than one for each task, so that those that are numbered from
-- it have places in the order in which they came.
local NOW_MICROS
-- Messages to inboxes, gathered so that one entry carries many.
local outbox
-- Tasks that have been cancelled and had dispatched others, which are to follow.
local orphaned
-- Where tasks wait that may be claimed: by priority, and suspects apart.
local READY = {
  h = 'ready:high', n = 'ready:normal', l = 'ready:low', s = 'ready:suspect', x = 'ready:last',
}

-- The settings that were read last, the queue of which a key was made last, and what its keys begin with: a
-- function keeps them from one call to the next.
local settings, last_queue, queue_prefix

-- What `Packed` has made of texts: how many there are, and each after its length. An argument to itself takes
-- the server longer than all else that is done with a short text.
local FORMATS = {}
local function parts_of(packed)
  local n = string.byte(packed)
  local format = FORMATS[n]
  if not format then
    format = '>' .. string.rep('I4c0', n)
    FORMATS[n] = format
  end
  local parts = { struct.unpack(format, packed, 2) }
  parts[n + 1] = nil -- where it ended
  return parts, n
end

local function begin(ARGV)
  call, pcall_ = redis.call, redis.pcall
  if ARGV[1] ~= settings then
    settings, last_queue = ARGV[1], nil
    local parts = parts_of(settings)
    PREFIX, TTL, MAX_DELIVERIES, LEASE = parts[1], parts[2], tonumber(parts[3]), tonumber(parts[4])
    INBOX_MAX, INBOX_TTL = parts[5], parts[6]
  end
  outbox, orphaned = {}, {}
  local time = call('TIME')
  local millis = math.floor(time[2] / 1000)
  NOW, NOW_MICROS = time[1] * 1000 + millis, time[1] * 1000000 + time[2]
  NOW_TEXT = string.format('%s%03d', time[1], millis)
end

-- Answers to a batch, after the time: one stands for all if they are the same.
local function shortened(answers)
  for i = 3, #answers do
    if answers[i] ~= answers[2] then return answers end
  end
  return { answers[1], answers[2] }
end

local function record_key(id) return PREFIX .. ':' .. id end
local function waiters_key(id) return '{' .. PREFIX .. ':' .. id .. '}:waiters' end
local function children_key(id) return '{' .. PREFIX .. ':' .. id .. '}:children' end
local function key(w, what)
  if w ~= last_queue then last_queue, queue_prefix = w, PREFIX .. ':{' .. w .. '}:' end
  return queue_prefix .. what
end
local function ready_key(w, letter) return key(w, READY[letter]) end
-- What an instance has claimed.
local function held_key(w, instance) return key(w, 'held:' .. instance) end
local function failed(r) return type(r) == 'table' and r.err end
local function is_over(status) return status == 'completed' or status == 'error' or status == 'cancelled' end

local function tell(inbox, kind, value)
  local out = outbox[inbox]
  if not out then out = {}; outbox[inbox] = out end
  out[#out + 1] = kind
  out[#out + 1] = value
end

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
-- submitter is sent; without one, it is told to look. Of the fields that follow the first is the status.
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
    for _, inbox in ipairs(call('SMEMBERS', waiters)) do tell(inbox, 'n', id) end
    call('DEL', waiters)
  end
  if task.request_key then
    call('ZADD', key(task.worker_id, 'requests:expiry'), NOW + TTL, task.request_key)
  end
end

-- A task as its queue, or who has claimed it, holds it: before the payload stand the letter of its priority,
-- whether it is f, fresh: nothing but its start is to be written into its record, when it is too late to start it
-- (0: never), and its place among the others, in microseconds.
local HEADER = '>c1c1dd'
local HEADER_SIZE = 18 -- a library that loads can't ask for it
local function pack_task(letter, fresh, latest, place, payload)
  return struct.pack(HEADER, letter, fresh and 'f' or '-', latest or 0, place) .. payload
end
local function priority_of(packed) return string.sub(packed, 1, 1) end
local function place_of(packed)
  local _, _, _, place = struct.unpack(HEADER, packed)
  return place
end

-- As text for a score: Redis would print the number with too few digits.
local function digits(number) return string.format('%.0f', number) end

-- Where a task is put that is ready: a suspect's last start is made apart from others.
local function ready_letter(deaths, priority)
  if deaths == 0 then return priority end
  return deaths + 1 >= MAX_DELIVERIES and 'x' or 's'
end

-- Makes a task wait that was held: at its place among those of `letter`, or until a time.
local function wait_again(w, id, packed, instance, letter, run_at)
  if not packed then return end
  call('HSET', key(w, 'waiting'), id, string.sub(packed, 1, 1) .. '-' .. string.sub(packed, 3))
  if run_at then
    call('ZADD', key(w, 'later'), run_at, id)
  else
    call('ZADD', ready_key(w, letter), digits(place_of(packed)), id)
  end
  call('HDEL', held_key(w, instance), id)
end

-- Takes a task out of all in which it may wait.
local function remove_waiting(w, id)
  if call('HDEL', key(w, 'waiting'), id) == 0 then return end
  for letter in pairs(READY) do call('ZREM', ready_key(w, letter), id) end
  call('ZREM', key(w, 'later'), id)
  call('ZREM', key(w, 'newer'), id)
end

local function set_aside(w, id, packed, reason)
  local payload = #packed > HEADER_SIZE and string.sub(packed, HEADER_SIZE + 1) or packed
  call('XADD', key(w, 'dead'), 'MAXLEN', '~', '1000', '*', 'id', id, 'reason', reason, 'payload', payload)
end

local function cancelled(id, task, reason)
  conclude(id, task, nil, 'status', 'cancelled', 'cancel_reason', reason)
end

-- A task whose instance died, or gave it up in an unknown state. `spared`: it is not to blame.
local function bury(w, id, task, packed, instance, spared)
  if task.cancel then
    cancelled(id, task, task.cancel)
    return call('HDEL', held_key(w, instance), id)
  end
  local deaths = task.deaths + 1
  if spared and not task.spared then
    call('HSET', record_key(id), 'status', 'pending', 'spared', '1', 'updated_at', NOW_TEXT)
    return wait_again(w, id, packed, instance, ready_letter(task.deaths, 'n'))
  end
  if deaths >= MAX_DELIVERIES then
    conclude(id, task, nil, 'status', 'error', 'deaths', deaths, 'error_kind', 'crashed', 'error',
      deaths .. ' worker instances died while they ran it (max_deliveries)')
    return call('HDEL', held_key(w, instance), id)
  end
  call('HSET', record_key(id), 'status', 'pending', 'deaths', deaths, 'updated_at', NOW_TEXT, 'more', '1')
  wait_again(w, id, packed, instance, ready_letter(deaths, 'n'))
end

-- Makes a claim undone: the task waits again ahead of those that came later.
local function hand_back(w, id, task, packed, instance)
  call('HSET', record_key(id), 'status', 'pending', 'updated_at', NOW_TEXT, 'delivery', task.delivery - 1)
  call('HDEL', record_key(id), 'instance')
  wait_again(w, id, packed, instance, ready_letter(task.deaths, priority_of(packed)))
end

-- Claims on their way to an instance, as one text: each part after its length.
local function pack(kind, parts)
  local values, n = { #NOW_TEXT, NOW_TEXT, #kind, kind }, #parts
  for i = 1, n do
    values[2 * i + 3] = #parts[i]
    values[2 * i + 4] = parts[i]
  end
  return struct.pack('>' .. string.rep('I4c0', n + 2), unpack(values))
end
-- Notes in `unread` the ids of the tasks that were sent so.
local function unpack_ids(packed, unread)
  local parts, at = {}, 1
  while at <= #packed do parts[#parts + 1], at = struct.unpack('>I4c0', packed, at) end
  -- The first two are the time and the kind.
  for i = 3, #parts, parts[2] == 'given' and 2 or 5 do unread[parts[i]] = true end
end

-- The suspect that is to blame for the death of an instance which ran nothing but suspects: the last
-- to start, since the others had shown by then that they do no harm.
local function find_culprit(w, instance, unread)
  local newest, culprit
  for _, id in ipairs(call('HKEYS', held_key(w, instance))) do
    if not unread[id] then
      local r = call('HMGET', record_key(id), 'deaths', 'started_at')
      if (tonumber(r[1]) or 0) == 0 then return nil end
      local started_at = tonumber(r[2]) or 0
      if not newest or started_at > newest then newest, culprit = started_at, id end
    end
  end
  return culprit
end

-- Takes the claims of one dead instance, at most `budget`; how much of it is left. `expiry` is its
-- place among the living: below 0 it has been here before, and the one to blame was found.
local function take_over(w, instance, expiry, budget)
  -- What it never got from its list it has not begun.
  local unread = {}
  for _, packed in ipairs(call('LRANGE', key(w, 'give:' .. instance), 0, -1)) do unpack_ids(packed, unread) end
  local culprit = expiry > 0 and find_culprit(w, instance, unread)
  local spares = culprit or expiry < 0
  if culprit then call('ZADD', key(w, 'alive'), -1, instance) end
  local held = call('HRANDFIELD', held_key(w, instance), budget, 'WITHVALUES')
  for i = 1, #held, 2 do
    local id, packed = held[i], held[i + 1]
    local task = look_up(id)
    if not task or is_over(task.status) then
      call('HDEL', held_key(w, instance), id)
    elseif task.status ~= 'processing' or task.instance ~= instance then
      -- Its record was repaired before, or never was started.
      wait_again(w, id, packed, instance, ready_letter(task.deaths, priority_of(packed)))
    elseif unread[id] and not task.cancel then
      hand_back(w, id, task, packed, instance)
    else
      bury(w, id, task, packed, instance, spares and id ~= culprit)
    end
  end
  return budget - #held / 2
end

-- The state of a queue, and a note that somebody looked. Whoever lives renews every third of a
-- lease; a longer silence means that Redis was away, or they were, and then nobody is declared dead
-- before a full lease is over. It is the lease of its instances that counts, whoever looks.
local function look_at(w)
  local k = key(w, 'state')
  local s = call('HMGET', k, 'seen', 'grace', 'paused', 'turn', 'runner', 'runner_since', 'lease')
  local seen, lease = tonumber(s[1]), tonumber(s[7]) or LEASE
  local state = {
    grace = tonumber(s[2]) or 0, paused = s[3], turn = tonumber(s[4]) or 0, runner = s[5], runner_since = tonumber(s[6]) or 0,
    lease = lease,
  }
  if not seen or NOW - seen > lease * 0.6 or NOW < seen then
    state.grace = NOW + lease
    call('HSET', k, 'seen', NOW_TEXT, 'grace', state.grace)
  elseif NOW - seen > lease * 0.1 then
    call('HSET', k, 'seen', NOW_TEXT)
  end
  return state
end

-- Forgets request ids whose record has expired.
local function prune_requests(w)
  local old = call('ZRANGEBYSCORE', key(w, 'requests:expiry'), '-inf', NOW, 'LIMIT', 0, 20)
  for _, request in ipairs(old) do
    local id = call('HGET', key(w, 'requests'), request)
    if id and call('EXISTS', record_key(id)) == 0 then call('HDEL', key(w, 'requests'), request) end
    call('ZREM', key(w, 'requests:expiry'), request)
  end
end

-- What an instance that waits has said: since when it does, until when its lease goes on at least, how many
-- tasks it may be given, how much room it has, whether its suspects have had their turn, and which version it reads.
local ORDER = '>ddI4I1I1I1'

-- The instances that wait, who has waited longest first.
local function idle_instances(w)
  local all = call('HGETALL', key(w, 'idle'))
  local idle = {}
  for i = 1, #all, 2 do
    if #all[i + 1] == struct.size(ORDER) then
      local since, alive, max, room, after, version = struct.unpack(ORDER, all[i + 1])
      idle[#idle + 1] = {
        instance = all[i], since = since, max = max, room = room, after_suspect = after == 1, version = version,
        alive = alive, count = 0, out = {},
      }
    end
  end
  if #idle > 1 then table.sort(idle, function(a, b) return a.since < b.since end) end
  return idle
end

-- Whether the lease of an instance that waits goes on. One whose lease has run out may renew it yet.
local function is_alive(w, to)
  return to.alive > NOW or tonumber(call('ZSCORE', key(w, 'alive'), to.instance) or '0') > NOW
end

local function wait_for_tasks(w, to)
  local after = to.after_suspect and 1 or 0
  local order = struct.pack(ORDER, to.since, to.alive, to.max, to.room, after, to.version)
  call('HSET', key(w, 'idle'), to.instance, order)
end

-- Puts something on the list of one that waits. It goes on waiting for the rest of what it wants,
-- though not for a suspect, since it now has a task; and behind the others: one that has died is
-- given its share, until that is noticed, and not all there is.
local function give(w, to, packed, rest)
  if rest > 0 then
    to.since, to.max, to.room = NOW, rest, 0
    wait_for_tasks(w, to)
  else
    call('HDEL', key(w, 'idle'), to.instance)
  end
  call('RPUSH', key(w, 'give:' .. to.instance), packed)
end

-- Lets one of those who wait look again, because the time until which it sleeps has changed.
local function nudge(w)
  local to = idle_instances(w)[1]
  if to then give(w, to, '', 0) end
end

-- Lets all of those who wait look again: suspects have become ready, and how much room one has was
-- written down when it began to wait, or was given a task.
local function nudge_all(w)
  for _, to in ipairs(idle_instances(w)) do give(w, to, '', 0) end
end

-- Does all that has become due in a queue. Returns when there is next something to do, whether
-- that is a delayed task, and whether something has become ready, which is then to be served.
local function settle(w)
  local state = look_at(w)
  local grace_until = state.grace
  local next_due = NOW + 2000
  local made_ready, later_due = false, false
  local later = key(w, 'later')
  local head = call('ZRANGE', later, 0, 0, 'WITHSCORES')
  if head[1] then
    if tonumber(head[2]) <= NOW then
      local due = call('ZRANGEBYSCORE', later, '-inf', NOW, 'WITHSCORES', 'LIMIT', 0, 100)
      for i = 1, #due, 2 do
        local id = due[i]
        local packed = call('HGET', key(w, 'waiting'), id)
        if packed then
          local deaths = tonumber(call('HGET', record_key(id), 'deaths') or '0') or 0
          call('ZADD', ready_key(w, ready_letter(deaths, priority_of(packed))), digits(due[i + 1] * 1000), id)
          made_ready = true
        end
        call('ZREM', later, id)
      end
      head = call('ZRANGE', later, 0, 0, 'WITHSCORES')
    end
    later_due = head[2] and tonumber(head[2]) <= next_due
    if later_due then next_due = math.max(tonumber(head[2]), NOW) end
  end
  local alive = key(w, 'alive')
  local oldest = call('ZRANGE', alive, 0, 0, 'WITHSCORES')
  if oldest[2] then
    local expiry = tonumber(oldest[2])
    if expiry <= NOW and NOW >= grace_until then
      local budget = 128
      local dead = call('ZRANGEBYSCORE', alive, '-inf', NOW, 'WITHSCORES', 'LIMIT', 0, 8)
      for i = 1, #dead, 2 do
        local instance = dead[i]
        budget = take_over(w, instance, tonumber(dead[i + 1]), budget)
        made_ready = true
        nudge_all(w)
        if budget <= 0 then
          call('ZADD', alive, 'LT', 0, instance) -- condemned: a renewal comes too late
          next_due = NOW
          break
        end
        call('ZREM', alive, instance)
        call('HDEL', key(w, 'instances'), instance)
        call('HDEL', key(w, 'idle'), instance)
        call('DEL', key(w, 'give:' .. instance))
      end
    elseif expiry <= NOW then
      next_due = math.min(next_due, grace_until)
    else
      next_due = math.min(next_due, math.max(expiry, grace_until))
    end
  end
  return next_due, later_due, made_ready, state
end

-- Starts one task for an instance, unless it is not to be started. What it then holds is added to `held`.
local function start(w, id, packed, to, held)
  if not packed then return end
  if #packed <= HEADER_SIZE then return set_aside(w, id, packed, 'not a task of this queue') end
  local _, fresh, latest = struct.unpack(HEADER, packed)
  local version = string.byte(packed, HEADER_SIZE + 1)
  if version > to.version then
    call('HSET', key(w, 'waiting'), id, packed)
    call('ZADD', key(w, 'newer'), version, id)
    return
  end
  local k = record_key(id)
  local delivery, attempt, deaths = '1', '0', '0'
  if fresh == 'f' then
    if call('EXISTS', k) == 0 then return set_aside(w, id, packed, 'there is no record of it') end
  else
    local r = pcall_('HMGET', k, 'status', 'delivery', 'more')
    if failed(r) then return set_aside(w, id, packed, r.err) end
    if not r[1] then return set_aside(w, id, packed, 'there is no record of it') end
    if is_over(r[1]) then return end
    delivery = tostring((tonumber(r[2]) or 0) + 1)
    if r[3] then
      local m = call('HMGET', k, 'attempt', 'deaths')
      attempt, deaths = m[1] or '0', m[2] or '0'
      call('HDEL', k, 'run_at')
    end
  end
  if latest > 0 and latest <= NOW then
    local task, problem = look_up(id)
    if not task then return set_aside(w, id, packed, problem) end
    return cancelled(id, task, 'expired')
  end
  local written =
    pcall_('HSET', k, 'status', 'processing', 'instance', to.instance, 'delivery', delivery, 'started_at', NOW_TEXT)
  if failed(written) then return set_aside(w, id, packed, written.err) end
  local n = #held
  held[n + 1], held[n + 2] = id, packed
  local out = to.out
  n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = id, packed, delivery, attempt, deaths
  to.count = to.count + 1
end

-- Puts tasks back that an older instance could not read.
local function take_newer(w, version)
  for _, id in ipairs(call('ZRANGEBYSCORE', key(w, 'newer'), '-inf', version, 'LIMIT', 0, 100)) do
    local packed = call('HGET', key(w, 'waiting'), id)
    local deaths = tonumber(call('HGET', record_key(id), 'deaths') or '0') or 0
    if packed then
      call('ZADD', ready_key(w, ready_letter(deaths, priority_of(packed))), digits(place_of(packed)), id)
    end
    call('ZREM', key(w, 'newer'), id)
  end
end

-- Takes up to `n` tasks of those of one letter; whether there may be more.
local function take(w, letter, n, to)
  local ready = ready_key(w, letter)
  local ids = call('ZRANGE', ready, 0, n - 1)
  if #ids == 0 then return false end
  local waiting, held = key(w, 'waiting'), {}
  local packed = call('HMGET', waiting, unpack(ids))
  call('ZREMRANGEBYRANK', ready, 0, #ids - 1)
  call('HDEL', waiting, unpack(ids))
  for i, id in ipairs(ids) do start(w, id, packed[i], to, held) end
  if #held > 0 then call('HSET', held_key(w, to.instance), unpack(held)) end
  return #ids == n and call('EXISTS', ready) == 1
end

-- Whether suspects wait, and none that an instance with so much room may have: 0 if it runs others,
-- 1 if it runs nothing but suspects that have passed their probation, 2 if it runs nothing.
local function lacks_room(w, room)
  if room == 2 then return false end
  if call('EXISTS', ready_key(w, 's')) == 1 then return room == 0 end
  return call('EXISTS', ready_key(w, 'x')) == 1
end
local function ready_waits(w)
  return call('EXISTS', ready_key(w, 'h'), ready_key(w, 'n'), ready_key(w, 'l')) > 0
end

-- Of 16 tasks 10 are high, 5 normal and 1 low, while all three wait; who has none leaves its turn
-- to the others.
local PATTERN = 'hnhhnhlhnhhnhhnh'

-- The most tasks that one script claims: bounds how long it keeps the server from others.
local MAX_CLAIMED = 128

-- Claims for an instance (`to`: instance, version, room, after_suspect) up to `max` tasks, or one
-- suspect alone. What is claimed is in to.out; answers what it is, and whether more may be ready.
local function hand_out(w, to, max, turn)
  to.out, to.count, max = {}, 0, math.min(max, MAX_CLAIMED)
  if call('EXISTS', key(w, 'waiting')) == 0 then return 'empty', false end
  take_newer(w, to.version)
  -- Suspects take turns with those that wait and are none.
  if to.room > 0 and not (to.after_suspect and ready_waits(w)) then
    if to.room == 2 then while to.count == 0 and take(w, 'x', 1, to) do end end
    while to.count == 0 and take(w, 's', 1, to) do end
    if to.count > 0 then
      local runner = call('HGET', key(w, 'state'), 'runner')
      if runner and (runner == to.instance or not lacks_room(w, 0)) then
        call('HDEL', key(w, 'state'), 'runner', 'runner_since')
        if runner ~= to.instance then call('RPUSH', key(w, 'give:' .. runner), '') end
      end
      return 'suspect', true
    end
  end
  turn = turn or tonumber(call('HGET', key(w, 'state'), 'turn') or '0') or 0
  local quota, more = { h = 0, n = 0, l = 0 }, { h = true, n = true, l = true }
  for i = 0, max - 1 do
    local slot = (turn + i) % 16 + 1
    local letter = string.sub(PATTERN, slot, slot)
    quota[letter] = quota[letter] + 1
  end
  for _, letter in ipairs({ 'h', 'n', 'l' }) do
    if quota[letter] > 0 then more[letter] = take(w, letter, quota[letter], to) end
  end
  -- Every entry that is not started makes room for another, which has to be bounded too.
  local rounds = 0
  while to.count < max and (more.h or more.n or more.l) and rounds < 16 do
    rounds = rounds + 1
    for _, letter in ipairs({ 'h', 'n', 'l' }) do
      if more[letter] and to.count < max then more[letter] = take(w, letter, max - to.count, to) end
    end
  end
  local any_more = more.h or more.n or more.l
  if to.count > 0 then
    call('HSET', key(w, 'state'), 'turn', (turn + to.count) % 16)
    return 'claimed', any_more
  end
  return 'empty', any_more
end

local function is_paused(w) return call('HEXISTS', key(w, 'state'), 'paused') == 1 end

-- Gives what is ready to those who wait. So nothing is ever ready while an instance waits that may
-- have it.
local function serve(w)
  local idle = idle_instances(w)
  if #idle == 0 or is_paused(w) then return end
  for _, to in ipairs(idle) do
    if is_alive(w, to) then
      local kind, more = hand_out(w, to, to.max)
      if kind ~= 'empty' then
        give(w, to, pack(kind, to.out), kind == 'suspect' and 0 or to.max - to.count)
      end
      if not more then break end
    end
  end
end

-- Cancels a task, whatever its queue: r removed, q requested, f finished, n not known, - left alone,
-- e and a problem.
local function cancel_task(id, reason, only_expired)
  local task, problem = look_up(id)
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
  call('HSET', key(w, 'cancels'), id, task.instance .. ' ' .. task.delivery .. ' ' .. reason)
  local inbox = call('HGET', key(w, 'instances'), task.instance)
  if inbox then tell(inbox, 'c', id .. ' ' .. task.instance .. ' ' .. task.delivery .. ' ' .. reason) end
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
      local answer = cancel_task(child, 'parent', false)
      if answer == 'r' or answer == 'q' then left = left - 1 end
    end
    if left == 0 then call('SADD', PREFIX .. ':orphaned', orphaned[i]) end
    i = i + 1
  end
end

-- Comes last in every script that may have something to tell.
local function send_all()
  cancel_below()
  for inbox, out in pairs(outbox) do
    local k = PREFIX .. ':inbox:' .. inbox
    for i = 1, #out, 128 do
      call('XADD', k, 'MAXLEN', '~', INBOX_MAX, '*', 't', NOW_TEXT, unpack(out, i, math.min(i + 127, #out)))
    end
    call('PEXPIRE', k, INBOX_TTL)
  end
end
