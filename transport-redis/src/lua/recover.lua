-- The claims of an instance, as the queue knows them, for one that may have missed an answer.
-- 2 worker id, 3 instance, 4 how many. For each: entry, payload, delivery, attempt, deaths.
local w, instance = ARGV[2], ARGV[3]
local out = { NOW, 'claimed', NOW }
call('HDEL', key(w, 'idle'), instance)
call('DEL', key(w, 'give:' .. instance)) -- it is among those below
for _, claim in ipairs(claims_of(w, instance, tonumber(ARGV[4]))) do
  local fields = claim.fields
  local r = fields and call('HMGET', record_key(fields[2]), 'status', 'instance', 'delivery', 'attempt', 'deaths')
  if r and r[1] == 'processing' and r[2] == instance then
    local n = #out
    out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = claim.at, fields[4], r[3], r[4] or '0', r[5] or '0'
  end
end
return out
