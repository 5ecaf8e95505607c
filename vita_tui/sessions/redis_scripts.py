"""The scripts that a Redis server runs as one step each, in Lua; `RedisStore` sends them."""

from __future__ import annotations

__all__ = ["DELETE", "PUT", "SWEEP"]

# KEYS: session, index, activity, deleted, totals. ARGV: id, mode, expected, version, ttl in ms, title, automatic title, created, last
# active, settings, then for each turn its id, JSON and tokens. Returns {"ok", version}, {"conflict", version} or
# {"missing", deleted?}.
PUT = """
local version = redis.call('HGET', KEYS[1], 'version')
local next
if ARGV[2] == 'create' then
  if version then return {'conflict', version} end
  redis.call('HSET', KEYS[1], 'created', ARGV[8], 'last_active', ARGV[9], 'settings', ARGV[10],
    'title', ARGV[6], 'turns', 0, 'tokens', 0)
  redis.call('DEL', KEYS[4])
  next = ARGV[4]
else
  if not version then return {'missing', tostring(redis.call('EXISTS', KEYS[4]))} end
  if version ~= ARGV[3] then return {'conflict', version} end
  next = string.format('%d', tonumber(version) + 1)
  if tonumber(ARGV[9]) > tonumber(redis.call('HGET', KEYS[1], 'last_active')) then
    redis.call('HSET', KEYS[1], 'last_active', ARGV[9])
  end
  if ARGV[6] ~= '' then
    redis.call('HSET', KEYS[1], 'title', ARGV[6])
  elseif ARGV[7] ~= '' and redis.call('HGET', KEYS[1], 'title') == '' then
    redis.call('HSET', KEYS[1], 'title', ARGV[7])
  end
  if ARGV[10] ~= '' then redis.call('HSET', KEYS[1], 'settings', ARGV[10]) end
end
for i = 11, #ARGV, 3 do
  local field = 'turn:' .. ARGV[i]
  local old = redis.call('HGET', KEYS[1], field)
  local place
  if old then
    place = string.sub(old, 1, 8)
    local a, b = string.find(old, ' ', 10, true)
    redis.call('HINCRBY', KEYS[1], 'tokens', tonumber(ARGV[i + 2]) - tonumber(string.sub(old, 10, a - 1)))
  else
    place = string.format('%08d', redis.call('HINCRBY', KEYS[1], 'turns', 1))
    redis.call('HINCRBY', KEYS[1], 'tokens', ARGV[i + 2])
  end
  redis.call('HSET', KEYS[1], field, place .. ' ' .. ARGV[i + 2] .. ' ' .. ARGV[i + 1])
end
redis.call('HSET', KEYS[1], 'version', next)
redis.call('PERSIST', KEYS[1])
if string.sub(ARGV[1], 1, 6) == 'probe-' then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[3]), ARGV[1])
if string.sub(ARGV[1], 1, 6) ~= 'probe-' then
  redis.call('HINCRBY', KEYS[5], (ARGV[2] == 'create') and 'created' or 'updated', 1)
end
return {'ok', next}
"""

DELETE = """
redis.call('ZREM', KEYS[2], ARGV[1])
local was_there = redis.call('DEL', KEYS[1])
if string.sub(ARGV[1], 1, 6) ~= 'probe-' then
  redis.call('SET', KEYS[3], '1', 'PX', ARGV[2])
  redis.call('HINCRBY', KEYS[4], 'deleted', was_there)
end
return was_there
"""

# KEYS: index, then the sessions with the ids in ARGV behind the moment before which a session without turns is let go.
SWEEP = """
local removed = 0
for i = 2, #ARGV do
  local fields = redis.pcall('HMGET', KEYS[i], 'turns', 'last_active')
  if not fields[1] then
    redis.call('ZREM', KEYS[1], ARGV[i])
  elseif fields[1] == '0' and (tonumber(fields[2] or '') or 0) < tonumber(ARGV[1]) then
    redis.call('ZREM', KEYS[1], ARGV[i])
    removed = removed + redis.call('DEL', KEYS[i])
  elseif string.sub(ARGV[i], 1, 6) ~= 'probe-' then
    redis.call('PERSIST', KEYS[i])
  end
end
return removed
"""
