-- Ends the instance of a process that has died. 2 worker id, 3 instance, then the tasks that were on a processor. Those
-- come first, in one step, which also marks the instance: the script that takes the rest releases it without a death.
-- Answers: now, whether some claims are left; once, in the answer that marks the instance, how many tasks are released,
-- by this call and later ones, and how many were blamed.
local w, instance = ARGV[2], ARGV[3]
local alive = key(w, 'alive')
local score = tonumber(call('ZSCORE', alive, instance))
if not score then return { NOW, 0, 0, 0 } end
local released, blamed, single = 0, 0, nil
if score ~= REPORTED then
  -- Those of the named that it runs. Some of them may have been quarantined before: then only these are to blame.
  local unread, running, some_quarantined = unread_ids(w, instance), {}, false
  for i = 4, #ARGV do
    local id = ARGV[i]
    local task = not unread[id] and read_record(id, w)
    unread[id] = true -- one that is named twice counts once
    if task and task.status == 'processing' and is_claim_of(task.claim, instance) then
      running[#running + 1] = { id, task }
      some_quarantined = some_quarantined or is_quarantined(task)
    end
  end
  local function undo(id, task, packed)
    requeue_after_death(w, id, task, packed, instance, 'died while this task was on a processor')
    blamed = blamed + 1
  end
  for _, one in ipairs(running) do
    local packed = (is_quarantined(one[2]) or not some_quarantined) and call('HGET', held_key(w, instance), one[1])
    if packed and take_back_one(w, instance, one[1], packed, undo) then released = released + 1 end
  end
  note_reported(w, instance)
  -- Others may take some of the rest meanwhile.
  released = released - blamed + call('HLEN', held_key(w, instance))
  call('ZADD', alive, REPORTED, instance)
  call('HDEL', key(w, 'idle'), instance)
  single = fail_observation(w, instance)
end
take_over(w, instance, REPORTED, single)
if budget > 0 then remove_instance(w, instance) end
deliver_ready(w)
wake_for_quarantine(w)
send_all()
return { NOW, budget > 0 and 0 or 1, released, blamed }
