-- KEYS: the row, and the alias and the subject of the same name.
local function there(row, name)
    return row and (in_flight(row) or completed(row) and left_of(name) > 0)
end

local forgotten = 0
local row = call('GET', KEYS[1])
if there(row, KEYS[1]) then
    forgotten = 1
    -- First, because a full server refuses the other unless something was written before.
    call('PEXPIRE', KEYS[1], HOUR)
    call('SET', KEYS[1], 'r' .. fence_of(row), 'PX', HOUR)
    take_aliases(row)
end
local alias = call('GET', KEYS[2])
if alias then
    call('DEL', KEYS[2])
    -- One whose row is gone, or came later under the same key, counts as absent.
    each_entry(alias, function(entry)
        if there(target_of(pointer_of(entry))) then
            forgotten = 1
        end
    end)
end
if call('DEL', KEYS[3]) == 1 then
    forgotten = 1
end
return forgotten
