-- The living instances. 2 worker id or ''. For each: worker id, instance, alive until, claimed.
local out = { NOW }
local names = ARGV[2] ~= '' and { ARGV[2] } or call('SMEMBERS', PREFIX .. ':queues')
for _, w in ipairs(names) do
  local claims = {}
  for _, letter in ipairs(LETTERS) do
    local pending = pcall_('XPENDING', stream(w, letter), GROUP)
    if not failed(pending) and pending[4] then
      for _, c in ipairs(pending[4]) do claims[c[1]] = (claims[c[1]] or 0) + tonumber(c[2]) end
    end
  end
  local alive = call('ZRANGEBYSCORE', key(w, 'alive'), '(' .. NOW, '+inf', 'WITHSCORES')
  for i = 1, #alive, 2 do
    local claimed = (claims[alive[i]] or 0) + call('HLEN', held_key(w, alive[i]))
    for _, v in ipairs({ w, alive[i], alive[i + 1], claimed }) do out[#out + 1] = v end
  end
end
return out
