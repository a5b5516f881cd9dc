-- Ends claims of one worker id. 2 worker id; then for each in parts: task id, instance, delivery, kind (o outcome,
-- u undecodable, r retry, b hand back, a abandon), message or '', run_at or '', fields (name, value)...
local w = ARGV[2]
local answers, ended, ready, suspects, earlier = { NOW }, {}, false, false, false

local function finish(parts, last)
  local id, instance, delivery, kind, message, run_at =
    parts[1], parts[2], tonumber(parts[3]), parts[4], parts[5], tonumber(parts[6])
  local task, problem = look_up(id)
  local refused = problem and 'e' .. problem or fence(task, instance, delivery)
  if refused then return refused end
  if kind == 'o' then
    conclude(id, task, message ~= '' and message or nil, unpack(parts, 7, last))
    if task.cancel then call('HDEL', key(w, 'cancels'), id) end
    local ids = ended[instance]
    if not ids then ids = {}; ended[instance] = ids end
    ids[#ids + 1] = id
    return 'w'
  end
  local packed = call('HGET', held_key(w, instance), id)
  if kind == 'u' then
    conclude(id, task, nil, unpack(parts, 7, last))
    set_aside(w, id, packed or '', message)
    call('HDEL', held_key(w, instance), id)
  elseif kind == 'a' then
    bury(w, id, task, packed, instance)
    ready, suspects = true, true
  elseif task.cancel then
    call('HDEL', key(w, 'cancels'), id)
    cancelled(id, task, task.cancel)
    call('HDEL', held_key(w, instance), id)
  elseif kind == 'r' then
    call('HSET', record_key(id), 'status', 'pending', 'more', '1', 'updated_at', NOW_TEXT, 'run_at', run_at, unpack(parts, 7, last))
    call('HINCRBY', record_key(id), 'attempt', 1)
    if task.deaths > 0 then call('HDEL', record_key(id), 'deaths', 'spared') end
    -- One that is due already is moved by who looks next: whoever is served does.
    wait_again(w, id, packed, instance, nil, run_at)
    earlier = true
  else -- hand back
    -- Not to this instance again, unless it asks anew.
    if call('HDEL', key(w, 'idle'), instance) == 1 then call('RPUSH', key(w, 'give:' .. instance), '') end
    hand_back(w, id, task, packed, instance)
    ready, suspects = true, suspects or task.deaths > 0
  end
  return 'w'
end

for i = 3, #ARGV do answers[i - 1] = finish(parts_of(ARGV[i])) end
for instance, ids in pairs(ended) do call('HDEL', held_key(w, instance), unpack(ids)) end
if suspects then nudge_all(w) end
if ready then serve(w) end
if earlier then nudge(w) end
send_all()
return shortened(answers)
