-- Notes that worker ids are in use. 2 the list of them, 3 the version of the keys that this client knows, then worker ids.
-- Answers: now, the version of the keys of this prefix; if that is another, nothing was noted.
local list = PREFIX .. ':' .. ARGV[2]
local version = call('GET', '{' .. list .. '}:version')
if not version then
  version = ARGV[3]
  call('SET', '{' .. list .. '}:version', version)
end
if version == ARGV[3] then
  for i = 4, #ARGV do call('ZADD', list, NOW_TEXT, ARGV[i]) end
end
return { NOW, version }
