-- Quarantine: tasks that may have killed their instances start in groups, one group after another: the first 8 of one
-- task, the next of 2, 4 and so on. Each is under observation for a time, and has survived when its instance is heard of
-- after that; a death of that instance meanwhile starts over. One instance is reserved for the groups: it claims nothing
-- until it holds nothing, and then group after group and no other tasks. If no instance can take a group so within half
-- a lease, any instance may have it. Tasks with blame wait behind those without, and until then start only on an instance
-- that holds nothing. In the queue's state stand:
-- `group`: the size of the next group.
-- `singles`: how many groups of one come after that before they grow.
-- `observed`: the group under observation: instance, until when, whether its instance holds quarantined tasks alone (1)
-- or others too (0), its size, the id of its first task.
-- `open_at`: from when on an instance that holds other tasks may start a group.
-- `reserved`: the reserved instance, and whether it has started a group (1) or is to become free yet (0).
-- `silent`: the last instance that was silent after a group of one, and that task: if it is dead, that waits behind.
-- They are absent if no task is quarantined.

-- A task is quarantined after so many deaths, or with blame for one.
local QUARANTINED_DEATHS = 2
-- The longest observation is as many times doubled.
local MAX_DOUBLINGS = 10
-- How many groups of one come first. A task that kills is mostly among few, and is found alone by that; later it would
-- take the others of its group along.
local SINGLES = 8

-- What is added to the sequence of a task that waits behind the others in `quarantine`: more than any sequence, which
-- are microseconds. Sums stay below 2^53, so that they are exact.
local BEHIND = 4e15

-- How much of a lease an instance that holds quarantined tasks alone may be silent after the observation: a tenth. A
-- living one claims as soon as that is over; after this, the next group does not wait until its death is certain.
local SILENT_PART = 10

-- The lease of the instances of a queue, which that of the calling client may differ from.
local function lease_of(w) return tonumber(call('HGET', key(w, 'state'), 'lease') or '') or LEASE end

local function is_quarantined(task) return task.deaths >= QUARANTINED_DEATHS or task.blamed > 0 end

-- How long a group is observed whose tasks have counted `deaths` at most.
local function observation(deaths)
  return OBSERVATION * 2 ^ math.min(math.max(deaths - QUARANTINED_DEATHS, 0), MAX_DOUBLINGS)
end

local function parse_observed(observed)
  local instance, until_, alone, size, id = string.match(observed or '', '^(%S+) (%d+) ([01]) (%d+) (%S+)$')
  return instance, tonumber(until_), alone == '1', tonumber(size), id
end
-- The group that `instance` has under observation: until when, whether it is alone there, its size, its first task.
local function observed_on(w, instance)
  local observer, until_, alone, size, id = parse_observed(call('HGET', key(w, 'state'), 'observed'))
  if observer == instance then return until_, alone, size, id end
end

local function observe(w, instance, size, alone, deaths, id)
  local until_ = NOW + observation(deaths)
  local observed = string.format('%s %.0f %d %d %s', instance, until_, alone and 1 or 0, size, id)
  call('HSET', key(w, 'state'), 'observed', observed)
end

-- How many tasks wait in `quarantine` that do not wait behind others.
local function count_in_front(w) return call('ZCOUNT', key(w, 'quarantine'), '-inf', '(' .. digits(BEHIND)) end

-- The reserved instance, if it lives, and whether it has started a group.
local function reserved_of(w)
  local instance, started = string.match(call('HGET', key(w, 'state'), 'reserved') or '', '^(%S+) ([01])$')
  if instance and call('ZSCORE', key(w, 'alive'), instance) then return instance, started == '1' end
end

-- Whether an instance that may not start a group yet is the reserved one, which it becomes if there is none; and whether
-- it has become that now.
local function reserve(w, instance)
  local reserved = reserved_of(w)
  if reserved then return reserved == instance, false end
  call('HSET', key(w, 'state'), 'reserved', instance .. ' 0')
  return true, true
end

-- Ends an observation, if there is one, and says how large the next group is, how many of one come after that, and
-- whether it waits for an instance that holds nothing. The fields are there as long as tasks wait or are observed.
local function end_observation(w, group, singles, waits)
  local state = key(w, 'state')
  call('HDEL', state, 'observed')
  if call('EXISTS', key(w, 'quarantine')) == 1 then
    local open_at = waits and NOW + math.floor(lease_of(w) / 2) or NOW
    call('HSET', state, 'group', group, 'singles', singles, 'open_at', digits(open_at))
  else
    call('HDEL', state, 'group', 'singles', 'open_at', 'reserved', 'silent')
  end
end

-- The next groups are of one task.
local function start_over(w) end_observation(w, 1, SINGLES - 1, true) end

local function singles_of(w) return tonumber(call('HGET', key(w, 'state'), 'singles') or '') or 0 end

-- The group under observation, of so many tasks, has survived. If it ran beside others, since every instance holds some
-- for long, the next one does not wait either, unless it is of a task that waits behind others.
local function survive(w, size, is_alone)
  local singles, waits = singles_of(w), is_alone or count_in_front(w) == 0
  if singles > 0 then
    end_observation(w, 1, singles - 1, waits)
  else
    end_observation(w, 2 * size, 0, waits)
  end
end

-- Ends the observation of a group whose instance is silent, with the next group as it was: it may be dead, or hold as much
-- as it can and have no reason to claim.
local function leave_silent(w, instance, size, id)
  local state = key(w, 'state')
  local group = tonumber(call('HGET', state, 'group') or '') or 1
  call('HDEL', state, 'reserved')
  if size == 1 then call('HSET', state, 'silent', instance .. ' ' .. id) end
  end_observation(w, group, singles_of(w), true)
end

-- Ends the observation of a group on an instance that has died, or of whose lanes a task has blocked one. Returns the
-- task that was a group by itself, which is then to wait behind the others.
local function fail_observation(w, instance)
  local state = key(w, 'state')
  -- It may live after all: then it is not reserved.
  if string.match(call('HGET', state, 'reserved') or '', '^%S+') == instance then call('HDEL', state, 'reserved') end
  local until_, _, size, id = observed_on(w, instance)
  if until_ then
    start_over(w)
    return size == 1 and id or nil
  end
  local silent, single = string.match(call('HGET', state, 'silent') or '', '^(%S+) (%S+)$')
  if silent ~= instance then return nil end
  call('HDEL', state, 'silent')
  return single
end

-- Notes that an instance holds nothing any more. Whether it may have a group now: the group that it had, if it held
-- nothing else, has survived by its end.
local function note_free(w, instance)
  local state = key(w, 'state')
  local _, is_alone, size = observed_on(w, instance)
  if is_alone then
    survive(w, size, true)
  elseif call('HEXISTS', state, 'observed') == 0 and call('EXISTS', key(w, 'quarantine')) == 0 then
    call('HDEL', state, 'group', 'singles', 'open_at', 'reserved', 'silent') -- those that waited were cancelled
  end
  return call('HEXISTS', state, 'open_at') == 1
end

-- Notes that an instance lives; `observed` is the group under observation. Whether that has survived by this; and if it
-- is this instance's and has not: until when it is observed, and whether it is alone there.
local function note_alive(w, instance, observed)
  local observer, until_, alone, size = parse_observed(observed)
  if observer ~= instance then return false end
  if NOW < until_ then return false, until_, alone end
  survive(w, size, alone)
  return true
end
