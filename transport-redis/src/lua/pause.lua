-- Stops or resumes the claims from a queue. 7 worker id, 8 whether it is paused.
local w = ARGV[7]
call('SADD', PREFIX .. ':queues', w)
if ARGV[8] == '1' then
  call('HSET', key(w, 'state'), 'paused', '1')
else
  call('HDEL', key(w, 'state'), 'paused')
  serve(w)
end
send_all()
return { NOW }
