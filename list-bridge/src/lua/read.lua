-- Reads the hash of a client. KEYS: 1 the hash. ARGV: 1 whether its id has the form of a task's, 2 the id of the task that
-- is going to run it, or '': it is noted unless there is a note. Then for each field: its longest value, its name, its
-- other name. Answers the type of the key if it is not a hash, `record` for the record of a task, or `hash`, the time,
-- and each value: the length alone if it is too long, nil if it is absent or empty.
local kind = kind_of(KEYS[1])
if kind ~= 'hash' then return { kind } end
if ARGV[1] == '1' and is_record(KEYS[1]) then return { 'record' } end
if ARGV[2] ~= '' and not OVER[call('HGET', KEYS[1], 'status') or ''] then
  begin_with_hash(KEYS[1])
  call('HSETNX', KEYS[1], 'runsAs', ARGV[2])
end
local answer = { kind, string.format('%.0f', now()) }
for i = 3, #ARGV, 3 do
  local value = false
  for name = i + 1, i + 2 do
    local length = call('HSTRLEN', KEYS[1], ARGV[name])
    if length > tonumber(ARGV[i]) then value = length; break end
    if length > 0 then value = call('HGET', KEYS[1], ARGV[name]); break end
  end
  answer[#answer + 1] = value
end
return answer
