-- Answers the token of a reply that may not have been sent; if that was sent, nil or a new token. KEYS: 1 the hash of a
-- client. ARGV: 1 a new token, 2 whether the outcome is to be sent again.
if kind_of(KEYS[1]) ~= 'hash' or not OVER[call('HGET', KEYS[1], 'status') or ''] then return false end
local token = call('HGET', KEYS[1], 'replyToken')
if token or ARGV[2] == '0' then return token end
begin_with_hash(KEYS[1])
call('HSET', KEYS[1], 'replyToken', ARGV[1])
return ARGV[1]
