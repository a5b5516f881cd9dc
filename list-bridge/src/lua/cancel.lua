-- Requests the cancel of the task of a client. KEYS: 1 its hash. Answers `none`, `over`, or `asked` and the task that runs
-- it, if there is one.
if kind_of(KEYS[1]) ~= 'hash' then return { 'none' } end
if OVER[call('HGET', KEYS[1], 'status') or ''] then return { 'over' } end
begin_with_hash(KEYS[1])
call('HSET', KEYS[1], 'cancelAsked', '1')
return { 'asked', call('HGET', KEYS[1], 'runsAs') }
