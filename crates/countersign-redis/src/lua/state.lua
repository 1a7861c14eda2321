-- KEYS: the row.
local row = redis.call('GET', KEYS[1])
if not row then
    return false
end
if string.byte(row) == 99 then
    return -1
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return math.max(string.sub(row, 34, 47) - now, 0)
