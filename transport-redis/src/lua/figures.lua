-- What the instances of a worker id have counted. 2 worker id. Fields and values, as `report` writes them.
local out = { NOW }
for _, v in ipairs(call('HGETALL', key(ARGV[2], 'figures'))) do out[#out + 1] = v end
return out
