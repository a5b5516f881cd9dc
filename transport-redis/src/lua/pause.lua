-- Stops or resumes the claims from a queue. 2 worker id, 3 whether it is paused.
local w = ARGV[2]
if ARGV[3] == '1' then
  call('HSET', key(w, 'state'), 'paused', '1')
else
  call('HDEL', key(w, 'state'), 'paused')
  deliver_ready(w)
end
send_all()
return { NOW }
