-- KEYS: the row. ARGV: fence, retention in ms and an hour.
local sub, byte = string.sub, string.byte
local row = redis.call('GET', KEYS[1])
if not row or sub(row, 2, 17) ~= ARGV[1] then
    return 0
end
local state = byte(row)
if state == 105 then
    row = 'c' .. sub(row, 2, 33) .. sub(row, 61)
    local set = redis.pcall('SET', KEYS[1], row, 'PX', ARGV[2])
    if set.err then
        -- A full server refuses it, though the row gets smaller, unless something was written before.
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        redis.call('SET', KEYS[1], row, 'PX', ARGV[2])
    end
elseif state == 99 and redis.call('PTTL', KEYS[1]) > 3600000 then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
    return 0
end
for at = byte(row, 34) == 49 and 43 or 35, #row, 32 do
    local alias = sub(KEYS[1], 1, -35) .. 'a:' .. sub(row, at, at + 31)
    if redis.call('GET', alias) == sub(KEYS[1], -32) .. sub(row, 18, 33) then
        redis.call('PEXPIRE', alias, ARGV[2])
    end
end
return 1
