-- Reads summaries of tasks, which is what a list shows of them. 2 the names of fields, separated by spaces. Then ids.
-- Answers: now, then for each the values up to the last one that is there, or an error's text.
local names = {}
for name in string.gmatch(ARGV[2], '%S+') do names[#names + 1] = name end
local answers = { NOW }
for i = 3, #ARGV do
  local values = pcall_('HMGET', record_key(ARGV[i]), unpack(names))
  local problem = failed(values)
  if not problem then
    -- Of most tasks the last fields are missing, and a list reads thousands of tasks.
    for j = #names, 1, -1 do
      if values[j] then break end
      values[j] = nil
    end
  end
  answers[#answers + 1] = problem or values
end
return answers
