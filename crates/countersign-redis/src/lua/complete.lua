-- KEYS: the row. ARGV: fence, retention in ms and an hour.
local row = call('GET', KEYS[1])
if not row or fence_of(row) ~= ARGV[1] then
    return 0
end
if in_flight(row) then
    row = as_completed(row)
    local set = redis.pcall('SET', KEYS[1], row, 'PX', ARGV[2])
    if set.err then
        -- A full server refuses it, though the row gets smaller, unless something was written before.
        call('PEXPIRE', KEYS[1], ARGV[2])
        call('SET', KEYS[1], row, 'PX', ARGV[2])
    end
elseif completed(row) and left_of(KEYS[1]) > 0 then
    call('PEXPIRE', KEYS[1], ARGV[2])
else
    return 0
end
each_alias(row, function(name) lengthen(name, ARGV[2]) end)
return 1
