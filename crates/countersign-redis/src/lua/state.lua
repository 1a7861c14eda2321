-- KEYS: the row.
local row = call('GET', KEYS[1])
if not row or not (in_flight(row) or completed(row)) then
    return false
end
local left = left_of(KEYS[1])
if in_flight(row) then
    return math.max(left, 0)
end
return left > 0 and -1
