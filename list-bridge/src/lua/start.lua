-- Notes in the hash of a client that its task was submitted. KEYS: 1 the hash. ARGV: 1 task, 2 time as text.
-- Answers whether its cancel was requested.
if kind_of(KEYS[1]) ~= 'hash' or OVER[call('HGET', KEYS[1], 'status') or ''] then return 0 end
begin_with_hash(KEYS[1])
note_creation(KEYS[1], ARGV[2])
call('HDEL', KEYS[1], 'updated_at')
call('HSET', KEYS[1], 'status', 'processing', 'runsAs', ARGV[1], 'updatedAt', ARGV[2])
return call('HEXISTS', KEYS[1], 'cancelAsked')
