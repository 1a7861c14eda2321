-- KEYS: the row. ARGV: fence, lease in ms.
local row = redis.call('GET', KEYS[1])
local sub, byte = string.sub, string.byte
if not row or byte(row) ~= 105 or sub(row, 2, 17) ~= ARGV[1] then
    return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local keep = ARGV[2] + 3600000
-- First, because a full server refuses the other unless something was written before.
redis.call('PEXPIRE', KEYS[1], keep)
local lease_until = string.format('%014.0f', now + ARGV[2])
redis.call('SET', KEYS[1], sub(row, 1, 33) .. lease_until .. sub(row, 48), 'PX', keep)

local pointer = sub(KEYS[1], -32) .. sub(row, 18, 33)
for at = byte(row, 75) == 49 and 84 or 76, #row, 32 do
    local alias = sub(KEYS[1], 1, -35) .. 'a:' .. sub(row, at, at + 31)
    if redis.call('GET', alias) == pointer then
        redis.call('PEXPIRE', alias, keep)
    end
end
return 1
