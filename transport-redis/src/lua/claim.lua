-- Claims tasks for an instance; if there are fewer than it may have, it waits from now on, and is given the rest.
-- 2 worker id, 3 instance, 4 how many (0: it waits no more; -1: nor does its BLPOP), 5 the newest payload version that it
-- reads.
-- Answers: now, what ('claimed', 'group' of the quarantine, 'ordered' if it waits for more, 'alone' if it gets no other
-- task beside the one that it has, 'lost'), when to look again, whether a delayed task or a group is due then, then what
-- it was given before and what it has claimed now, packed.
local w, instance, max = ARGV[2], ARGV[3], tonumber(ARGV[4])
local to = { instance = instance, version = tonumber(ARGV[5]) }
to.holds = call('HLEN', held_key(w, instance)) -- before anything is taken for it
-- Who waited may have been the one that sleeps until something is due.
if call('HDEL', key(w, 'idle'), instance) == 1 and max <= 0 and call('EXISTS', key(w, 'later'), key(w, 'quarantine')) > 0 then
  nudge(w)
end
local score = tonumber(call('ZSCORE', key(w, 'alive'), instance) or '0')
local is_lost = score <= NOW
-- What an instance was given whose lease is over has not begun: it goes to others.
local mine = key(w, 'give:' .. instance)
local given = is_lost and {} or call('LRANGE', mine, 0, -1)
if #given > 0 then call('DEL', mine) end
if max < 0 then wake(w, instance) end
local ids = {}
for _, packed in ipairs(given) do unpack_ids(packed, ids) end
max = max - #ids
if max <= 0 then return { NOW, 'claimed', NOW, 0, unpack(given) } end
local next_due, later_due, made_ready, state = settle(w)
local kind, more = 'empty', made_ready
if is_lost then
  kind = 'lost'
else
  local has_survived, observed_until, is_alone = note_alive(w, instance, state.observed)
  more = more or has_survived
  if observed_until then next_due = math.min(next_due, observed_until) end
  if is_alone then
    kind = 'alone'
  elseif not state.paused then
    -- Others may wait for what has just become ready.
    local share = made_ready and share_of(w, 1 + #idle_instances(w))
    kind, more = hand_out(w, to, max, share or max, state.turn)
    if kind == 'empty' and more then next_due = NOW end
    if to.group_at then next_due, later_due = math.min(next_due, to.group_at), true end
  end
end
if to.out and #to.out > 0 then given[#given + 1] = pack(kind, to.out) end
local rest = max - (to.count or 0)
if kind == 'empty' or kind == 'claimed' and not more and rest > 0 then
  kind = 'ordered'
  to.since, to.max, to.alive = NOW_MICROS, rest, score
  wait_for_tasks(w, to)
else
  if more then serve(w) end
  -- This instance may not come again soon: somebody else has to know when there is more to do.
  if later_due then nudge(w) end
end
send_all()
return { NOW, kind, next_due, later_due and 1 or 0, unpack(given) }
