-- Appends what runs tell to the streams of their tasks. 2 most events of a stream, 3 how long it is kept after the last.
-- Then for each run: task id, instance and delivery, what comes first ('': nothing; 'x': the stream is emptied; 'e': it
-- has ended, and its stream is kept so long only), the number of events (a time in ms, if it has ended), and for each
-- event kind and value.
-- Answers: now, then for each run w written, f: its claim is not that of the record.
local max, ttl = ARGV[2], ARGV[3]
local answers = { NOW }

local function append(k, own, first, from, count)
  if first == 'x' then call('XTRIM', k, 'MAXLEN', 0) end
  for i = from, from + 2 * count - 2, 2 do
    call('XADD', k, 'MAXLEN', max, '*', 'r', own, ARGV[i], ARGV[i + 1])
  end
  call('PEXPIRE', k, ttl)
  pcall_('PUBLISH', k, '') -- to those that follow it
  return 'w'
end

local i = 4
while i <= #ARGV do
  local id, own, first, count = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  i = i + 4
  if first == 'e' then
    pcall_('PEXPIRE', events_key(id), count)
    answers[#answers + 1] = 'w'
  else
    -- Also after the outcome: its reader wants what was told before. A record that is not a hash has no claim.
    local claim = pcall_('HGET', record_key(id), 'claim')
    if type(claim) == 'string' and string.sub(claim, 1, #own + 1) == own .. ' ' then
      answers[#answers + 1] = try(append, events_key(id), own, first, i, count)
    else
      answers[#answers + 1] = 'f'
    end
    i = i + 2 * count
  end
end
return answers
