-- Cancels tasks. 2 reason, then ids.
-- Answers: now, then for each r removed, q requested, R and Q the same of one with children, f finished, n not known,
-- e<error>.
local reason = ARGV[2]
local answers = { NOW }
for i = 3, #ARGV do answers[#answers + 1] = cancel_task(ARGV[i], reason) end
send_all()
return answers
