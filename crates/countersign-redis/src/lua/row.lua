-- What is under the names of the store. Every script begins with this text, and only it knows offsets.
--
-- :d: a delivery   in flight   i | fence 16 | birth 16 | attempt 10 | recurrence 1 | owner 16 | mark 8 | names
--                  completed   c | fence 16 | birth 16 | mark 8 | names
--                  given back  r | fence 16
-- :a: an alias     key 32 | birth 16 | run 16, and where it was taken from a completed delivery, that
--                  one's key 32 | birth 16
-- :s: a subject    run 16 | mark 8
--
-- Names are those of the delivery's aliases, 32 bytes each. Fences, births and runs are decimal, with
-- leading zeros, so that they compare as texts. A birth is the fence with which the row began: it tells
-- the row that an alias points to from one that came later under the same key. A run is the fence with
-- which it began, or more. A delivery's key lives an hour longer than its lease or retention.
local sub, byte, call = string.sub, string.byte, redis.call
local HOUR, NO_RUN = 3600000, '0000000000000000'

local function in_flight(row) return byte(row) == 105 end
local function completed(row) return byte(row) == 99 end
local function fence_of(row) return sub(row, 2, 17) end
local function birth_of(row) return sub(row, 18, 33) end
local function attempt_of(row) return sub(row, 34, 43) end
local function recurrence_of(row) return sub(row, 44, 44) end
local function owner_of(row) return sub(row, 45, 60) end
local function mark_of(row)
    if completed(row) then return sub(row, 34, 41) end
    return sub(row, 61, 68)
end
local function names_of(row) return sub(row, completed(row) and 42 or 69) end
local function as_completed(row) return 'c' .. sub(row, 2, 33) .. sub(row, 61) end

-- An alias begins with a pointer: key and birth.
local function pointer_of(alias) return sub(alias, 1, 48) end
local function run_of(alias) return sub(alias, 49, 64) end
local function former_of(alias) return sub(alias, 65) end

local key = sub(KEYS[1], -32)
local function delivery_name(of) return sub(KEYS[1], 1, -33) .. of end
local function alias_name(of) return sub(KEYS[1], 1, -35) .. 'a:' .. of end

-- What is left of a lease or a retention, in ms.
local function left_of(name) return call('PTTL', name) - HOUR end

-- The row that a pointer names, if it is still that row, and its name.
local function target_of(pointer)
    local name = delivery_name(sub(pointer, 1, 32))
    local row = call('GET', name)
    if row and birth_of(row) == sub(pointer, 33) then return row, name end
end

-- Calls a function with each alias of a row that still points to it, and its value.
local function each_alias(row, visit)
    local names, pointer = names_of(row), key .. birth_of(row)
    for at = 1, #names, 32 do
        local name = alias_name(sub(names, at, at + 31))
        local alias = call('GET', name)
        if alias and pointer_of(alias) == pointer then visit(name, alias) end
    end
end
