-- Says what a key is. KEYS: 1 the key. Answers its type if it is not a hash, `record` for the record of a task, `runs` and
-- the task that runs it for the hash of a client, or `hash` if no bridge has taken it.
local kind = kind_of(KEYS[1])
if kind ~= 'hash' then return { kind } end
local runs = call('HGET', KEYS[1], 'runsAs')
if runs then return { 'runs', runs } end
-- A record that waits: its time is a number, and clients write text.
local fields = call('HMGET', KEYS[1], 'worker_id', 'created_at')
if is_record(KEYS[1]) or (fields[1] and tonumber(fields[2] or '')) then return { 'record' } end
return { kind }
