-- Claims tasks for an instance; if there are fewer than it may have, it waits from now on, and is given the rest.
-- 2 worker id, 3 instance, 4 how many (0: it waits no more; -1: nor does its BLPOP), 5 how much room it has (see
-- lacks_room), 6 whether its suspects have had their turn, 7 the newest payload version that it reads.
-- Answers: now, what ('claimed', 'suspect', 'ordered' if it waits for more, 'short' if so though suspects wait for which
-- it has too little room, 'busy', 'lost'), when to look again, whether a delayed task is due then, then what it was given
-- before and what it has claimed now, packed.
local w, instance, max = ARGV[2], ARGV[3], tonumber(ARGV[4])
local to = { instance = instance, room = tonumber(ARGV[5]), after_suspect = ARGV[6] == '1', version = tonumber(ARGV[7]) }
call('HLEN', held_key(w, instance)) -- before anything is taken for it
-- Who waited may have been the one that sleeps until the next delayed task is due.
if call('HDEL', key(w, 'idle'), instance) == 1 and max <= 0 and call('EXISTS', key(w, 'later')) == 1 then nudge(w) end
local score = tonumber(call('ZSCORE', key(w, 'alive'), instance) or '0')
local is_lost = score <= NOW
-- What an instance was given whose lease is over has not begun: it goes to others.
local mine = key(w, 'give:' .. instance)
local given = is_lost and {} or call('LRANGE', mine, 0, -1)
if #given > 0 then call('DEL', mine) end
if max < 0 then wake(w, instance) end
local ids, suspect = {}, false
for _, packed in ipairs(given) do suspect = unpack_ids(packed, ids) or suspect end
max = max - #ids
if max <= 0 or suspect then return { NOW, 'claimed', NOW, 0, unpack(given) } end
if #ids > 0 then to.room = 0 end
local next_due, later_due, made_ready, state = settle(w)
local kind, more = 'empty', made_ready
local short = false -- suspects wait for which it has too little room
if is_lost then
  kind = 'lost'
else
  if not state.paused then
    if lacks_room(w, to.room) then serve(w) end
    short = lacks_room(w, to.room)
    if short then
      -- One busy instance at a time lets its tasks end, to run suspects. For so long, and then it
      -- takes others for as long: a task that runs for hours must not hold up the rest.
      local runner, since = state.runner, state.runner_since
      if not (runner and runner ~= instance and tonumber(call('ZSCORE', key(w, 'alive'), runner) or '0') > NOW) then
        if runner ~= instance then
          since = NOW
          call('HSET', key(w, 'state'), 'runner', instance, 'runner_since', NOW_TEXT)
        end
        if math.floor((NOW - since) / (4 * LEASE)) % 2 == 0 then
          kind = 'busy'
          more = true
        end
      end
    end
    if kind == 'empty' then
      kind, more = hand_out(w, to, max, state.turn)
      if kind == 'empty' and more then next_due = NOW end
    end
  end
end
if to.out and #to.out > 0 then
  given[#given + 1] = pack(kind, to.out)
  to.room = 0
  short = kind == 'claimed' and lacks_room(w, 0)
end
local rest = max - (to.count or 0)
if kind == 'empty' or kind == 'claimed' and not more and rest > 0 then
  kind = short and 'short' or 'ordered'
  to.since, to.max, to.alive = NOW, rest, score
  wait_for_tasks(w, to)
else
  if more then serve(w) end
  -- This instance may not come again soon: somebody else has to know when there is more to do.
  if later_due then nudge(w) end
end
send_all()
return { NOW, kind, next_due, later_due and 1 or 0, unpack(given) }
