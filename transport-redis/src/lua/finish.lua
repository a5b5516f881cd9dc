-- Ends claims of one worker id. 2 worker id; then for each in parts: task id, instance, delivery, entry or '',
-- kind (o outcome, u undecodable, r retry, b hand back, a abandon), message or '', run_at or '',
-- fields (name, value)...
local w = ARGV[2]
local entry = key(w, 'entry')
local answers, acked, gone, held, ready, earlier = { NOW }, {}, {}, {}, false, false
local function add(lists, name, value)
  local list = lists[name]
  if not list then list = {}; lists[name] = list end
  list[#list + 1] = value
end
for i = 3, #ARGV do
  local parts, last = parts_of(ARGV[i])
  local id, instance, delivery, at, kind = parts[1], parts[2], tonumber(parts[3]), parts[4], parts[5]
  local message, run_at = parts[6], tonumber(parts[7])
  if kind == 'u' then -- whoever could not read it does not know its id either
    local fields = read_entry(w, id, at)
    id = fields and fields[2] or id
  end
  local task, problem = look_up(id)
  local refused = problem and 'e' .. problem or fence(task, instance, delivery)
  if refused then
    answers[#answers + 1] = refused
  else
    answers[#answers + 1] = 'w'
    if at == '' then at = call('HGET', entry, id) or 'g:' .. instance end
    if kind == 'o' then
      conclude(id, task, message ~= '' and message or nil, unpack(parts, 8, last))
      if task.cancel then call('HDEL', key(w, 'cancels'), id) end
      local letter, where = string.sub(at, 1, 1), string.sub(at, 3)
      if letter == 'g' then
        add(held, where, id)
      else
        add(acked, letter, where)
        gone[#gone + 1] = id
      end
    elseif kind == 'u' then
      conclude(id, task, nil, unpack(parts, 8, last))
      set_aside(w, at, read_entry(w, id, at), message)
    elseif kind == 'a' then
      bury(w, id, task, at, read_entry(w, id, at))
      ready = true
    elseif task.cancel then
      call('HDEL', key(w, 'cancels'), id)
      cancelled(id, task, task.cancel, w, at)
    elseif kind == 'r' then
      call('HSET', record_key(id), 'status', 'pending', 'more', '1', 'updated_at', NOW_TEXT, 'run_at', run_at, unpack(parts, 8, last))
      call('HINCRBY', record_key(id), 'attempt', 1)
      if task.deaths > 0 then call('HDEL', record_key(id), 'deaths', 'spared') end
      local fields = read_entry(w, id, at)
      if fields then
        local p = priority_of(fields, at)
        if run_at > NOW then
          move_entry(w, fields, at, 'd', p)
          call('ZADD', key(w, 'later'), run_at, id)
          earlier = true
        else
          move_entry(w, fields, at, p, p)
        end
      end
      ready = true
    else -- hand back
      -- Not to this instance again, unless it asks anew.
      if call('HDEL', key(w, 'idle'), instance) == 1 then call('RPUSH', key(w, 'give:' .. instance), '') end
      hand_back(w, id, task, at)
      ready = true
    end
  end
end
for letter, ids in pairs(acked) do
  local s = stream(w, letter)
  call('XACK', s, GROUP, unpack(ids))
  call('XDEL', s, unpack(ids))
end
for owner, ids in pairs(held) do call('HDEL', held_key(w, owner), unpack(ids)) end
if #gone > 0 then call('HDEL', entry, unpack(gone)) end
if ready then serve(w) end
if earlier then nudge(w) end
send_all()
return shortened(answers)
