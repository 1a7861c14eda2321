-- KEYS: the row. ARGV: fence.
local row = call('GET', KEYS[1])
if not row or not in_flight(row) or fence_of(row) ~= ARGV[1] then
    return 0
end
-- First, because a full server refuses the other unless something was written before.
call('PEXPIRE', KEYS[1], HOUR)
call('SET', KEYS[1], 'r' .. ARGV[1], 'PX', HOUR)
each_alias(row, function(name, alias)
    local former = former_of(alias)
    local target, held = nil, nil
    if former ~= '' then
        target, held = target_of(former)
    end
    if target and completed(target) and left_of(held) > 0 then
        call('SET', name, former .. NO_RUN, 'PX', call('PTTL', held))
    else
        call('DEL', name)
    end
end)
return 1
