-- Sends a reply once. KEYS: 1 reply list, 2 the token of the last reply. ARGV: 1 token, 2 the reply, 3 how long both are
-- kept (ms). Answers nil, or the type of the first key if that is not a list. An older reply is taken away.
local last = redis.pcall('GET', KEYS[2])
if last == ARGV[1] then return false end
local kind = kind_of(KEYS[1])
if kind ~= 'none' and kind ~= 'list' then return kind end
call('DEL', KEYS[1])
call('LPUSH', KEYS[1], ARGV[2])
call('PEXPIRE', KEYS[1], ARGV[3])
call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
return false
