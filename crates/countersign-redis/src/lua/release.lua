-- KEYS: the row. ARGV: fence.
local row = call('GET', KEYS[1])
if not row or not in_flight(row) or fence_of(row) ~= ARGV[1] then
    return 0
end
-- First, because a full server refuses the other unless something was written before.
call('PEXPIRE', KEYS[1], HOUR)
call('SET', KEYS[1], 'r' .. ARGV[1], 'PX', HOUR)
take_aliases(row)
return 1
