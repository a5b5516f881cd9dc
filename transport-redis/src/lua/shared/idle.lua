-- The length of a text as it stands in front of it. Those of short ones are kept.
local LENGTHS = {}
local function length_of(text)
  local n = #text
  local length = LENGTHS[n]
  if not length then
    length = struct.pack('>I4', n)
    if n < 1024 then LENGTHS[n] = length end
  end
  return length
end

-- Claims on their way to an instance, as one text: the time, the kind, and for each its id, the task, and delivery,
-- attempt and deaths; each part after its length.
local function pack(kind, parts)
  local texts = { length_of(NOW_TEXT), NOW_TEXT, length_of(kind), kind }
  local n = #texts
  for i, part in ipairs(parts) do
    texts[n + 2 * i - 1], texts[n + 2 * i] = length_of(part), part
  end
  return table.concat(texts)
end
-- Appends the ids of the tasks that were sent so.
local function unpack_ids(packed, ids)
  local parts, at = {}, 1
  while at <= #packed do parts[#parts + 1], at = struct.unpack('>I4c0', packed, at) end
  -- The first two are the time and the kind.
  for i = 3, #parts, 3 do ids[#ids + 1] = parts[i] end
end

-- What an instance that waits has said: since when it does (in microseconds, since many are given tasks within a
-- millisecond, and the one that waits longest is to be the next), until when its lease goes on at least, how many
-- tasks it may be given, and which version it reads.
local ORDER = '>ddI4I1'

-- The instances that wait, who has waited longest first.
local function idle_instances(w)
  local all = pcall_('HGETALL', key(w, 'idle'))
  local idle = {}
  for i = 1, #all, 2 do
    if #all[i + 1] == struct.size(ORDER) then
      local since, alive, max, version = struct.unpack(ORDER, all[i + 1])
      idle[#idle + 1] = {
        instance = all[i], since = since, max = max, version = version, alive = alive, count = 0, out = {},
      }
    end
  end
  if #idle > 1 then table.sort(idle, function(a, b) return a.since < b.since end) end
  return idle
end

-- Whether the lease of an instance that waits goes on. One whose lease has run out may renew it yet.
local function is_alive(w, to)
  return to.alive > NOW or tonumber(call('ZSCORE', key(w, 'alive'), to.instance) or '0') > NOW
end
-- Whether what it is given can be written down; to be known before anything is taken from where it was. How much it
-- holds is then in to.holds.
local function can_hold(w, to)
  to.holds = pcall_('HLEN', held_key(w, to.instance))
  return not failed(to.holds)
end

local function wait_for_tasks(w, to)
  call('HSET', key(w, 'idle'), to.instance, struct.pack(ORDER, to.since, to.alive, to.max, to.version))
end

-- Puts something on the list of one that waits. It goes on waiting for the rest of what it wants, behind the others:
-- one that has died is given its share, until that is noticed, and not all there is.
local function give(w, to, packed, rest)
  if rest > 0 then
    to.since, to.max = NOW_MICROS, rest
    wait_for_tasks(w, to)
  else
    call('HDEL', key(w, 'idle'), to.instance)
  end
  -- If that is no list, its BLPOP fails too, and it asks for what it holds.
  pcall_('RPUSH', key(w, 'give:' .. to.instance), packed)
end

-- Lets an instance look again that may not be among those who wait. The list of one that is gone would stay.
local function wake(w, instance)
  if call('ZSCORE', key(w, 'alive'), instance) then call('RPUSH', key(w, 'give:' .. instance), '') end
end

-- Lets one of those who wait look again, because the time until which it sleeps has changed.
local function nudge(w)
  local to = idle_instances(w)[1]
  if to then give(w, to, '', 0) end
end

-- Comes after tasks were quarantined, or an observation has failed: one of those who wait looks again, to learn from
-- when an instance that holds others may start a group.
local function wake_for_quarantine(w)
  if call('EXISTS', key(w, 'quarantine')) == 1 then nudge(w) end
end
