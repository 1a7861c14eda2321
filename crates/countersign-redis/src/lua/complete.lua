-- KEYS: the row. ARGV: fence, retention in ms.
local row = redis.call('GET', KEYS[1])
local sub, byte = string.sub, string.byte
if not row or sub(row, 2, 17) ~= ARGV[1] then
    return 0
end
if byte(row) == 105 then
    row = 'c' .. sub(row, 2, 33) .. sub(row, 75)
    local set = redis.pcall('SET', KEYS[1], row, 'PX', ARGV[2])
    if set.err then
        -- A full server refuses it, though the row gets smaller, unless something was written before.
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        redis.call('SET', KEYS[1], row, 'PX', ARGV[2])
    end
else
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end

for at = byte(row, 34) == 49 and 43 or 35, #row, 32 do
    local alias = sub(KEYS[1], 1, -35) .. 'a:' .. sub(row, at, at + 31)
    if redis.call('GET', alias) == sub(KEYS[1], -32) .. sub(row, 18, 33) then
        redis.call('PEXPIRE', alias, ARGV[2])
    end
end
return 1
