-- Renews a lease, or begins one. 2 worker id, 3 instance, 4 inbox of its handle, 5 whether it attaches, 6 the cursor
-- among the cancels.
-- Answers: now, the state of the lease (0 kept, 1 lost and begun again, 2 lost, and its take-over is not done, 3 lost
-- since its crash was reported, and begun again by its next renewal), whether to renew again at once, the next cursor,
-- then task id, delivery, reason of each cancel.
local w, instance, inbox, attach = ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
local alive = key(w, 'alive')
local score = call('ZSCORE', alive, instance)
-- A renewal after the end of the lease is accepted if no take-over has begun.
local kept = score and tonumber(score) > 0
local is_reported = not score and take_reported(w, instance) and not attach
local begins = attach or not score and not is_reported
if attach then call('HSET', key(w, 'state'), 'lease', LEASE) end
if kept or begins then call('ZADD', alive, NOW + LEASE, instance) end
if begins then call('HSET', key(w, 'instances'), instance, inbox) end
if not score then
  -- It waits for deliveries that would not come: its claims and its credit are lost.
  wake(w, instance)
end
local freed, again = take_deaths_back(w, instance)
local _, _, made_ready, state = process_due(w)
expire_waiting(w, 128)
local has_survived = (kept or attach) and note_alive(w, instance, state.observed)
if state.lease ~= LEASE then call('HSET', key(w, 'state'), 'lease', LEASE) end
if freed or made_ready or has_survived then deliver_ready(w) end
local out = { NOW, (kept or attach) and 0 or 1, again and 1 or 0, '0' }
if is_reported then out[2] = 3 end
if score and not kept then out[2], out[3] = 2, 1 end
if call('EXISTS', key(w, 'orphaned')) == 1 then remind_of_orphaned(w) end
if call('EXISTS', key(w, 'cancels')) == 1 then
  -- A thousand or so: more of them come with the next renewals.
  local scan = call('HSCAN', key(w, 'cancels'), ARGV[6], 'COUNT', 1000)
  local c = scan[2]
  out[4] = scan[1]
  for i = 1, #c, 2 do
    local owner, delivery, reason = string.match(c[i + 1], '^(%S+) (%S+) (%S+)$')
    if owner == instance then
      out[#out + 1] = c[i]
      out[#out + 1] = delivery
      out[#out + 1] = reason
    end
    if pcall_('HGET', record_key(c[i]), 'status') ~= 'processing' then call('HDEL', key(w, 'cancels'), c[i]) end
  end
end
send_all()
return out
