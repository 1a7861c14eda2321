-- KEYS: the row, then the aliases.
-- ARGV: owner, lease in ms, fingerprint as it is stored, "1" to run in spite of a known alias, fence.
local sub, byte = string.sub, string.byte
local row = redis.call('GET', KEYS[1])
local held = row and byte(row) == 105

if row then
    local left = redis.call('PTTL', KEYS[1]) - 3600000
    if left > 0 then
        if not held then
            return { 'c', sub(row, 34, 42) }
        end
        if sub(row, 45, 60) == ARGV[1] then
            return { 'h', sub(row, 2, 17), sub(row, 34, 43), sub(row, 44, 44) }
        end
        return { 'i', sub(KEYS[1], -32), left, sub(row, 61, 69) }
    end
end

local key, known, open, busy = sub(KEYS[1], -32), '0', {}, nil
for n = 2, #KEYS do
    local pointer = redis.call('GET', KEYS[n])
    local live = false
    if pointer and sub(pointer, 1, 32) ~= key then
        local on = sub(pointer, 1, 32)
        local name = sub(KEYS[1], 1, -33) .. on
        local other = redis.call('GET', name)
        if other and sub(other, 18, 33) == sub(pointer, 33) then
            local left = redis.call('PTTL', name) - 3600000
            live = left > 0
            if live and ARGV[4] == '1' then
                known = '1'
            elseif live and byte(other) == 99 then
                return { 's' }
            elseif live then
                busy = busy or { 'i', on, left, sub(other, 61, 69) }
            end
        end
    end
    if not live then
        open[#open + 1] = KEYS[n]
    end
end
if busy then
    return busy
end

local fence, keep = ARGV[5], ARGV[2] + 3600000
local birth, attempt, names = fence, '0000000001', ''
if row then
    local last = sub(row, 2, 17)
    if last >= fence then
        fence = string.format('%016.0f', last + 1)
        birth = fence
    end
end
local seen = {}
if held then
    -- A full server refuses the first write of a script unless it frees or only dates something, so
    -- with this one a takeover is never refused, and without it a new claim is, as a whole.
    redis.call('PEXPIRE', KEYS[1], keep)
    birth = sub(row, 18, 33)
    attempt = string.format('%010.0f', sub(row, 34, 43) + 1)
    names = sub(row, byte(row, 61) == 49 and 70 or 62)
    for at = 1, #names, 32 do
        local name = sub(names, at, at + 31)
        local alias = sub(KEYS[1], 1, -35) .. 'a:' .. name
        seen[name] = true
        if redis.call('GET', alias) == key .. birth then
            redis.call('PEXPIRE', alias, keep)
        end
    end
end
for _, alias in ipairs(open) do
    local name = sub(alias, -32)
    if not seen[name] then
        names = names .. name
    end
    redis.call('SET', alias, key .. birth, 'PX', keep)
end
local value = 'i' .. fence .. birth .. attempt .. known .. ARGV[1] .. ARGV[3] .. names
redis.call('SET', KEYS[1], value, 'PX', keep)
return { 'h', fence, attempt, known }
