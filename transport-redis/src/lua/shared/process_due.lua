-- The state of a queue. Notes the time of this read: living instances renew every third of a lease, so a longer silence
-- means that Redis or all instances were away. No instance is then declared dead before a full lease is over. The lease
-- is that of the instances, for every reader.
local function read_state(w)
  local k = key(w, 'state')
  local s = call('HMGET', k, 'seen', 'grace', 'paused', 'weight_position', 'observed', 'lease', 'reserved')
  local seen, lease = tonumber(s[1]), tonumber(s[6]) or LEASE
  local state = {
    grace = tonumber(s[2]) or 0, paused = s[3], weight_position = tonumber(s[4]) or 0, observed = s[5], lease = lease,
  }
  if not seen or NOW - seen > lease * 0.6 or NOW < seen then
    state.grace = NOW + lease
    call('HSET', k, 'seen', NOW_TEXT, 'grace', state.grace)
  elseif NOW - seen > lease * 0.1 then
    call('HSET', k, 'seen', NOW_TEXT)
  end
  -- What an instance was reserved for may have been cancelled: it gets others again.
  state.is_freed = s[7] and not s[5] and call('EXISTS', key(w, 'quarantine')) == 0
  if state.is_freed then call('HDEL', k, 'reserved') end
  return state
end

-- Does what is due in a queue, as far as the script's budget goes. Returns when something is due next, whether that is
-- a delayed task, and whether tasks have become ready, which are then to be delivered.
local function process_due(w)
  local state = read_state(w)
  local grace_until = state.grace
  local next_due = NOW + LONGEST_WAIT
  local made_ready, later_due = state.is_freed, false
  local later = key(w, 'later')
  local head = call('ZRANGE', later, 0, 0, 'WITHSCORES')
  if head[1] then
    if tonumber(head[2]) <= NOW and budget > 0 then
      local due = call('ZRANGEBYSCORE', later, '-inf', NOW, 'WITHSCORES', 'LIMIT', 0, math.min(budget, 100))
      budget = budget - #due / 2
      for i = 1, #due, 2 do
        local id = due[i]
        local packed = call('HGET', key(w, 'waiting'), id)
        if is_task(packed) then
          make_ready(w, id, sequence_of(packed), ready_letter_of(id, packed))
          made_ready = true
        else
          end_unreadable(w, id, packed)
        end
        call('ZREM', later, id)
      end
      head = call('ZRANGE', later, 0, 0, 'WITHSCORES')
    end
    later_due = head[2] and tonumber(head[2]) <= next_due
    if later_due then next_due = math.max(tonumber(head[2]), NOW) end
  end
  local alive = key(w, 'alive')
  local function first_expiry() return tonumber(call('ZRANGE', alive, 0, 0, 'WITHSCORES')[2] or '') end
  -- What was decided before an outage stands.
  local last = NOW >= grace_until and NOW or TAKEN
  local expiry = first_expiry()
  if expiry and expiry <= last and budget > 0 then
    local dead = call('ZRANGEBYSCORE', alive, '-inf', last, 'WITHSCORES', 'LIMIT', 0, 8)
    for i = 1, #dead, 2 do
      local instance = dead[i]
      take_over(w, instance, tonumber(dead[i + 1]), fail_observation(w, instance))
      made_ready = true
      if budget <= 0 then
        call('ZADD', alive, 'LT', TAKEN, instance) -- a renewal comes too late from here on
        break
      end
      remove_instance(w, instance)
    end
    wake_for_quarantine(w)
    expiry = first_expiry()
  end
  if expiry then next_due = math.min(next_due, expiry <= last and NOW or math.max(expiry, grace_until)) end
  return next_due, later_due, made_ready, state
end
