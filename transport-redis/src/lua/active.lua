-- The worker ids that have activity. 2 for how many ms it is kept. Answers: now, then the worker ids.
local k = PREFIX .. ':activity:queues'
call('ZREMRANGEBYSCORE', k, '-inf', digits(NOW - tonumber(ARGV[2])))
return { NOW, unpack(call('ZRANGE', k, 0, 7000)) }
