-- KEYS: the row, and the alias of the same name.
local row = redis.call('GET', KEYS[1])
local sub, byte = string.sub, string.byte
local there = 0
if row then
    there = 1
    redis.call('DEL', KEYS[1])
    local fingerprint = byte(row) == 99 and 34 or 75
    for at = fingerprint + (byte(row, fingerprint) == 49 and 9 or 1), #row, 32 do
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
    local on = redis.call('GET', sub(KEYS[1], 1, -33) .. sub(pointer, 1, 32))
    if on and sub(on, 18, 33) == sub(pointer, 33) then
        there = 1
    end
end
return there
