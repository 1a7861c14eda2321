-- KEYS: the row, and the alias of the same name.
local sub, byte = string.sub, string.byte

local function there(name, row)
    local state = row and byte(row)
    return state == 105 or state == 99 and redis.call('PTTL', name) > 3600000
end

local forgotten = 0
local row = redis.call('GET', KEYS[1])
if there(KEYS[1], row) then
    forgotten = 1
    -- First, because a full server refuses the other unless something was written before.
    redis.call('PEXPIRE', KEYS[1], 3600000)
    redis.call('SET', KEYS[1], 'r' .. sub(row, 2, 17), 'PX', 3600000)
    local mark = byte(row) == 99 and 34 or 61
    for at = mark + (byte(row, mark) == 49 and 9 or 1), #row, 32 do
        local alias = sub(KEYS[1], 1, -35) .. 'a:' .. sub(row, at, at + 31)
        if redis.call('GET', alias) == sub(KEYS[1], -32) .. sub(row, 18, 33) then
            redis.call('DEL', alias)
        end
    end
end
local pointer = redis.call('GET', KEYS[2])
if pointer then
    redis.call('DEL', KEYS[2])
    -- One whose row is gone, or came later under the same key, counts as absent.
    local name = sub(KEYS[1], 1, -33) .. sub(pointer, 1, 32)
    local on = redis.call('GET', name)
    if there(name, on) and sub(on, 18, 33) == sub(pointer, 33) then
        forgotten = 1
    end
end
return forgotten
