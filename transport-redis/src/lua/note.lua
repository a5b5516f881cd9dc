-- Notes that names are in use. 2 the list of names (queues, libraries), then names. Answers: now.
for i = 3, #ARGV do call('ZADD', PREFIX .. ':' .. ARGV[2], NOW_TEXT, ARGV[i]) end
return { NOW }
