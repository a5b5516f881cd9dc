-- Cancels tasks. 2 reason, 3 whether only those whose time is over, then ids.
-- Answers: r removed, q requested, f finished, n not known, - left alone.
local reason, only_expired = ARGV[2], ARGV[3] == '1'
local answers = { NOW }
for i = 4, #ARGV do answers[#answers + 1] = cancel_task(ARGV[i], reason, only_expired) end
send_all()
return answers
