-- KEYS: the row. ARGV: fence, lease in ms.
local row = call('GET', KEYS[1])
if not row or not in_flight(row) or fence_of(row) ~= ARGV[1] then
    return 0
end
local keep = ARGV[2] + HOUR
call('PEXPIRE', KEYS[1], keep)
each_alias(row, function(name) lengthen(name, keep) end)
return 1
