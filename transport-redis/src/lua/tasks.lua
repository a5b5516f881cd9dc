-- Lists the tasks of one part of a queue that have not ended, a page at a time; what is due is processed first. 2 worker
-- id, 3 part (ready, delayed, quarantined, running), 4 most ids, 5 where the page begins, as an answer before had it,
-- or ''.
-- Answers: now, where the next page begins or '' after the last, then ids.
local w, part, most, from = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local ids = {}

-- The rank of the first id behind a place. That id may have left the set since. Ids of one score are in the order of
-- their bytes.
local function rank_behind(k, score, last)
  local low, high = call('ZCOUNT', k, '-inf', '(' .. score), call('ZCOUNT', k, '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local id = call('ZRANGE', k, middle, middle)[1]
    if id and id <= last then low = middle + 1 else high = middle end
  end
  return low
end

-- Those that wait, set by set. A place is the number of the set, and of the last id its score and itself.
local function waiting(sets)
  local number, score, last = string.match(from, '^(%d)_([%d.e+]+)_(%S+)$')
  for i = tonumber(number) or 1, #sets do
    local k = key(w, sets[i])
    local start = last and i == tonumber(number) and rank_behind(k, score, last) or 0
    local found = call('ZRANGE', k, start, start + most - #ids - 1)
    for _, id in ipairs(found) do ids[#ids + 1] = id end
    if #ids >= most then
      local end_score = call('ZSCORE', k, ids[#ids])
      if start + #found < call('ZCARD', k) then return i .. '_' .. end_score .. '_' .. ids[#ids] end
      for j = i + 1, #sets do
        -- Before the first of the next set that has some.
        if call('ZCARD', key(w, sets[j])) > 0 then return j .. '_0_-' end
      end
      return ''
    end
  end
  return ''
end

-- How many steps of HSCAN one call makes, how many tasks each is to find, and after how many bytes of tasks, which HSCAN
-- returns too, the call ends: bounds how long it keeps the server from others.
local MAX_STEPS, STEP, MAX_BYTES = 128, 16, 1048576

-- Those that instances hold. A place is an instance, the cursor of its HSCAN, and the last id of that step, if the step
-- found more than the page had room for. A step that is made again finds what it found before, in the order of ids.
local function running()
  local at, scan, last = string.match(from, '^([^_]+)_(%d+)_(%S*)$')
  local instances, steps, bytes = call('ZRANGE', key(w, 'alive'), 0, -1), 0, 0
  table.sort(instances)
  for _, instance in ipairs(instances) do
    if not at or instance >= at then
      if instance ~= at then scan, last = '0', '' end
      repeat
        if #ids >= most or steps >= MAX_STEPS or bytes > MAX_BYTES then
          return instance .. '_' .. scan .. '_' .. last
        end
        local step = call('HSCAN', held_key(w, instance), scan, 'COUNT', STEP)
        local found = {}
        for i = 1, #step[2], 2 do
          if step[2][i] > last then found[#found + 1] = step[2][i] end
          bytes = bytes + #step[2][i + 1]
        end
        table.sort(found)
        for _, id in ipairs(found) do
          if #ids >= most then return instance .. '_' .. scan .. '_' .. ids[#ids] end
          ids[#ids + 1] = id
        end
        steps, scan, last = steps + 1, step[1], ''
      until scan == '0'
    end
  end
  return ''
end

local _, _, made_ready = process_due(w)
expire_waiting(w, 1000)
if made_ready then deliver_ready(w) end
local next
if part == 'running' then
  next = running()
elseif part == 'delayed' then
  next = waiting({ 'later' })
elseif part == 'quarantined' then
  next = waiting({ READY.q })
else
  next = waiting({ READY.h, READY.n, READY.l, 'newer' })
end
send_all()
return { NOW, next, unpack(ids) }
