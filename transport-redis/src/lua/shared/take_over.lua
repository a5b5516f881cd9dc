-- Instances that have ended, and what comes of their claims.

-- In place of the end of the lease of an instance in `alive`: its tasks are being taken, with a death; the same without
-- one, since its crash was reported and the tasks to blame were dealt with.
local TAKEN, REPORTED = 0, -1

-- For how long an instance that was taken for dead can have the deaths of its tasks taken back, and is known to have
-- been reported, in ms.
local LOST_TTL = 3600000

-- The ids of the tasks that were delivered to an instance and not read: it has not begun those.
local function unread_ids(w, instance)
  local ids, unread = {}, {}
  for _, packed in ipairs(pcall_('LRANGE', key(w, 'deliveries:' .. instance), 0, -1)) do unpack_ids(packed, ids) end
  for _, id in ipairs(ids) do unread[id] = true end
  return unread
end

-- Releases tasks that were delivered to an instance and not read, until all are released or about `most`. Returns how
-- many.
local function take_unread(w, instance, most)
  local taken = 0
  local function undo(id, task, packed) release(w, id, task, packed, instance) end
  while taken < most do
    local delivered = pcall_('LPOP', key(w, 'deliveries:' .. instance))
    if not delivered or failed(delivered) then break end
    local ids = {}
    unpack_ids(delivered, ids)
    for _, id in ipairs(ids) do
      local packed = call('HGET', held_key(w, instance), id)
      if packed then take_back_one(w, instance, id, packed, undo) end
    end
    taken = taken + #ids
  end
  return taken
end

-- Notes which tasks have counted a death of an instance: pairs of id, and whether they were blamed for it and which attempt
-- that was.
local function note_lost(w, instance, lost)
  if #lost == 0 then return end
  local k = key(w, 'lost:' .. instance)
  pcall_('HSET', k, unpack(lost))
  call('PEXPIRE', k, LOST_TTL)
end

-- Notes that an instance was reported: its process has died, and what its tasks have counted for that stays.
local function note_reported(w, instance)
  call('SET', key(w, 'reported:' .. instance), '1', 'PX', LOST_TTL)
  call('DEL', key(w, 'lost:' .. instance))
end

-- Whether an instance was reported; once. Its first renewal after the report may have been sent before the process died,
-- and shows nothing. One that is sent after that has been answered shows that the instance lives.
local function take_reported(w, instance) return call('DEL', key(w, 'reported:' .. instance)) == 1 end

-- Takes the claims of a dead instance, as far as the script's budget goes. `expiry`: what stands for the instance in
-- `alive`. `single`: the task that it ran as a group of the quarantine.
local function take_over(w, instance, expiry, single)
  budget = budget - take_unread(w, instance, budget)
  -- One that was all that it ran is to blame. The first visit can tell.
  local is_alone = expiry > TAKEN and call('HLEN', held_key(w, instance)) == 1
  local guilt = is_alone and 'died while it ran nothing else' or nil
  local lost = {}
  local taken = take_back(w, instance, budget, function(id, task, packed)
    if expiry == REPORTED then
      requeue(w, id, task, packed, instance, single)
    elseif requeue_after_death(w, id, task, packed, instance, guilt, single) then
      lost[#lost + 1], lost[#lost + 2] = id, (guilt and '1 ' or '0 ') .. task.attempt
    end
  end)
  note_lost(w, instance, lost)
  budget = budget - taken
end

-- Forgets an instance that holds nothing any more.
local function remove_instance(w, instance)
  call('ZREM', key(w, 'alive'), instance)
  call('HDEL', key(w, 'instances'), instance)
  call('HDEL', key(w, 'idle'), instance)
  call('DEL', key(w, 'deliveries:' .. instance), key(w, 'announced:' .. instance))
end

-- An instance that renews has not died: takes back the deaths that its tasks have counted, from those without an
-- outcome. Returns whether some wait again outside of quarantine, and whether more are to be taken back.
local function take_deaths_back(w, instance)
  local lost = key(w, 'lost:' .. instance)
  local some = pcall_('HRANDFIELD', lost, MAX_TAKEN, 'WITHVALUES')
  if failed(some) or #some == 0 then return false, false end
  local ids, freed, quarantine = {}, false, key(w, 'quarantine')
  for i = 1, #some, 2 do
    local id = some[i]
    ids[#ids + 1] = id
    local task = read_record(id, w)
    local blamed, attempt = string.match(some[i + 1], '^([01]) (%d+)$')
    -- A retry has begun the counts anew.
    if task and not is_over(task.status) and task.deaths > 0 and task.attempt == tonumber(attempt) then
      task.deaths = task.deaths - 1
      if blamed == '1' then task.blamed = math.max(task.blamed - 1, 0) end
      call('HSET', record_key(id), 'deaths', task.deaths, 'blamed', task.blamed, 'recounted', '1')
      local sequence = not is_quarantined(task) and call('ZSCORE', quarantine, id)
      local packed = sequence and call('HGET', key(w, 'waiting'), id)
      if packed then
        call('ZREM', quarantine, id)
        make_ready(w, id, sequence_of(packed), priority_of(packed))
        freed = true
      end
    end
  end
  call('HDEL', lost, unpack(ids))
  return freed, #ids == MAX_TAKEN
end
