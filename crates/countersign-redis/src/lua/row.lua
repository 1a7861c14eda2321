-- What is under the names of the store. Every script begins with this text, and only it knows offsets.
--
-- :d: a delivery   in flight   i | fence 16 | birth 16 | attempt 10 | recurrence 1 | owner 16 | mark 8 | names
--                  completed   c | fence 16 | birth 16 | mark 8 | names
--                  given back  r | fence 16
-- :a: an alias     one entry for each delivery that has it: key 32 | birth 16 | run 16
-- :s: a subject    run 16 | mark 8
--
-- Names are those of the delivery's aliases, 32 bytes each. Fences, births and runs are decimal, with
-- leading zeros, so that they compare as texts. A birth is the fence with which the row began: it tells
-- the row that an alias points to from one that came later under the same key. A run is the fence with
-- which it began, or more. A delivery's key lives an hour longer than its lease or retention.
local sub, byte, call = string.sub, string.byte, redis.call
local HOUR, ROWS_OF_AN_ALIAS = 3600000, 16
local NO_RUN = '0000000000000000'

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

-- An entry begins with a pointer: key and birth.
local ENTRY = 64
local function pointer_of(entry) return sub(entry, 1, 48) end
local function key_of(entry) return sub(entry, 1, 32) end
local function run_of(entry) return sub(entry, 49) end

-- What was claimed last of a subject.
local function run_of_last(last) return sub(last, 1, 16) end
local function mark_of_last(last) return sub(last, 17) end

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

-- Calls a function with each entry of an alias.
local function each_entry(alias, visit)
    for at = 1, #alias, ENTRY do
        visit(sub(alias, at, at + ENTRY - 1))
    end
end

-- Calls a function with each of the names that a row has of its aliases.
local function each_name(names, visit)
    for at = 1, #names, 32 do
        visit(sub(names, at, at + 31))
    end
end

-- Calls a function with the name of each alias of a row.
local function each_alias(row, visit)
    each_name(names_of(row), function(name) visit(alias_name(name)) end)
end

-- An alias lives at least as long as each row that has it.
local function lengthen(name, ms)
    if call('PTTL', name) < ms + 0 then call('PEXPIRE', name, ms) end
end

-- Takes the aliases from a row, and leaves those of others.
local function take_aliases(row)
    local pointer = key .. birth_of(row)
    each_alias(row, function(name)
        local alias, rest = call('GET', name), ''
        each_entry(alias or '', function(entry)
            if pointer_of(entry) ~= pointer then rest = rest .. entry end
        end)
        if rest == '' then
            call('DEL', name)
        elseif rest ~= alias then
            call('SET', name, rest, 'PX', math.max(call('PTTL', name), 1))
        end
    end)
end
