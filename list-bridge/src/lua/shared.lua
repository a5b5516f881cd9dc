-- What the scripts share.
local call = redis.call
local OVER = { completed = true, error = true, cancelled = true }
-- Fields that only the record of a task has. A record that waits has none of them.
local OF_RECORDS = { 'claim', 'reply_to', 'cancel_reason', 'error_kind' }

local function now()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
-- Come before all other writes: with a full memory the first write of a script is refused unless it frees memory, and later
-- ones are not. What has been pushed can then be answered.
local function begin_with_hash(key) call('HDEL', key, '') end
local function begin_with_bridges(key) call('ZREM', key, '') end

local function kind_of(key) return call('TYPE', key).ok end
local function is_record(key)
  for _, name in ipairs(OF_RECORDS) do
    if call('HEXISTS', key, name) == 1 then return true end
  end
  return false
end
-- Notes when a task was created, unless its client has said so.
local function note_creation(key, time)
  if call('HEXISTS', key, 'created_at') == 0 then call('HSETNX', key, 'createdAt', time) end
end
