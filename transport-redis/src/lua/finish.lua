-- Ends claims of one worker id. 2 worker id; then for each in parts: task id, instance, delivery, kind (o outcome,
-- u undecodable, r retry, b hand back, a abandon), message (of a hand-back: its number), run_at or '', fields (name,
-- value)...
-- Answers: now, then for each w written, f fenced, the status that it had, e<error>.
local w = ARGV[2]
local answers, ended, ready, suspects, earlier = { NOW }, {}, false, false, false

local function finish(parts, last)
  local id, instance, delivery, kind, message, run_at =
    parts[1], parts[2], tonumber(parts[3]), parts[4], parts[5], tonumber(parts[6])
  local task, problem = look_up(id)
  -- One that comes again, since its answer was lost, must not hand back what was claimed anew meanwhile.
  local handed_back = kind == 'b' and instance .. ' ' .. message
  if handed_back and task and call('HGET', record_key(id), 'handed_back') == handed_back then return 'w' end
  local refused = problem and 'e' .. problem or fence(task, instance, delivery)
  if refused then
    -- Something may have failed after its outcome was written.
    if is_over(refused) then call('HDEL', held_key(w, instance), id) end
    return refused
  end
  if kind == 'o' then
    conclude(id, task, message ~= '' and message or nil, unpack(parts, 7, last))
    if task.cancel then call('HDEL', key(w, 'cancels'), id) end
    local ids = ended[instance]
    if not ids then ids = {}; ended[instance] = ids end
    ids[#ids + 1] = id
    return 'w'
  end
  local packed = call('HGET', held_key(w, instance), id)
  if not packed and kind ~= 'u' and not task.cancel then
    -- Somebody else has deleted it. It can't run again, and is not to wait for ever.
    conclude(id, task, nil, 'status', 'error', 'error_kind', 'undecodable', 'error', 'its payload is gone from Redis')
    return 'w'
  end
  if kind == 'u' then
    conclude(id, task, nil, unpack(parts, 7, last))
    set_aside(w, id, packed or '', message)
    call('HDEL', held_key(w, instance), id)
  elseif task.cancel then
    cancelled(id, task, task.cancel)
    call('HDEL', held_key(w, instance), id)
    call('HDEL', key(w, 'cancels'), id)
  elseif kind == 'a' then
    bury(w, id, task, packed, instance)
    ready, suspects = true, true
  elseif kind == 'r' then
    -- One that is due already is moved by who looks next: whoever is served does.
    wait_again(w, id, packed, instance, nil, run_at)
    call('HSET', record_key(id), 'status', 'pending', 'more', '1', 'updated_at', NOW_TEXT, 'run_at', run_at, unpack(parts, 7, last))
    call('HINCRBY', record_key(id), 'attempt', 1)
    if task.deaths > 0 then call('HDEL', record_key(id), 'deaths', 'spared') end
    earlier = true
  else -- hand back
    -- Not to this instance again, unless it asks anew.
    if call('HDEL', key(w, 'idle'), instance) == 1 then wake(w, instance) end
    hand_back(w, id, task, packed, instance)
    call('HSET', record_key(id), 'handed_back', handed_back)
    ready, suspects = true, suspects or task.deaths > 0
  end
  return 'w'
end

-- Each by itself: one that fails does no harm to the others.
for i = 3, #ARGV do answers[i - 1] = try(finish, parts_of(ARGV[i])) end
for instance, ids in pairs(ended) do pcall_('HDEL', held_key(w, instance), unpack(ids)) end
if suspects then nudge_all(w) end
if ready then serve(w) end
if earlier then nudge(w) end
send_all()
return shortened(answers)
