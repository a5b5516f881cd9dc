-- Reads the records of tasks, after processing what is due for them. 2 inbox or '': it is registered with tasks that
-- have no outcome. 3 whether only outcomes are wanted. Then ids. Answers for each: the hash's fields and values, or an
-- error's text; if only outcomes are wanted and it has none, its status and in how many milliseconds it expires, or ''.
local inbox, brief = ARGV[2], ARGV[3] == '1'
local answers, settled = { NOW }, {}

-- Does what is due for a task that runs, if its instance is dead.
local function settle(w, claim)
  local score = call('ZSCORE', key(w, 'alive'), (parse_claim(claim)))
  if score and tonumber(score) > NOW then return end
  settled[w] = true
  local _, _, ready = process_due(w)
  if ready then deliver_ready(w) end
end

for i = 4, #ARGV do
  local id = ARGV[i]
  local k = record_key(id)
  local r = pcall_('HMGET', k, 'status', 'expires_at', 'worker_id', 'claim', 'children')
  if failed(r) then
    answers[#answers + 1] = r.err
  else
    if r[1] == 'pending' and r[2] and tonumber(r[2]) <= NOW then
      cancelled(id, read_record(id), 'expired')
      if r[3] then remove_waiting(r[3], id) end
    elseif r[1] == 'processing' and r[3] and r[4] and budget > 0 and not settled[r[3]] then
      pcall(settle, r[3], r[4]) -- a queue that is broken does no harm to the other tasks
    end
    local status = r[1] and call('HGET', k, 'status')
    local waits = status == 'pending' or status == 'processing'
    if inbox ~= '' and waits then
      -- If that is not a set, the wait finds the outcome when it is checked again.
      pcall_('SADD', waiters_key(id), inbox)
      call('HSET', k, 'watched', '1', 'more', '1')
    end
    if brief and waits then
      local latest = status == 'pending' and tonumber(call('HGET', k, 'expires_at') or '')
      answers[#answers + 1] = { status, latest and digits(math.max(latest - NOW, 0)) or '' }
    else
      local record = call('HGETALL', k)
      if r[5] then
        record[#record + 1] = 'child_ids'
        record[#record + 1] = table.concat(pcall_('ZRANGE', children_key(id), 0, -1), ' ')
      end
      answers[#answers + 1] = record
    end
  end
end
send_all()
return answers
