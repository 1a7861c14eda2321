-- KEYS: the row, then the aliases, then the subject if there is one.
-- ARGV: owner, lease in ms, mark, "1" to suppress a repeat, fence, how long to keep the subject in ms
-- or nothing.
local owner, mark, fence, keep_subject = ARGV[1], ARGV[3], ARGV[5], ARGV[6]
local row = call('GET', KEYS[1])

if row then
    local left = left_of(KEYS[1])
    if left > 0 and completed(row) then
        return { 'c', mark_of(row) }
    elseif left > 0 and in_flight(row) and owner_of(row) == owner then
        return { 'h', fence_of(row), attempt_of(row), recurrence_of(row) }
    elseif left > 0 and in_flight(row) then
        return { 'i', key, left, mark_of(row) }
    end
end
local lapsed = row and in_flight(row)

local names, subject, last, run = #KEYS, nil, nil, nil
if keep_subject ~= '' then
    subject, names = KEYS[#KEYS], #KEYS - 1
    last = call('GET', subject)
    if last and mark_of_last(last) == mark then
        run = run_of_last(last)
    end
end

-- The rule of who gets a key (docs/decisions.md: D6, D8), and what to keep of each alias: the entries of rows that are there.
local own = lapsed and key .. birth_of(row)
local recurrence, kept, done, busy = '0', {}, false, nil
for n = 2, names do
    local entries, ends = {}, {}
    each_entry(call('GET', KEYS[n]) or '', function(entry)
        local target, name = target_of(pointer_of(entry))
        local left = target and left_of(name) or 0
        if not target or pointer_of(entry) == own or left <= 0 and not in_flight(target) then
            return
        end
        entries[#entries + 1] = entry
        if left <= 0 then
            return
        end
        if completed(target) then
            ends[#ends + 1] = { left, entry }
        end
        if not subject or run == run_of(entry) then
            recurrence = '1'
            done = done or completed(target)
            busy = busy or { 'i', key_of(entry), left, mark_of(target) }
        elseif recurrence == '0' then
            recurrence = '2'
        end
    end)
    local surplus = {}
    if #ends > ROWS_OF_AN_ALIAS then
        table.sort(ends, function(one, other) return one[1] < other[1] end)
        for at = 1, #ends - ROWS_OF_AN_ALIAS do
            surplus[ends[at][2]] = true
        end
    end
    kept[n] = ''
    for _, entry in ipairs(entries) do
        if not surplus[entry] then
            kept[n] = kept[n] .. entry
        end
    end
end
if busy and subject and ARGV[4] == '1' then
    return done and { 's' } or busy
end

local keep = ARGV[2] + HOUR
local birth, attempt, all = fence, '0000000001', ''
if row and fence_of(row) >= fence then
    fence = string.format('%016.0f', fence_of(row) + 1)
    birth = fence
end
if subject and not run then
    run = fence
    if last and run_of_last(last) >= run then
        run = string.format('%016.0f', run_of_last(last) + 1)
    end
end
local seen = {}
if lapsed then
    -- A full server refuses the first write of a script unless it frees or only dates something, so
    -- with this one a takeover is never refused, and without it a new claim is, as a whole.
    call('PEXPIRE', KEYS[1], keep)
    birth = birth_of(row)
    attempt = string.format('%010.0f', attempt_of(row) + 1)
    if recurrence == '0' then
        recurrence = recurrence_of(row)
    end
    all = names_of(row)
    each_name(all, function(name) seen[name] = true end)
    each_alias(row, function(name) lengthen(name, keep) end)
end
for n = 2, names do
    local name = sub(KEYS[n], -32)
    if not seen[name] then
        all = all .. name
    end
    local longest = math.max(keep, kept[n] ~= '' and call('PTTL', KEYS[n]) or 0)
    call('SET', KEYS[n], kept[n] .. key .. birth .. (run or NO_RUN), 'PX', longest)
end
if subject then
    local longest = math.max(keep_subject + 0, 1, last and call('PTTL', subject) or 0)
    call('SET', subject, run .. mark, 'PX', longest)
end
local value = 'i' .. fence .. birth .. attempt .. recurrence .. owner .. mark .. all
call('SET', KEYS[1], value, 'PX', keep)
return { 'h', fence, attempt, recurrence }
