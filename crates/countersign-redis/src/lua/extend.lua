-- KEYS: the row. ARGV: fence, lease in ms.
local sub, byte = string.sub, string.byte
local row = redis.call('GET', KEYS[1])
if not row or byte(row) ~= 105 or sub(row, 2, 17) ~= ARGV[1] then
    return 0
end
local keep = ARGV[2] + 3600000
redis.call('PEXPIRE', KEYS[1], keep)
for at = byte(row, 61) == 49 and 70 or 62, #row, 32 do
    local alias = sub(KEYS[1], 1, -35) .. 'a:' .. sub(row, at, at + 31)
    if redis.call('GET', alias) == sub(KEYS[1], -32) .. sub(row, 18, 33) then
        redis.call('PEXPIRE', alias, keep)
    end
end
return 1
