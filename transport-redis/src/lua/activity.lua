-- Logs how runs of one instance have ended. 2 worker id, 3 instance, 4 number of the call, then for each batch: how many
-- entries, how many ms ago it was made, entries in binary form. Answers: now.
local w, number, logged = ARGV[2], tonumber(ARGV[4]), key(ARGV[2], 'logged:' .. ARGV[3])
-- A call that comes again, since its answer was lost, was carried out.
if number > (tonumber(call('GET', logged) or '') or 0) then
  for i = 5, #ARGV, 3 do append_activity(w, tonumber(ARGV[i]), 'a', ARGV[i + 1], 'b', ARGV[i + 2]) end
  call('SET', logged, digits(number), 'PX', LOST_TTL)
end
return { NOW }
