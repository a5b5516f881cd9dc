-- The queues, or one. 2 worker id or ''. For each: worker id, ready high, normal, low, delayed, suspects,
-- claimed, instances, paused.
local out = { NOW }
local names = ARGV[2] ~= '' and { ARGV[2] } or call('SMEMBERS', PREFIX .. ':queues')
for _, w in ipairs(names) do
  local claimed, ready = 0, {}
  for _, letter in ipairs(LETTERS) do
    claimed = claimed + claimed_in(w, letter)
    ready[#ready + 1] = ready_in(w, letter)
  end
  for _, instance in ipairs(call('ZRANGE', key(w, 'alive'), 0, -1)) do
    claimed = claimed + call('HLEN', held_key(w, instance))
  end
  local delayed = call('ZCARD', key(w, 'later'))
  local instances = call('ZCOUNT', key(w, 'alive'), '(' .. NOW, '+inf')
  local paused = call('HEXISTS', key(w, 'state'), 'paused')
  local used = claimed + delayed + instances + paused + ready[1] + ready[2] + ready[3] + ready[4] + ready[5]
  used = used + call('ZCARD', key(w, 'alive')) + call('HLEN', key(w, 'requests'))
  if used > 0 then
    for _, v in ipairs({ w, ready[1], ready[2], ready[3], delayed, ready[4] + ready[5], claimed, instances, paused }) do out[#out + 1] = v end
  else
    call('SREM', PREFIX .. ':queues', w)
    call('DEL', key(w, 'state'), key(w, 'idle'), key(w, 'entry'), key(w, 'returned'))
    for _, letter in ipairs({ 'h', 'n', 'l', 's', 'x', 'd' }) do call('DEL', stream(w, letter)) end
  end
end
return out
