-- The numbers of a queue. 2 worker id. What is due in it is processed first. Answers: now, whether some of that is left,
-- what the queue is (u in use, a it only has activity, - neither), ready high, normal, low, delayed, quarantined, claimed, instances, paused, when the oldest of
-- the ready ones was accepted or ''.
local w = ARGV[2]
-- How many expired tasks one call ends: bounds how long it keeps the server from others.
local left = 1000
local _, _, made_ready = process_due(w)
left = left - expire_waiting(w, left)
if made_ready then deliver_ready(w) end
local claimed, ready, oldest = 0, {}, math.huge
for letter in pairs(READY) do
  ready[letter] = call('ZCARD', ready_key(w, letter))
  if ready[letter] > 0 and READY[letter] ~= READY.q then
    oldest = math.min(oldest, tonumber(call('ZRANGE', ready_key(w, letter), 0, 0, 'WITHSCORES')[2]))
  end
end
oldest = oldest < math.huge and digits(math.floor(oldest / 1000)) or ''
for _, instance in ipairs(call('ZRANGE', key(w, 'alive'), 0, -1)) do
  claimed = claimed + call('HLEN', held_key(w, instance))
end
local delayed = call('ZCARD', key(w, 'later'))
local instances = call('ZCOUNT', key(w, 'alive'), '(' .. NOW, '+inf')
local paused = call('HEXISTS', key(w, 'state'), 'paused')
-- Those of one submit and more go: nothing else prunes the request ids of a queue that gets no tasks any more.
prune_requests(w, 1000)
local used = claimed + instances + paused + call('HLEN', key(w, 'waiting')) + call('ZCARD', key(w, 'alive')) > 0
if not used then
  call('DEL', key(w, 'state'), key(w, 'idle'), key(w, 'cancels'))
  -- All tasks have ended: their request ids are known for as long as the last of their records is. The next submit with
  -- a request id keeps the keys.
  local last = call('ZRANGE', key(w, 'requests:expiry'), -1, -1, 'WITHSCORES')[2] or NOW + TTL
  for _, k in ipairs({ key(w, 'requests'), key(w, 'requests:expiry') }) do call('PEXPIREAT', k, digits(tonumber(last))) end
end
if call('EXISTS', key(w, 'orphaned')) == 1 then remind_of_orphaned(w) end
send_all()
return {
  NOW, (left <= 0 or budget <= 0) and 1 or 0, used and 'u' or call('EXISTS', key(w, 'activity')) == 1 and 'a' or '-',
  ready.h, ready.n, ready.l, delayed, ready.q, claimed, instances, paused, oldest,
}
