-- Forgets the token of a reply that was sent. KEYS: 1 the hash of a client. ARGV: 1 token, 2 what was wrong with the reply
-- list, or ''.
if kind_of(KEYS[1]) ~= 'hash' or call('HGET', KEYS[1], 'replyToken') ~= ARGV[1] then return 0 end
begin_with_hash(KEYS[1])
if ARGV[2] ~= '' then call('HSET', KEYS[1], 'replyError', ARGV[2]) end
return call('HDEL', KEYS[1], 'replyToken')
