-- Starts one task for an instance, unless it is not to be started. What it then holds is added to `held`. `exists`:
-- its record is known to be there. Never raises: what was taken before would be lost.
local function start(w, id, packed, to, held, exists)
  if not packed then return end
  if #packed <= struct.size(HEADER) then return set_aside(w, id, packed, 'not a task of this queue') end
  local _, _, fresh, latest, _, at = struct.unpack(HEADER, packed)
  local version = string.byte(packed, at)
  if version > to.version then
    call('HSET', key(w, 'waiting'), id, packed)
    call('ZADD', key(w, 'newer'), version, id)
    if latest > 0 then pcall_('ZADD', key(w, 'expiring'), digits(latest), id) end
    return
  end
  local k = record_key(id)
  local delivery, counts = 1, FIRST
  if fresh == 'f' then
    if not exists and call('EXISTS', k) == 0 then return set_aside(w, id, packed, 'there is no record of it') end
  else
    local r = pcall_('HMGET', k, 'status', 'claim', 'more')
    if failed(r) then return set_aside(w, id, packed, r.err) end
    if not r[1] then return set_aside(w, id, packed, 'there is no record of it') end
    if is_over(r[1]) then return end
    local _, before = parse_claim(r[2])
    delivery = before + 1
    counts = counts_of(k, delivery, r[3])
    if r[3] then call('HDEL', k, 'run_at') end
  end
  if latest > 0 and latest <= NOW then
    local task, problem = look_up(id)
    if not task then return set_aside(w, id, packed, problem or 'there is no record of it') end
    return cancelled(id, task, 'expired')
  end
  local problem = write_start(id, claim_now(to, delivery))
  if problem then return set_aside(w, id, packed, problem) end
  local n = #held
  held[n + 1], held[n + 2] = id, packed
  add_claim(to.out, id, packed, counts)
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
  pcall_('ZREM', key(w, 'expiring'), unpack(ids))
  local exist = records_exist(ids) == #ids
  for i, id in ipairs(ids) do start(w, id, packed[i], to, held, exist) end
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

-- The most tasks that one script claims: bounds how long it keeps the server from others. More than one submits, so
-- that a queue can get empty, and what comes then is given at once.
local MAX_CLAIMED = 256

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
        if runner ~= to.instance then wake(w, runner) end
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

local function serve_idle(w)
  local idle = idle_instances(w)
  if #idle == 0 or is_paused(w) then return end
  for _, to in ipairs(idle) do
    if is_alive(w, to) and can_hold(w, to) then
      local kind, more = hand_out(w, to, to.max)
      if kind ~= 'empty' then
        -- While there is more it claims anew.
        give(w, to, pack(kind, to.out), (kind == 'suspect' or more) and 0 or to.max - to.count)
        -- It does not know that it waits no more, and there is more for it.
        if kind ~= 'suspect' and more and to.count < to.max then wake(w, to.instance) end
      end
      if not more then break end
    end
  end
end

-- Gives what is ready to those who wait. So nothing is ever ready while an instance waits that may
-- have it. What fails there is told to who claims, and not to whoever has made something ready.
local function serve(w) pcall(serve_idle, w) end
