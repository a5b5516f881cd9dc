-- Starts one task for an instance, unless it is not to be started. What it then holds is added to `held`. `exists`:
-- its record is known to be there. Never raises: what was taken before would be lost.
local function start(w, id, packed, to, held, exists)
  if not is_task(packed) then return end_unreadable(w, id, packed) end
  local _, _, fresh, latest, _, at = struct.unpack(HEADER, packed)
  local version = string.byte(packed, at)
  if version > to.version then
    call('HSET', key(w, 'waiting'), id, packed)
    call('ZADD', key(w, 'newer'), version, id) -- its type is known: take_newer has read it
    if latest > 0 then pcall_('ZADD', key(w, 'expiring'), digits(latest), id) end
    return
  end
  local k = record_key(id)
  local delivery, counts = 1, FIRST
  if fresh == 'f' then
    if not exists and call('EXISTS', k) == 0 then return dead_letter(w, id, packed, 'its record is missing') end
  else
    local r = pcall_('HMGET', k, 'status', 'claim', 'more')
    if failed(r) then return dead_letter(w, id, packed, r.err) end
    if not r[1] then return dead_letter(w, id, packed, 'its record is missing') end
    if is_over(r[1]) then return end
    local _, before = parse_claim(r[2])
    delivery = before + 1
    counts = counts_of(k, delivery, r[3])
    if r[3] then call('HDEL', k, 'run_at') end
  end
  if latest > 0 and latest <= NOW then
    local task, problem = read_record(id, w)
    if not task then return dead_letter(w, id, packed, problem or 'its record is missing') end
    return cancelled(id, task, 'expired')
  end
  local problem = write_start(id, claim_now(to, delivery))
  if problem then return dead_letter(w, id, packed, problem) end
  local n = #held
  held[n + 1], held[n + 2] = id, packed
  add_claim(to.out, id, packed, counts)
  to.count = to.count + 1
end

-- Puts tasks back that an older instance could not read.
local function take_newer(w, version)
  for _, id in ipairs(call('ZRANGEBYSCORE', key(w, 'newer'), '-inf', version, 'LIMIT', 0, 100)) do
    local packed = call('HGET', key(w, 'waiting'), id)
    if is_task(packed) then
      make_ready(w, id, sequence_of(packed), ready_letter_of(id, packed))
    else
      end_unreadable(w, id, packed)
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
  pcall_('ZREM', key(w, 'expiring'), unpack(ids))
  local exist = records_exist(ids) == #ids
  for i, id in ipairs(ids) do start(w, id, packed[i], to, held, exist) end
  if #held > 0 then call('HSET', held_key(w, to.instance), unpack(held)) end
  return #ids == n and call('EXISTS', ready) == 1
end

-- How many rounds replace entries that were not to be started.
local MAX_ROUNDS = 16

-- Notes who is reserved now that a group has started on `instance`: that one if it holds nothing else, or none.
local function change_reservation(w, instance, is_alone)
  local reserved = reserved_of(w)
  if is_alone then
    call('HSET', key(w, 'state'), 'reserved', instance .. ' 1')
  elseif reserved then
    call('HDEL', key(w, 'state'), 'reserved')
  end
  if reserved and reserved ~= instance then wake(w, reserved) end
end

-- Claims the next group of quarantined tasks for an instance, at most `max`, if it may start one: whether it has, and
-- whether more may be ready. If one may later: to.group_at says from when on; to.silent_at, if another group is observed.
-- If the instance is to claim nothing else until then: to.is_reserved, and to.is_new if it does not know it.
local function take_group(w, to, max)
  if call('EXISTS', key(w, 'quarantine')) == 0 then return false, false end
  local state = call('HMGET', key(w, 'state'), 'observed', 'group', 'open_at', 'lease')
  local size, open_at = tonumber(state[2] or '') or 1, tonumber(state[3] or '') or 0
  local lease = tonumber(state[4] or '') or LEASE
  if state[1] then
    local observer, until_, is_alone, observed_size, first = parse_observed(state[1])
    if observer and call('ZSCORE', key(w, 'alive'), observer) then
      local silent_at = is_alone and until_ + math.floor(lease / SILENT_PART)
      if not silent_at or NOW < silent_at then
        to.silent_at = silent_at
        return false, false
      end
      leave_silent(w, observer, observed_size, first)
    else
      start_over(w)
      size = 1
    end
    open_at = NOW + math.floor(lease / 2)
  end
  local in_front = count_in_front(w)
  local reserved, started = reserved_of(w)
  local is_alone = to.holds == 0 or started and reserved == to.instance and in_front > 0
  if not is_alone and NOW < open_at then
    to.group_at = open_at
    to.is_reserved, to.is_new = reserve(w, to.instance)
    return false, false
  end
  size = in_front > 0 and math.min(size, in_front) or 1
  local more, rounds = true, 0
  while to.count == 0 and more and rounds < MAX_ROUNDS do
    rounds = rounds + 1
    more = take(w, 'q', math.min(size, max), to)
    -- Of those behind none is in a group with those in front.
    if in_front > 0 and count_in_front(w) == 0 then break end
  end
  if to.count == 0 then return false, more end
  local deaths = 0
  for i = 3, #to.out, 3 do deaths = math.max(deaths, tonumber(string.match(to.out[i], '(%d+)$'))) end
  observe(w, to.instance, to.count, is_alone, deaths, to.out[1])
  change_reservation(w, to.instance, is_alone)
  return true, true
