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

-- The credit of an idle instance: since when it waits (in microseconds, since many are served within a millisecond and
-- the longest wait comes first), the end of its lease at least, how many tasks may be delivered, the payload
-- version that it reads, and whether (1 or 0) it claims again when the next delayed task or group is due.
local CREDIT = '>ddI4I1I1'

-- The idle instances, the longest wait first.
local function idle_instances(w)
  local all = pcall_('HGETALL', key(w, 'idle'))
  local idle = {}
  for i = 1, #all, 2 do
    if #all[i + 1] == struct.size(CREDIT) then
      local since, alive, max, version, watches = struct.unpack(CREDIT, all[i + 1])
      idle[#idle + 1] = {
        instance = all[i], since = since, max = max, version = version, alive = alive, watches = watches, count = 0, out = {},
      }
    end
  end
  if #idle > 1 then table.sort(idle, function(a, b) return a.since < b.since end) end
  return idle
end

-- Whether the lease of an idle instance has not run out. One whose lease has run out may have renewed it since.
local function is_alive(w, to)
  return to.alive > NOW or tonumber(call('ZSCORE', key(w, 'alive'), to.instance) or '0') > NOW
end
-- Whether its claims can be written; to be known before a task is taken from its queue. The number of its claims is
-- then in to.holds.
local function can_hold(w, to)
  to.holds = pcall_('HLEN', held_key(w, to.instance))
  return not failed(to.holds)
end

local function wait_for_tasks(w, to)
  call('HSET', key(w, 'idle'), to.instance, struct.pack(CREDIT, to.since, to.alive, to.max, to.version, to.watches))
end

-- Delivers to an idle instance. For the rest of its credit it stays idle, behind the others: an instance that has died
-- gets its share until that is noticed, and not all tasks.
local function deliver(w, to, packed, rest)
  if rest > 0 then
    to.since, to.max = NOW_MICROS, rest
    wait_for_tasks(w, to)
  else
    call('HDEL', key(w, 'idle'), to.instance)
    -- With an empty delivery it claims at once, and sees what is due.
    if to.watches == 1 and packed ~= '' then
      unwatched = unwatched or {}
      unwatched[w] = true
    end
  end
  -- If that is not a list, its BLPOP fails too, and it asks for what it holds.
  pcall_('RPUSH', key(w, 'deliveries:' .. to.instance), packed)
end

-- Lets an instance claim again that may not be idle any more. The list of an instance that is gone would stay.
local function wake(w, instance)
  if call('ZSCORE', key(w, 'alive'), instance) then call('RPUSH', key(w, 'deliveries:' .. instance), '') end
end

-- Lets one idle instance claim again, because the next due time has changed, or the one that knew it has work. One that
-- has died would not.
local function wake_one(w)
  for _, to in ipairs(idle_instances(w)) do
    if is_alive(w, to) then return deliver(w, to, '', 0) end
  end
end

-- Comes after all that delivers tasks.
local function watch_all()
  if unwatched then
    for w in pairs(unwatched) do pcall(wake_one, w) end
  end
end

-- Comes after tasks were quarantined, or an observation has failed: one idle instance claims again, to learn from when
-- an instance with other claims may start a group.
local function wake_for_quarantine(w)
  if call('EXISTS', key(w, 'quarantine')) == 1 then wake_one(w) end
end
