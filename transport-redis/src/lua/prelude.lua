-- What all scripts share. ARGV: 1 prefix, 2 record ttl, 3 max deliveries, 4 lease, 5 longest inbox,
-- 6 inbox ttl (times in ms); what a script takes itself follows from 7 on.
--
-- With Redis 7 this is loaded once, as a library of functions. Before that it precedes each script,
-- and is carried out each time. Either way `begin` comes first in each call.
local call, pcall_
local PREFIX, TTL, MAX_DELIVERIES, LEASE, INBOX_MAX, INBOX_TTL
-- The time, as a number and as text: Redis would print the number as floating point, which takes
-- longer than the write.
local NOW, NOW_TEXT
-- Messages to inboxes, gathered so that one entry carries many.
local outbox
-- Tasks that have been cancelled and had dispatched others, which are to follow.
local orphaned
local GROUP = 'workers'
local STREAMS = {
  h = 'queue:high', n = 'queue:normal', l = 'queue:low', s = 'queue:suspect', x = 'queue:last', d = 'queue:later',
}
-- Those that tasks are claimed from.
local LETTERS = { 'h', 'n', 'l', 's', 'x' }

local function begin(ARGV)
  call, pcall_ = redis.call, redis.pcall
  PREFIX, TTL, MAX_DELIVERIES, LEASE = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
  INBOX_MAX, INBOX_TTL = ARGV[5], ARGV[6]
  outbox, orphaned = {}, {}
  local time = call('TIME')
  NOW = time[1] * 1000 + math.floor(time[2] / 1000)
  NOW_TEXT = string.format('%.0f', NOW)
end

local function record_key(id) return PREFIX .. ':' .. id end
local function waiters_key(id) return '{' .. PREFIX .. ':' .. id .. '}:waiters' end
local function children_key(id) return '{' .. PREFIX .. ':' .. id .. '}:children' end
local function key(w, what) return PREFIX .. ':{' .. w .. '}:' .. what end
local function stream(w, letter) return PREFIX .. ':{' .. w .. '}:' .. STREAMS[letter] end
local function failed(r) return type(r) == 'table' and r.err end
local function is_over(status) return status == 'completed' or status == 'error' or status == 'cancelled' end