end

-- Of 16 tasks 10 are high, 5 normal and 1 low, while all three wait. A priority without tasks leaves its share to the
-- others.
local PATTERN = 'hnhhnhlhnhhnhhnh'

-- The most tasks that one script claims: bounds how long it keeps the server from other clients. More than one submit
-- brings, so that a queue can get empty, and new tasks are delivered at once.
local MAX_CLAIMED = 256

-- Claims for an instance (`to`: instance, version, how much it holds) a group of quarantined tasks, or its share of
-- others; `max` at most. What is claimed is in to.out; answers what it is ('claimed', 'group', 'empty'), and whether more
-- may be ready.
local function claim_for(w, to, max, share, weight_position)
  to.out, to.count, max = {}, 0, math.min(max, MAX_CLAIMED)
  if call('EXISTS', key(w, 'waiting')) == 0 then return 'empty', false end
  take_newer(w, to.version)
  expire_waiting(w, MAX_CLAIMED) -- one that is not to be started must not take the turn of its priority
  local is_group, more_groups = take_group(w, to, max)
  if is_group then return 'group', true end
  if to.is_reserved then return 'empty', false end
  max = math.min(max, share)
  weight_position = weight_position or tonumber(call('HGET', key(w, 'state'), 'weight_position') or '0') or 0
  local quota, more = { h = 0, n = 0, l = 0 }, { h = true, n = true, l = true }
  for i = 0, max - 1 do
    local slot = (weight_position + i) % 16 + 1
    local letter = string.sub(PATTERN, slot, slot)
    quota[letter] = quota[letter] + 1
  end
  for _, letter in ipairs({ 'h', 'n', 'l' }) do
    if quota[letter] > 0 then more[letter] = take(w, letter, quota[letter], to) end
  end
  -- Every entry that is not started is replaced by another, which has to be bounded too.
  local rounds = 0
  while to.count < max and (more.h or more.n or more.l) and rounds < MAX_ROUNDS do
    rounds = rounds + 1
    for _, letter in ipairs({ 'h', 'n', 'l' }) do
      if more[letter] and to.count < max then more[letter] = take(w, letter, max - to.count, to) end
    end
  end
  local any_more = more.h or more.n or more.l or more_groups
  if to.count > 0 then
    call('HSET', key(w, 'state'), 'weight_position', (weight_position + to.count) % 16)
    return 'claimed', any_more
  end
  return 'empty', any_more
end

local function is_paused(w) return call('HEXISTS', key(w, 'state'), 'paused') == 1 end

-- The share of one of `n` instances that wait in what is ready.
local function share_of(w, n)
  local ready = call('ZCARD', ready_key(w, 'h')) + call('ZCARD', ready_key(w, 'n')) + call('ZCARD', ready_key(w, 'l'))
  return math.max(1, math.ceil(ready / n))
end

-- Delivers its share, or a group, to an idle instance. Returns whether more may be ready, for this instance or another.
local function deliver_share(w, to, share)
  local kind, more = claim_for(w, to, to.max, share)
  -- A group that this one may not have yet may be for another.
  if kind == 'empty' then
    if to.is_new then
      deliver(w, to, '', 0) -- it claims, to learn from when on it may have others
      to.waits = false
    end
    return more or to.group_at
  end
  to.holds = to.holds + to.count
  local rest = to.max - to.count
  -- With its share it waits on. While there is more than it asked for it claims anew; and after a group, to learn until
  -- when that is observed.
  to.waits = kind == 'claimed' and rest > 0 and (share < to.max or not more)
  deliver(w, to, pack(kind, to.out), to.waits and rest or 0)
  -- It does not know that it waits no more, and there is more for it.
  if kind == 'claimed' and rest > 0 and not to.waits then wake(w, to.instance) end
  return more or to.group_at
end

local function deliver_to_idle(w)
  local all = idle_instances(w)
  if #all == 0 or is_paused(w) then return end
  local idle, n = {}, 0
  for _, to in ipairs(all) do
    if is_alive(w, to) and can_hold(w, to) then
      n = n + 1
      idle[n], to.waits = to, true
    end
  end
  -- First each has its share, and then what is left, since others wanted less.
  for i, to in ipairs(idle) do
    if not deliver_share(w, to, i < n and share_of(w, n - i + 1) or to.max) then return end
  end
  for _, to in ipairs(idle) do
    if to.waits and not deliver_share(w, to, to.max) then return end
  end
end

-- Delivers ready tasks to idle instances, so that no task is ready while an idle instance may have it. An error here is
-- reported to the next claim, and not to the script that has made a task ready.
local function deliver_ready(w) pcall(deliver_to_idle, w) end
