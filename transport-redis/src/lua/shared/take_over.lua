-- The suspect that is to blame for the death of an instance which ran nothing but suspects: the last
-- to start, since the others had shown by then that they do no harm.
local function find_culprit(w, instance, unread)
  local newest, culprit
  for _, id in ipairs(call('HKEYS', held_key(w, instance))) do
    if not unread[id] then
      local r = call('HMGET', record_key(id), 'deaths', 'claim')
      if (tonumber(r[1]) or 0) == 0 then return nil end
      local _, _, started_at = parse_claim(r[2])
      started_at = tonumber(started_at)
      if not newest or started_at > newest then newest, culprit = started_at, id end
    end
  end
  return culprit
end

-- Takes the claims of one dead instance, at most `budget`; how much of it is left. `expiry` is its
-- place among the living: below 0 it has been here before, and the one to blame was found.
local function take_over(w, instance, expiry, budget)
  -- What it never got from its list it has not begun.
  local unread, ids = {}, {}
  for _, packed in ipairs(call('LRANGE', key(w, 'give:' .. instance), 0, -1)) do unpack_ids(packed, ids) end
  for _, id in ipairs(ids) do unread[id] = true end
  local culprit = expiry > 0 and find_culprit(w, instance, unread)
  local spares = culprit or expiry < 0
  if culprit then call('ZADD', key(w, 'alive'), -1, instance) end
  local function undo(id, task, packed)
    if unread[id] then
      hand_back(w, id, task, packed, instance)
    else
      bury(w, id, task, packed, instance, spares and id ~= culprit)
    end
  end
  return budget - take_back(w, instance, budget, undo)
end