local function tell(inbox, kind, value)
  local out = outbox[inbox]
  if not out then out = {}; outbox[inbox] = out end
  out[#out + 1] = kind
  out[#out + 1] = value
end

local function ensure_groups(w)
  for _, letter in ipairs(LETTERS) do
    local r = pcall_('XGROUP', 'CREATE', stream(w, letter), GROUP, '0', 'MKSTREAM')
    if failed(r) and not string.find(r.err, 'BUSYGROUP', 1, true) then error(r.err) end
  end
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

-- Takes an entry out of whatever holds it.
local function remove_entry(w, id, at)
  local letter, sid = string.sub(at, 1, 1), string.sub(at, 3)
  local s = stream(w, letter)
  if letter == 'd' then
    if id then call('ZREM', key(w, 'later'), id) end
  else
    call('ZREM', s .. ':returned', sid)
    call('ZREM', s .. ':newer', sid)
    call('XACK', s, GROUP, sid)
  end
  call('XDEL', s, sid)
  if id then call('HDEL', key(w, 'entry'), id) end
end

local function read_entry(w, letter, sid)
  local found = call('XRANGE', stream(w, letter), sid, sid)
  return found[1] and found[1][2]
end

-- Puts the payload of an entry into another stream. `fields` are those of the entry: i, id, t, payload.
local function move_entry(w, fields, at, letter, priority)
  local id = fields[2]
  local sid = call('XADD', stream(w, letter), '*', 'i', id, 't', fields[4], 'p', priority)
  remove_entry(w, nil, at)
  if string.sub(at, 1, 1) == 'd' then call('ZREM', key(w, 'later'), id) end
  call('HSET', key(w, 'entry'), id, letter .. ':' .. sid)
end

local function priority_of(fields, at)
  local letter = string.sub(at, 1, 1)
  if letter == 'h' or letter == 'n' or letter == 'l' then return letter end
  return fields[6] or 'n'
end

-- Where a task is put that is ready: a suspect's last start is made apart from others.
local function ready_letter(deaths, priority)
  if deaths == 0 then return priority end
  return deaths + 1 >= MAX_DELIVERIES and 'x' or 's'
end

-- Where in its stream an entry stands, as a score.
local function place(sid)
  local ms, seq = string.match(sid, '^(%d+)-(%d+)$')
  return tonumber(ms) * 4096 + math.min(tonumber(seq), 4095)
end

-- Leaves an entry that was delivered to nobody in particular, ahead of those that came later.
local function return_entry(w, at)
  local letter, sid = string.sub(at, 1, 1), string.sub(at, 3)
  local s = stream(w, letter)
  call('XCLAIM', s, GROUP, '-', 0, sid, 'JUSTID')
  call('ZADD', s .. ':returned', place(sid), sid)
end

local function set_aside(w, at, fields, reason)
  local payload = fields and fields[4] or ''
  call('XADD', key(w, 'dead'), 'MAXLEN', '~', '1000', '*', 'at', at, 'id', fields and fields[2] or '',
    'reason', reason, 'payload', payload)
  remove_entry(w, fields and fields[2], at)
end

local function cancelled(id, task, reason, w, at)
  conclude(id, task, nil, 'status', 'cancelled', 'cancel_reason', reason)
  if at then remove_entry(w, id, at) end
end

-- A task whose instance died, or gave it up in an unknown state. `spared`: it is not to blame.
local function bury(w, id, task, at, fields, spared)
  if task.cancel then return cancelled(id, task, task.cancel, w, at) end
  local deaths = task.deaths + 1
  if spared and not task.spared then
    call('HSET', record_key(id), 'status', 'pending', 'spared', '1', 'updated_at', NOW_TEXT)
    return move_entry(w, fields, at, ready_letter(task.deaths, 'n'), priority_of(fields, at))
  end
  if deaths >= MAX_DELIVERIES then
    conclude(id, task, nil, 'status', 'error', 'deaths', deaths, 'error_kind', 'crashed', 'error',
      deaths .. ' worker instances died while they ran it (max_deliveries)')
    return remove_entry(w, id, at)
  end
  call('HSET', record_key(id), 'status', 'pending', 'deaths', deaths, 'updated_at', NOW_TEXT, 'more', '1')
  move_entry(w, fields, at, ready_letter(deaths, 'n'), priority_of(fields, at))
end

-- Makes a claim undone.
local function hand_back(w, id, task, at)
  call('HSET', record_key(id), 'status', 'pending', 'updated_at', NOW_TEXT, 'delivery', task.delivery - 1)
  call('HDEL', record_key(id), 'instance')
  return_entry(w, at)
end

-- Claims on their way to an instance, as one text: each part after its length.
local function pack(parts)
  local packed = {}
  for i, part in ipairs(parts) do
    local text = tostring(part)
    packed[i] = struct.pack('>I4c0', #text, text)
  end
  return table.concat(packed)
end
local function unpack_entries(packed, entries)
  local at, n = 1, 0
  while at <= #packed do
    local part
    part, at = struct.unpack('>I4c0', packed, at)
    -- The first two are the time and the kind; of five for each task the first is the entry.
    if n >= 2 and (n - 2) % 5 == 0 then entries[part] = true end
    n = n + 1
  end
end

-- The suspect that is to blame for the death of an instance which ran nothing but suspects: the last
-- to start, since the others had shown by then that they do no harm.
local function find_culprit(w, instance, unread)
  local newest, culprit
  for _, letter in ipairs(LETTERS) do
    local pending = pcall_('XPENDING', stream(w, letter), GROUP, '-', '+', 1000, instance)
    if not failed(pending) then
      for _, p in ipairs(pending) do
        local at = letter .. ':' .. p[1]
        if not unread[at] then
          if letter ~= 's' then return nil end
          if not newest or p[3] < newest then newest, culprit = p[3], at end
        end
      end
    end
  end
  return culprit
end

-- Takes the claims of one dead instance, at most `budget`; how much of it is left. `expiry` is its
-- place among the living: below 0 it has been here before, and the one to blame was found.
local function take_over(w, instance, expiry, budget)
  -- What it never got from its list it has not begun.
  local unread = {}
  for _, packed in ipairs(call('LRANGE', key(w, 'give:' .. instance), 0, -1)) do unpack_entries(packed, unread) end
  local culprit = expiry > 0 and find_culprit(w, instance, unread)
  local spares = culprit or expiry < 0
  if culprit then call('ZADD', key(w, 'alive'), -1, instance) end
  for _, letter in ipairs(LETTERS) do
    local s = stream(w, letter)
    local pending = pcall_('XPENDING', s, GROUP, '-', '+', budget, instance)
    if not failed(pending) then
      for _, p in ipairs(pending) do
        local sid, fields = p[1], read_entry(w, letter, p[1])
        local at = letter .. ':' .. sid
        local id = fields and fields[2]
        local task = id and look_up(id)
        if not task or is_over(task.status) then
          remove_entry(w, id, at)
        elseif task.status == 'processing' and task.instance == instance and unread[at] and not task.cancel then
          hand_back(w, id, task, at)
        elseif task.status == 'processing' and task.instance == instance then
          bury(w, id, task, at, fields, spares and at ~= culprit)
        else
          -- Its record was repaired before, or never was started.
          move_entry(w, fields, at, ready_letter(task.deaths, priority_of(fields, at)), priority_of(fields, at))
        end
        budget = budget - 1
        if budget <= 0 then return 0 end
      end
    end
  end
  return budget
end

-- The state of a queue, and a note that somebody looked. Whoever lives renews every third of a
-- lease; a longer silence means that Redis was away, or they were, and then nobody is declared dead
-- before a full lease is over.
local function look_at(w)
  local k = key(w, 'state')
  local s = call('HMGET', k, 'seen', 'grace', 'paused', 'turn', 'runner', 'runner_since')
  local seen = tonumber(s[1])
  local state = {
    grace = tonumber(s[2]) or 0, paused = s[3], turn = tonumber(s[4]) or 0, runner = s[5], runner_since = tonumber(s[6]) or 0,
  }
  if not seen or NOW - seen > LEASE * 0.6 or NOW < seen then
    state.grace = NOW + LEASE
    call('HSET', k, 'seen', NOW_TEXT, 'grace', state.grace)
  elseif NOW - seen > LEASE * 0.1 then
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

-- The instances that wait, who has waited longest first.
local function idle_instances(w)
  local all = call('HGETALL', key(w, 'idle'))
  local idle = {}
  for i = 1, #all, 2 do
    local since, max, room, after, version = string.match(all[i + 1], '^(%d+) (%d+) (%d) (%d) (%d+)$')
    idle[#idle + 1] = {
      instance = all[i], since = since, max = tonumber(max), room = tonumber(room),
      after_suspect = after == '1', version = tonumber(version),
    }
  end
  if #idle > 1 then table.sort(idle, function(a, b) return tonumber(a.since) < tonumber(b.since) end) end
  return idle
end

-- Puts something on the list of one that waits. It goes on waiting for the rest of what it wants,
-- though not for a suspect, since it now has a task; and behind the others: one that has died is
-- given its share, until that is noticed, and not all there is.
local function give(w, to, packed, rest)
  if rest > 0 then
    local order = NOW_TEXT .. ' ' .. rest .. ' 0 ' .. (to.after_suspect and '1' or '0') .. ' ' .. to.version
    call('HSET', key(w, 'idle'), to.instance, order)
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
      for _, id in ipairs(call('ZRANGEBYSCORE', later, '-inf', NOW, 'LIMIT', 0, 100)) do
        local at = call('HGET', key(w, 'entry'), id)
        local fields = at and string.sub(at, 1, 1) == 'd' and read_entry(w, 'd', string.sub(at, 3))
        if fields then
          local p = priority_of(fields, at)
          local deaths = tonumber(call('HGET', record_key(id), 'deaths') or '0') or 0
          move_entry(w, fields, at, ready_letter(deaths, p), p)
          made_ready = true
        else
          call('ZREM', later, id)
        end
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
        for _, letter in ipairs(LETTERS) do
          pcall_('XGROUP', 'DELCONSUMER', stream(w, letter), GROUP, instance)
        end
      end
    elseif expiry <= NOW then
      next_due = math.min(next_due, grace_until)
    else
      next_due = math.min(next_due, math.max(expiry, grace_until))
    end
  end
  return next_due, later_due, made_ready, state
end

-- Claims of a stream that are somebody's: pending entries but for those that wait there.
local function claimed_in(w, letter)
  local s = stream(w, letter)
  local pending = pcall_('XPENDING', s, GROUP)
  if failed(pending) then return 0 end
  return tonumber(pending[1]) - call('ZCARD', s .. ':returned') - call('ZCARD', s .. ':newer')
end

-- Starts one entry for an instance, unless it is not to be started.
local function start(w, letter, sid, fields, to)
  local at = letter .. ':' .. sid
  if not fields then return remove_entry(w, nil, at) end
  if fields[1] ~= 'i' or fields[3] ~= 't' then return set_aside(w, at, nil, 'not an entry of this queue') end
  local id = fields[2]
  local version = string.byte(fields[4], 1) or 0
  if version > to.version then
    call('XCLAIM', stream(w, letter), GROUP, '-', 0, sid, 'JUSTID')
    call('ZADD', stream(w, letter) .. ':newer', version, sid)
    return
  end
  local k = record_key(id)
  local r = pcall_('HMGET', k, 'status', 'delivery', 'expires_at', 'more')
  if failed(r) then return set_aside(w, at, fields, r.err) end
  local status = r[1]
  if not status then return set_aside(w, at, fields, 'there is no record of it') end
  if is_over(status) then return remove_entry(w, id, at) end
  if r[3] and tonumber(r[3]) <= NOW then return cancelled(id, look_up(id), 'expired', w, at) end
  local delivery = tostring((tonumber(r[2]) or 0) + 1)
  call('HSET', k, 'status', 'processing', 'instance', to.instance, 'delivery', delivery, 'started_at', NOW_TEXT)
  local attempt, deaths = '0', '0'
  if r[4] then
    local m = call('HMGET', k, 'attempt', 'deaths')
    attempt, deaths = m[1] or '0', m[2] or '0'
    call('HDEL', k, 'run_at')
  end
  local out = to.out
  local n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = at, fields[4], delivery, attempt, deaths
  to.count = to.count + 1
end

-- Takes up to `n` entries of one stream; whether it may hold more.
local function take(w, letter, n, to)
  local st = stream(w, letter)
  if call('XLEN', st) == 0 then return false end
  local got = 0
  local returned, newer = st .. ':returned', st .. ':newer'
  if call('EXISTS', returned, newer) > 0 then
    -- What an older instance could not read is tried first.
    for _, sid in ipairs(call('ZRANGEBYSCORE', newer, '-inf', to.version, 'LIMIT', 0, n)) do
      call('ZREM', newer, sid)
      call('ZADD', returned, place(sid), sid)
    end
    for _, sid in ipairs(call('ZRANGE', returned, 0, n - 1)) do
      call('ZREM', returned, sid)
      call('XCLAIM', st, GROUP, to.instance, 0, sid, 'JUSTID')
      start(w, letter, sid, read_entry(w, letter, sid), to)
      got = got + 1
    end
    if got >= n then return true end
  end
  local read = pcall_('XREADGROUP', 'GROUP', GROUP, to.instance, 'COUNT', n - got, 'STREAMS', st, '>')
  if failed(read) then
    if not string.find(read.err, 'NOGROUP', 1, true) then error(read.err) end
    ensure_groups(w)
    read = call('XREADGROUP', 'GROUP', GROUP, to.instance, 'COUNT', n - got, 'STREAMS', st, '>')
  end
  if not read then return false end
  local entries = read[1][2]
  for _, e in ipairs(entries) do start(w, letter, e[1], e[2], to) end
  if got + #entries < n then return false end
  return #call('XRANGE', st, '(' .. entries[#entries][1], '+', 'COUNT', 1) > 0
end

local function suspects_wait(w, letter)
  local length = call('XLEN', stream(w, letter))
  return length > 0 and length > claimed_in(w, letter)
end
-- Whether suspects wait, and none that an instance with so much room may have: 0 if it runs others,
-- 1 if it runs nothing but suspects that have passed their probation, 2 if it runs nothing.
local function lacks_room(w, room)
  if room == 2 then return false end
  if suspects_wait(w, 's') then return room == 0 end
  return suspects_wait(w, 'x')
end
local function ready_waits(w)
  for _, letter in ipairs({ 'h', 'n', 'l' }) do
    if call('XLEN', stream(w, letter)) > claimed_in(w, letter) then return true end
  end
  return false
end

-- Of 16 tasks 10 are high, 5 normal and 1 low, while all three wait; who has none leaves its turn
-- to the others.
local PATTERN = 'hnhhnhlhnhhnhhnh'

-- Claims for an instance (`to`: instance, version, room, after_suspect) up to `max` tasks, or one
-- suspect alone. What is claimed is in to.out; answers what it is, and whether more may be ready.
local function hand_out(w, to, max, turn)
  to.out, to.count = {}, 0
  if call('HLEN', key(w, 'entry')) == 0 then
    -- Nothing of this queue is anywhere, unless somebody else has written into it.
    if call('XLEN', stream(w, 'n')) == 0 then return 'empty', false end
  end
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
  local any_more = false
  for _, letter in ipairs({ 'h', 'n', 'l' }) do
    if more[letter] and call('XLEN', stream(w, letter)) > 0 then any_more = true end
  end
  if to.count > 0 then
    call('HSET', key(w, 'state'), 'turn', (turn + to.count) % 16)
    return 'claimed', any_more
  end
  return 'empty', any_more
end

-- Takes what has just been submitted, all of one priority: there is nothing else, or the instance
-- would not wait. Whether some is left.
local function take_fresh(w, letter, n, to, ready, fresh)
  local st = stream(w, letter)
  local read = pcall_('XREADGROUP', 'GROUP', GROUP, to.instance, 'COUNT', n, 'STREAMS', st, '>')
  if failed(read) or not read then return take(w, letter, n, to) end
  local entries, out = read[1][2], to.out
  for _, e in ipairs(entries) do
    local fields = e[2]
    local id = fields[2]
    if fresh[id] and string.byte(fields[4], 1) <= to.version then
      call('HSET', record_key(id), 'status', 'processing', 'instance', to.instance, 'delivery', '1', 'started_at', NOW_TEXT)
      local i = #out
      out[i + 1], out[i + 2], out[i + 3], out[i + 4], out[i + 5] = letter .. ':' .. e[1], fields[4], '1', '0', '0'
      to.count = to.count + 1
    else
      start(w, letter, e[1], fields, to)
    end
  end
  return #entries < ready
end

-- Gives what is ready to those who wait. So nothing is ever ready while an instance waits that may
-- have it. `ready` is how much there is, if that is known: they share it. If all of it is of one
-- priority, `letter`, and has just been submitted, it is in `fresh`.
local function serve(w, idle, ready, letter, fresh)
  idle = idle or idle_instances(w)
  if #idle == 0 or call('HEXISTS', key(w, 'state'), 'paused') == 1 then return end
  local sharers = #idle
  for _, to in ipairs(idle) do
    -- One whose lease has run out may renew it yet.
    if tonumber(call('ZSCORE', key(w, 'alive'), to.instance) or '0') > NOW then
      local share = math.min(to.max, ready and math.ceil(ready / sharers) or to.max)
      local kind, more
      if letter then
        to.out, to.count = {}, 0
        more = take_fresh(w, letter, share, to, ready, fresh)
        kind = to.count > 0 and 'claimed' or 'empty'
        ready = ready - share
      else
        kind, more = hand_out(w, to, share)
      end
      if kind ~= 'empty' then
        table.insert(to.out, 1, kind)
        table.insert(to.out, 1, NOW_TEXT)
        give(w, to, pack(to.out), kind == 'suspect' and 0 or to.max - to.count)
      end
      if not more then break end
    end
    sharers = sharers - 1
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
    cancelled(id, task, reason, w, w and call('HGET', key(w, 'entry'), id))
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
