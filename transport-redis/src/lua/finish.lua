-- Ends claims of one instance. 2 worker id, 3 instance; then for each: task id, delivery, kind (o outcome, u undecodable,
-- r retry, b release, q requeue, a abandon), the wait before a retry, bytes of the task's script and args (2^32 - 1: not
-- known), and in parts: message (of a release: its number), of an outcome its status, fields (name, value)...
-- Answers: now, then for each w written, f fenced, the status that it had, e<error>.
local w, instance = ARGV[2], ARGV[3]
local answers, ended, ready, quarantined, earlier = { NOW }, {}, false, false, false
-- What claims of the instance begin with, by delivery.
local own = {}
local UNKNOWN = 4294967295

-- `length`: that of the argument, which has as many bytes as what is written, and the message.
local function finish(length, parts, last)
  local id, delivery, kind, backoff, message = parts[1], parts[2], parts[3], parts[4], parts[6]
  local task, problem = read_record(id, w)
  -- A release that comes again, since its answer was lost, must not release what was claimed anew meanwhile.
  local release_id = kind == 'b' and instance .. ' ' .. message
  if release_id and task and call('HGET', record_key(id), 'last_release') == release_id then return 'w' end
  own[delivery] = own[delivery] or claim_of(instance, delivery, '')
  local refused = problem and 'e' .. problem or fence(task, own[delivery])
  if refused then
    -- Something may have failed after its outcome was written.
    if is_over(refused) then call('HDEL', held_key(w, instance), id) end
    return refused
  end
  if kind == 'o' then
    task.is_run = true
    if parts[5] ~= UNKNOWN then task.bytes = RECORD_BYTES + parts[5] + length - #message end
    conclude(id, task, message ~= '' and message or nil, unpack(parts, 7, last))
    ended[#ended + 1] = id
    return 'w'
  end
  local packed = call('HGET', held_key(w, instance), id)
  if not is_task(packed) and kind ~= 'u' and not task.cancel then
    -- Its payload was deleted or overwritten by another client. It can't run again, and must not wait for ever.
    conclude(id, task, nil, 'error', 'error_kind', 'undecodable', 'error', GONE)
    call('HDEL', held_key(w, instance), id)
    return 'w'
  end
  if kind == 'u' then
    conclude(id, task, nil, unpack(parts, 7, last))
    dead_letter(w, id, packed or '', message)
    call('HDEL', held_key(w, instance), id)
  elseif task.cancel then
    cancelled(id, task, task.cancel)
    call('HDEL', held_key(w, instance), id)
  elseif kind == 'a' then
    requeue_after_death(w, id, task, packed, instance, 'had a lane that was blocked by it')
    fail_observation(w, instance)
    ready, quarantined = true, true
  elseif kind == 'q' then
    requeue(w, id, task, packed, instance)
    ready = true
  elseif kind == 'r' then
    -- One that is due already is made ready by the next script that processes due tasks.
    local run_at = NOW + math.ceil(backoff)
    wait_again(w, id, packed, instance, nil, run_at)
    if task.attempt > 0 then call('HDEL', record_key(id), 'error_line', 'error_column', 'error_value') end
    call('HSET', record_key(id), 'status', 'pending', 'more', '1', 'updated_at', NOW_TEXT, 'run_at', digits(run_at),
      unpack(parts, 7, last))
    call('HINCRBY', record_key(id), 'attempt', 1)
    if task.deaths > 0 then call('HDEL', record_key(id), 'deaths', 'blamed') end
    earlier = true
  else -- release
    -- It is not delivered to this instance again, unless that claims.
    if call('HDEL', key(w, 'idle'), instance) == 1 then wake(w, instance) end
    release(w, id, task, packed, instance)
    call('HSET', record_key(id), 'last_release', release_id)
    ready = true
  end
  return 'w'
end

-- Each by itself: one that fails does no harm to the others.
for i = 4, #ARGV do answers[i - 2] = try(finish, #ARGV[i], read_end(ARGV[i])) end
if #ended > 0 then pcall_('HDEL', held_key(w, instance), unpack(ended)) end
if call('HEXISTS', key(w, 'state'), 'open_at') == 1 and call('HLEN', held_key(w, instance)) == 0 then
  ready = note_free(w, instance) or ready
end
if ready then deliver_ready(w) end
if quarantined then wake_for_quarantine(w) end
if earlier then wake_one(w) end
write_for_confirmation(w)
send_all()
return shortened(answers)
