-- Quarantine: tasks that may have killed their instances start in groups of 1, 2, 4 and so on, one group after another.
-- Each is under observation for a time, and has survived when its instance is heard of after that. A group of one goes
-- to an instance that holds nothing; one instance is reserved for it, and claims nothing until it holds nothing. If
-- there is none within half a lease, any instance may have it. Tasks with blame wait behind those without, and no group
-- has both. In the queue's state stand:
-- `group`: the size of the next group.
-- `observed`: the group under observation: instance, until when, whether it is alone there (1) or not (0), its size.
-- `open_at`: from when on an instance that holds other tasks may start a group of one.
-- `reserved`: the instance that claims nothing until it may start a group of one alone, or `open_at` has come.
-- They are absent if no task is quarantined.

-- A task is quarantined after so many deaths, or with blame for one.
local QUARANTINED_DEATHS = 2
-- The longest observation is as many times doubled.
local MAX_DOUBLINGS = 10

-- What is added to the sequence of a task with blame, in `quarantine`: more than any sequence, which are microseconds.
-- Sums stay below 2^53, so that they are exact.
local BLAMED = 4e15

-- How much of a lease an instance that runs a group of one alone may be silent after the observation: a tenth. A living
-- one claims as soon as that is over; after this, the next group does not wait until its death is certain.
local SILENT_PART = 10

local function is_quarantined(task) return task.deaths >= QUARANTINED_DEATHS or task.blamed > 0 end

-- How long a group is observed whose tasks have counted `deaths` at most.
local function observation(deaths)
  return OBSERVATION * 2 ^ math.min(math.max(deaths - QUARANTINED_DEATHS, 0), MAX_DOUBLINGS)
end

local function parse_observed(observed)
  local instance, until_, alone, size = string.match(observed or '', '^(%S+) (%d+) ([01]) (%d+)$')
  return instance, tonumber(until_), alone == '1', tonumber(size)
end
-- The group that `instance` has under observation: until when, whether it is alone there, its size.
local function observed_on(w, instance)
  local observer, until_, alone, size = parse_observed(call('HGET', key(w, 'state'), 'observed'))
  if observer == instance then return until_, alone, size end
end

local function observe(w, instance, size, alone, deaths)
  local until_ = NOW + observation(deaths)
  local observed = string.format('%s %.0f %d %d', instance, until_, alone and 1 or 0, size)
  call('HSET', key(w, 'state'), 'observed', observed)
end

-- How many of the tasks that are quarantined the next group has: all without blame, or all with it.
local function group_size(w, size)
  local without_blame = call('ZCOUNT', key(w, 'quarantine'), '-inf', '(' .. digits(BLAMED))
  return without_blame > 0 and math.min(size, without_blame) or size
end

-- Whether an instance that holds tasks is the one that claims no others until it may start a group of one alone, which
-- it becomes if there is none; and whether it has become that now.
local function reserve(w, instance)
  local state = key(w, 'state')
  local reserved = call('HGET', state, 'reserved')
  if reserved and call('ZSCORE', key(w, 'alive'), reserved) then return reserved == instance, false end
  call('HSET', state, 'reserved', instance)
  return true, true
end

-- Ends an observation, if there is one, and says how large the next group is. `open_at` is there as long as tasks wait
-- or are observed.
local function end_observation(w, group)
  local state = key(w, 'state')
  call('HDEL', state, 'observed')
  if call('EXISTS', key(w, 'quarantine')) == 1 then
    call('HSET', state, 'group', group, 'open_at', digits(NOW + math.floor(LEASE / 2)))
  else
    call('HDEL', state, 'group', 'open_at', 'reserved')
  end
end

-- The next group is of one task.
local function start_over(w) end_observation(w, 1) end

-- Ends the observation of a group on an instance that has died, or of whose lanes a task has blocked one.
local function fail_observation(w, instance)
  if observed_on(w, instance) then start_over(w) end
end

-- Notes that an instance holds nothing any more. Whether it may have a group now: the task that it ran alone, if it did,
-- has survived by its end.
local function note_free(w, instance)
  local state = key(w, 'state')
  local _, is_alone, size = observed_on(w, instance)
  if is_alone then
    end_observation(w, 2 * size)
  elseif call('HEXISTS', state, 'observed') == 0 and call('EXISTS', key(w, 'quarantine')) == 0 then
    call('HDEL', state, 'group', 'open_at', 'reserved') -- those that waited were cancelled
  end
  return call('HEXISTS', state, 'open_at') == 1
end

-- Notes that an instance lives; `observed` is the group under observation. Whether that has survived by this; and if it
-- is this instance's and has not: until when it is observed, and whether it is alone there.
local function note_alive(w, instance, observed)
  local observer, until_, alone, size = parse_observed(observed)
  if observer ~= instance then return false end
  if NOW < until_ then return false, until_, alone end
  end_observation(w, 2 * size)
  return true
end
