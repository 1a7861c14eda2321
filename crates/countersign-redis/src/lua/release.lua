-- KEYS: the row. ARGV: fence.
local row = redis.call('GET', KEYS[1])
local sub, byte = string.sub, string.byte
if not row or byte(row) ~= 105 or sub(row, 2, 17) ~= ARGV[1] then
    return 0
end
redis.call('DEL', KEYS[1])
for at = byte(row, 75) == 49 and 84 or 76, #row, 32 do
    local alias = sub(KEYS[1], 1, -35) .. 'a:' .. sub(row, at, at + 31)
    if redis.call('GET', alias) == sub(KEYS[1], -32) .. sub(row, 18, 33) then
        redis.call('DEL', alias)
    end
end
return 1
