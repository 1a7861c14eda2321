-- KEYS: the row.
local row = redis.call('GET', KEYS[1])
local state = row and string.byte(row)
if not row or state == 114 then
    return false
end
local left = redis.call('PTTL', KEYS[1]) - 3600000
if state == 105 then
    return math.max(left, 0)
end
return left > 0 and -1
