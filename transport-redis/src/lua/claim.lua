-- Claims tasks for an instance. If fewer are ready than it asks for, it is idle from now on, with a credit for the
-- rest.
-- 2 worker id, 3 instance, 4 how many (0: withdraw the credit; -1: end its BLPOP too), 5 the newest payload version
-- that it reads.
-- Answers: now, kind ('claimed', 'group' of the quarantine, 'credit' if it is idle, 'alone' if it gets no other task
-- beside its own, 'lost'), when to claim again, whether a delayed task or a group is due then, then the earlier
-- deliveries and the new claims, packed.
local w, instance, max = ARGV[2], ARGV[3], tonumber(ARGV[4])
local to = { instance = instance, version = tonumber(ARGV[5]) }
to.holds = call('HLEN', held_key(w, instance)) -- before anything is taken for it
-- This instance may have been the one that wakes for what is due.
if call('HDEL', key(w, 'idle'), instance) == 1 and max <= 0 and call('EXISTS', key(w, 'later'), key(w, 'quarantine')) > 0 then
  wake_one(w)
end
local score = tonumber(call('ZSCORE', key(w, 'alive'), instance) or '0')
local is_lost = score <= NOW
-- Deliveries to an instance whose lease is over were not begun: they go to others.
local mine = key(w, 'deliveries:' .. instance)
local delivered = is_lost and {} or call('LRANGE', mine, 0, -1)
if #delivered > 0 then call('DEL', mine) end
if max < 0 then wake(w, instance) end
local ids = {}
for _, packed in ipairs(delivered) do unpack_ids(packed, ids) end
max = max - #ids
if max <= 0 then return { NOW, 'claimed', NOW, 0, unpack(delivered) } end
local next_due, later_due, made_ready, state = process_due(w)
local kind, more, group_due = 'empty', made_ready, nil
if is_lost then
  kind = 'lost'
else
  local has_survived, observed_until, is_alone = note_alive(w, instance, state.observed)
  made_ready = made_ready or has_survived
  more = made_ready
  if observed_until then next_due = math.min(next_due, observed_until) end
  if is_alone then
    kind = 'alone'
  elseif not state.paused then
    -- Others may wait for what has just become ready.
    local share = made_ready and share_of(w, 1 + #idle_instances(w))
    kind, more = claim_for(w, to, max, share or max, state.weight_position)
    if kind == 'empty' and more then next_due = NOW end
    group_due = to.group_at or to.silent_at
    if group_due then next_due = math.min(next_due, group_due) end
  end
end
if to.out and #to.out > 0 then delivered[#delivered + 1] = pack(kind, to.out) end
local rest = max - (to.count or 0)
if kind == 'empty' or kind == 'claimed' and not more and rest > 0 then
  kind = 'credit'
  to.since, to.max, to.alive, to.watches = NOW_MICROS, rest, score, (later_due or group_due) and 1 or 0
  wait_for_tasks(w, to)
  if to.is_reserved and made_ready then deliver_ready(w) end
else
  if more then deliver_ready(w) end
  -- This instance may not claim again soon: another one has to know when something is due.
  -- A reserved instance knows when it may start a group.
  if later_due or group_due and not reserved_of(w) then wake_one(w) end
end
send_all()
return { NOW, kind, next_due, (later_due or group_due) and 1 or 0, unpack(delivered) }
