-- Writes an outcome into the hash of a client, unless it has one. KEYS: 1 the hash. ARGV: 1 a new token of a reply, 2 how
-- long the hash is kept (ms), 3 time as text; then fields and values. Answers the type of the key; the token of the reply
-- that is to be sent, or nil if it was sent; whether the outcome was written.
local kind = kind_of(KEYS[1])
if kind ~= 'hash' then return { kind } end
if OVER[call('HGET', KEYS[1], 'status') or ''] then return { kind, call('HGET', KEYS[1], 'replyToken'), 0 } end
begin_with_hash(KEYS[1])
note_creation(KEYS[1], ARGV[3])
call('HDEL', KEYS[1], 'output', 'error', 'updated_at', 'replyError', 'cancelAsked')
call('HSET', KEYS[1], 'replyToken', ARGV[1], unpack(ARGV, 4))
if call('PTTL', KEYS[1]) < 0 then call('PEXPIRE', KEYS[1], ARGV[2]) end
return { kind, ARGV[1], 1 }
