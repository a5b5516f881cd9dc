-- What an instance says of itself and has counted. 2 worker id, 3 instance, 4 number of the report, 5 description or '', 6
-- for how many ms it has existed, 7 what it runs (JSON), 8 most methods with figures, 9 for how many ms figures are kept;
-- then for each method: name, how many ms ago its last run ended, how many pairs follow, pairs of counter and amount.
-- Answers: now, whether a description is known.
local w, instance, sequence = ARGV[2], ARGV[3], tonumber(ARGV[4])
local announced, counted, figures = key(w, 'announced:' .. instance), key(w, 'counted:' .. instance), key(w, 'figures')
-- A key of the wrong type: nothing is written, and the report counts when it is sent again.
for _, problem in ipairs({ pcall_('HLEN', announced), pcall_('HLEN', figures), pcall_('STRLEN', counted) }) do
  if failed(problem) then return redis.error_reply(problem.err) end
end
local last = tonumber(call('GET', counted) or '') or 0
if sequence >= last then
  if ARGV[5] ~= '' then call('HSET', announced, 'description', ARGV[5]) end
  call('HSETNX', announced, 'started_at', digits(NOW - tonumber(ARGV[6])))
  call('HSET', announced, 'in_flight', ARGV[7])
  -- An instance that lives sends one every few leases. One that has ended has none any more.
  call('PEXPIRE', announced, digits(math.max(60000, 24 * LEASE)))
end
if sequence > last then
  local most = tonumber(ARGV[8])
  local i = 10
  while ARGV[i] do
    local name, at, pairs_end = ARGV[i], digits(NOW - tonumber(ARGV[i + 1])), i + 3 + 2 * tonumber(ARGV[i + 2])
    if name ~= '*' and call('HEXISTS', figures, name .. ':last') == 0 then
      if tonumber(call('HGET', figures, ':methods') or '0') >= most then
        name = '*'
      else
        pcall_('HINCRBY', figures, ':methods', 1)
      end
    end
    for n = i + 3, pairs_end - 1, 2 do
      -- A field that is not a number is another client's.
      pcall_('HINCRBY', figures, name .. ':' .. ARGV[n], ARGV[n + 1])
    end
    if (tonumber(call('HGET', figures, name .. ':last') or '') or -1) < tonumber(at) then
      call('HSET', figures, name .. ':last', at)
    end
    i = pairs_end
  end
  call('SET', counted, digits(sequence), 'PX', LOST_TTL)
end
call('PEXPIRE', figures, ARGV[9])
return { NOW, call('HEXISTS', announced, 'description') }
