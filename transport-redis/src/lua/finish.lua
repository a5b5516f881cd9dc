-- Ends claims of one worker id. 7 worker id, 8 count; for each: task id, instance, delivery, entry or '',
-- kind (o outcome, u undecodable, r retry, b hand back, a abandon), message or '', run_at or '',
-- number of fields, fields (name, value)...
local w, count = ARGV[7], tonumber(ARGV[8])
local entry = key(w, 'entry')
local answers, acked, gone, ready, suspects, earlier = { NOW }, {}, {}, false, false, false
local a = 9
for _ = 1, count do
  local id, instance, delivery, at, kind = ARGV[a], ARGV[a + 1], tonumber(ARGV[a + 2]), ARGV[a + 3], ARGV[a + 4]
  local message, run_at, n = ARGV[a + 5], tonumber(ARGV[a + 6]), tonumber(ARGV[a + 7])
  local first, last = a + 8, a + 7 + n
  a = last + 1
  if kind == 'u' then -- whoever could not read it does not know its id either
    local fields = read_entry(w, string.sub(at, 1, 1), string.sub(at, 3))
    id = fields and fields[2] or id
  end
  local task, problem = look_up(id)
  local refused = problem and 'e' .. problem or fence(task, instance, delivery)
  if refused then
    answers[#answers + 1] = refused
  else
    answers[#answers + 1] = 'w'
    if at == '' then at = call('HGET', entry, id) or '' end
    if kind == 'o' then
      conclude(id, task, message ~= '' and message or nil, unpack(ARGV, first, last))
      if task.cancel then call('HDEL', key(w, 'cancels'), id) end
      if at ~= '' then
        local letter = string.sub(at, 1, 1)
        local ids = acked[letter]
        if not ids then ids = {}; acked[letter] = ids end
        ids[#ids + 1] = string.sub(at, 3)
        gone[#gone + 1] = id
      end
    elseif kind == 'u' then
      conclude(id, task, nil, unpack(ARGV, first, last))
      set_aside(w, at, read_entry(w, string.sub(at, 1, 1), string.sub(at, 3)), message)
    elseif kind == 'a' then
      bury(w, id, task, at, read_entry(w, string.sub(at, 1, 1), string.sub(at, 3)))
      ready, suspects = true, true
    elseif task.cancel then
      call('HDEL', key(w, 'cancels'), id)
      cancelled(id, task, task.cancel, w, at)
    elseif kind == 'r' then
      call('HSET', record_key(id), 'status', 'pending', 'more', '1', 'updated_at', NOW_TEXT, 'run_at', run_at, unpack(ARGV, first, last))
      call('HINCRBY', record_key(id), 'attempt', 1)
      if task.deaths > 0 then call('HDEL', record_key(id), 'deaths', 'spared') end
      local fields = read_entry(w, string.sub(at, 1, 1), string.sub(at, 3))
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
      ready, suspects = true, suspects or task.deaths > 0
    end
  end
end
for letter, ids in pairs(acked) do
  local s = stream(w, letter)
  call('XACK', s, GROUP, unpack(ids))
  call('XDEL', s, unpack(ids))
end
if #gone > 0 then call('HDEL', entry, unpack(gone)) end
if suspects then nudge_all(w) end
if ready then serve(w) end
if earlier then nudge(w) end
send_all()
return answers
