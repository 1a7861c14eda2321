-- KEYS: the row, the last fence, then the aliases.
-- ARGV: owner, lease in ms, fingerprint as it is stored, "1" to run in spite of a known alias.
local row = redis.call('GET', KEYS[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local sub, byte = string.sub, string.byte

if row then
    if byte(row) == 99 then
        return { 'c', sub(row, 34, 42) }
    end
    local left = sub(row, 34, 47) - now
    if left > 0 then
        if sub(row, 59, 74) == ARGV[1] then
            return { 'h', sub(row, 2, 17), sub(row, 48, 57), sub(row, 58, 58) }
        end
        return { 'i', sub(KEYS[1], -32), left }
    end
end

local known = '0'
local open
if KEYS[3] then
    local key, rows = sub(KEYS[1], -32), sub(KEYS[1], 1, -33)
    local busy
    open = {}
    for n = 3, #KEYS do
        local pointer = redis.call('GET', KEYS[n])
        local live = false
        if pointer and sub(pointer, 1, 32) ~= key then
            local on = sub(pointer, 1, 32)
            local other = redis.call('GET', rows .. on)
            if other and sub(other, 18, 33) == sub(pointer, 33) then
                local done = byte(other) == 99
                local left = done and 1 or sub(other, 34, 47) - now
                live = left > 0
                if live and ARGV[4] == '1' then
                    known = '1'
                elseif live and done then
                    return { 's' }
                elseif live then
                    busy = busy or { 'i', on, left }
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
end

-- From here on it is granted. A full server refuses the first write of a script unless it frees or
-- only dates something, so a new claim is refused as a whole and a takeover never.
local keep = ARGV[2] + 3600000
if row then
    redis.call('PEXPIRE', KEYS[1], keep)
end
local fence = time[1] .. sub('00000' .. time[2], -6)
local last = redis.call('SET', KEYS[2], fence, 'GET')
if last and last >= fence then
    fence = string.format('%016.0f', last + 1)
    redis.call('SET', KEYS[2], fence)
end

local lease_until = string.format('%014.0f', now + ARGV[2])
if not row and not open then
    local value = 'i' .. fence .. fence .. lease_until .. '00000000010' .. ARGV[1] .. ARGV[3]
    redis.call('SET', KEYS[1], value, 'PX', keep)
    return fence
end

local birth, attempt, names = fence, '0000000001', ''
local key, aliases = sub(KEYS[1], -32), sub(KEYS[1], 1, -35) .. 'a:'
if row then
    birth = sub(row, 18, 33)
    attempt = string.format('%010.0f', sub(row, 48, 57) + 1)
    names = sub(row, byte(row, 75) == 49 and 84 or 76)
end
local pointer = key .. birth
local seen = {}
for at = 1, #names, 32 do
    local name = sub(names, at, at + 31)
    seen[name] = true
    if redis.call('GET', aliases .. name) == pointer then
        redis.call('PEXPIRE', aliases .. name, keep)
    end
end
for _, alias in ipairs(open or {}) do
    local name = sub(alias, -32)
    if not seen[name] then
        names = names .. name
    end
    redis.call('SET', alias, pointer, 'PX', keep)
end
redis.call('SET', KEYS[1],
    'i' .. fence .. birth .. lease_until .. attempt .. known .. ARGV[1] .. ARGV[3] .. names,
    'PX', keep)
return { 'h', fence, attempt, known }
