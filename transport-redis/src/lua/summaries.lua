-- Reads summaries of tasks, which is what a list shows of them. 2 the names of fields, separated by spaces. Then ids.
-- Answers: now, then for each the values, or an error's text.
local names = {}
for name in string.gmatch(ARGV[2], '%S+') do names[#names + 1] = name end
local answers = { NOW }
for i = 3, #ARGV do
  local values = pcall_('HMGET', record_key(ARGV[i]), unpack(names))
  answers[#answers + 1] = failed(values) or values
end
return answers
