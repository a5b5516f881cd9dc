-- Accepts tasks for one worker id. 2 worker id, 3 queue limit, 4 whether they may only join others (1 or 0), 5 the one priority that all have or '';
-- then for each: id, priority letter, delay, how long it may wait for its start, how long it may take in all, and in
-- parts: its payload, fields (name, value)..., parent and request_key the first of them. What times these are is said
-- here, by the server's clock.
-- Answers: now, then for each a accepted, x accepted before, j<id> joined, c<id> conflict, q full, k its parent is cancelled,
-- n it would join none, e<error>.
local w, limit, only_join, count = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', #ARGV - 5
local waiting, requests, later = key(w, 'waiting'), key(w, 'requests'), key(w, 'later')
-- Where the fields of a task begin.
local FIELDS = 7
-- Tasks that may have a record already.
local known = {}
-- What is to wait: pairs of id and task, and for each letter pairs of sequence and id.
local kept, ready, expiring, earlier, pruned = {}, {}, {}, false, false
local capacity
-- Whether `expiring` is known to be of the right type.
local expires = false

-- Whether the queue has capacity for one more. In a full queue expired tasks are removed first: the number of the batch
-- and 20 more.
local function has_capacity()
  if not capacity then
    capacity = limit - call('HLEN', waiting)
    if capacity < count then capacity = capacity + expire_waiting(w, count + 20) end
  end
  return capacity > 0
end

-- Idle instances get new tasks at once, without a queue: since they are idle no other task is ready, and they share the
-- batch. If there may be more tasks than their credit, the queue decides which come first.
local receivers, wanted = {}, 0
local state = call('HMGET', key(w, 'state'), 'paused', 'reserved')
local reserved = string.match(state[2] or '', '^%S+')
for _, to in ipairs(idle_instances(w)) do
  if to.instance ~= reserved and is_alive(w, to) then
    receivers[#receivers + 1] = to
    to.held = {}
    wanted = wanted + to.max
  end
end
if #receivers > 0 and (wanted < count and ARGV[5] == '' or state[1]) then receivers = {} end
local receiving, left = 0, count
local share = 0
local function receiver(payload)
  while receivers[receiving] or receiving == 0 do
    local to = receivers[receiving]
    if to and to.count < share and version_of(payload) <= to.version then return to end
    receiving = receiving + 1
    to = receivers[receiving]
    if not to then return nil end
    share = can_hold(w, to) and math.min(to.max, math.ceil(left / (#receivers - receiving + 1))) or 0
  end
end

-- The task that made the same request before, as an answer.
local function join(request, id, task)
  if not pruned then
    prune_requests(w, count + 20) -- more go than come
    -- They expire if the queue has been empty.
    call('PERSIST', requests)
    call('PERSIST', key(w, 'requests:expiry'))
    pruned = true
  end
  local first = call('HGET', requests, request)
  if not first or first == id then return nil end
  local r = call('HMGET', record_key(first), 'status', 'script', 'script_name', 'args', 'limits', 'method')
  if not r[1] then return nil end
  local mine = {}
  for f = FIELDS, #task, 2 do mine[task[f]] = task[f + 1] end
  local same = (r[2] or nil) == mine.script and (r[3] or nil) == mine.script_name and (r[4] or nil) == mine.args
    and (r[5] or nil) == mine.limits and (r[6] or nil) == mine.method
  return (same and 'j' or 'c') .. first
end

local function remember(request, id)
  call('HSET', requests, request, id)
  call('ZREM', key(w, 'requests:expiry'), request)
end

-- `number`: which it is of those that came together.
local function accept(number, task, last)
  local id, letter, delay, payload = task[1], task[2], task[3], task[6]
  local latest, deadline = time_after(task[4]), time_after(task[5])
  local at, parent, request = FIELDS, nil, nil
  if task[at] == 'parent' then parent, at = task[at + 1], at + 2 end
  if task[at] == 'request_key' then request = task[at + 1] end
  local joined = request and join(request, id, task)
  if joined or only_join then return joined or 'n' end
  local k = record_key(id)
  if known[id] then
    local status = pcall_('HGET', k, 'status')
    if failed(status) then return 'e' .. status.err end
    if status then return 'x' end
  end
  local delayed = delay > 0
  local to = not delayed and task[4] ~= 0 and receiver(payload)
  if not to and not has_capacity() then return 'q' end
  -- From here on nothing may raise before the task is in its queue, which is written at the end: keys of the wrong type
  -- have to be known before. A request id whose record does not exist is free.
  local list = ready[letter]
  if not to then
    if latest > 0 and not expires then
      call('ZCARD', key(w, 'expiring'))
      expires = true
    end
    if delayed then
      call('ZCARD', later)
    elseif not list then
      call('ZCARD', ready_key(w, letter))
      list = {}
      ready[letter] = list
    end
  end
  if parent and call('EXISTS', withheld_key(id)) == 1 then return 'k' end
  if request then remember(request, id) end
  known[id] = true
  local packed = pack_task(NOW_MICROS + number, letter, delayed and '-' or 'f', latest, deadline, payload)
  if to then
    write_start(id, claim_now(to, 1), 'worker_id', w, 'created_at', NOW_TEXT, unpack(task, FIELDS, last))
    local held, n = to.held, 2 * to.count
    add_claim(to.out, id, packed, FIRST)
    held[n + 1], held[n + 2] = id, packed
    to.count = to.count + 1
    return 'a'
  end
  local run_at = NOW + math.ceil(delay)
  if latest > 0 then
    task[last + 1], task[last + 2], last = 'expires_at', digits(latest), last + 2
    expiring[#expiring + 1] = digits(latest)
    expiring[#expiring + 1] = id
  end
  if delayed then task[last + 1], task[last + 2], last = 'run_at', digits(run_at), last + 2 end
  call('HSET', k, 'status', 'pending', 'worker_id', w, 'created_at', NOW_TEXT, unpack(task, FIELDS, last))
  capacity = capacity - 1
  kept[#kept + 1] = id
  kept[#kept + 1] = packed
  if delayed then
    -- Idle instances don't know of it, unless they have to wake before it anyway.
    local head = call('ZRANGE', later, 0, 0, 'WITHSCORES')
    if not head[2] or tonumber(head[2]) > run_at then earlier = true end
    call('ZADD', later, digits(run_at), id)
  else
    list[#list + 1] = digits(NOW_MICROS + number)
    list[#list + 1] = id
  end
  return 'a'
end

local answers, ids, tasks, lasts = { NOW }, {}, {}, {}
for i = 1, count do
  tasks[i], lasts[i] = read_task(ARGV[i + 5])
  ids[i] = tasks[i][1]
end
if records_exist(ids) > 0 then
  for _, id in ipairs(ids) do known[id] = true end
end
for i = 1, count do
  answers[i + 1] = try(accept, i, tasks[i], lasts[i])
  left = left - 1
end
for _, to in ipairs(receivers) do
  if to.count > 0 then
    call('HSET', held_key(w, to.instance), unpack(to.held))
    deliver(w, to, pack('claimed', to.out), to.max - to.count)
  end
end
if #kept > 0 then call('HSET', waiting, unpack(kept)) end
if #expiring > 0 then call('ZADD', key(w, 'expiring'), unpack(expiring)) end
for letter, list in pairs(ready) do
  if #list > 0 then call('ZADD', ready_key(w, letter), unpack(list)) end
end
if next(ready) then deliver_ready(w) end
if earlier then wake_one(w) end
write_for_confirmation(w)
send_all()
return shortened(answers)
