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
    if last and sub(last, 17) == mark then
        run = sub(last, 1, 16)
    end
end

local function is_done(pointer)
    local target, name = target_of(pointer)
    return target and completed(target) and left_of(name) > 0
end

local recurrence, open, busy = '0', {}, nil
for n = 2, names do
    local alias, former, stays = call('GET', KEYS[n]), '', false
    if alias and sub(alias, 1, 32) == key then
        if lapsed and sub(alias, 33, 48) == birth_of(row) then
            former = former_of(alias)
        end
    elseif alias then
        local target, name = target_of(pointer_of(alias))
        local left = target and left_of(name) or 0
        if target and (in_flight(target) or left > 0) then
            former = former_of(alias)
            if former ~= '' and not is_done(former) then
                former = ''
            end
        end
        if left > 0 then
            stays = not subject or run == run_of(alias)
            if stays then
                recurrence = '1'
                if subject and ARGV[4] == '1' then
                    if completed(target) then
                        return { 's' }
                    end
                    busy = busy or { 'i', sub(alias, 1, 32), left, mark_of(target) }
                end
            elseif recurrence == '0' then
                recurrence = '2'
            end
            if completed(target) then
                former = pointer_of(alias)
            end
        elseif former ~= '' and (not subject or recurrence == '0') then
            recurrence = subject and '2' or '1'
        end
    end
    if not stays then
        open[#open + 1] = { KEYS[n], former }
    end
end
if busy then
    return busy
end

local keep = ARGV[2] + HOUR
local birth, attempt, all = fence, '0000000001', ''
if row and fence_of(row) >= fence then
    fence = string.format('%016.0f', fence_of(row) + 1)
    birth = fence
end
if subject and not run then
    run = fence
    if last and sub(last, 1, 16) >= run then
        run = string.format('%016.0f', sub(last, 1, 16) + 1)
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
    for at = 1, #all, 32 do
        seen[sub(all, at, at + 31)] = true
    end
    each_alias(row, function(name) call('PEXPIRE', name, keep) end)
end
for _, entry in ipairs(open) do
    local name = sub(entry[1], -32)
    if not seen[name] then
        all = all .. name
    end
    call('SET', entry[1], key .. birth .. (run or NO_RUN) .. entry[2], 'PX', keep)
end
if subject then
    local longest = math.max(keep_subject + 0, last and call('PTTL', subject) or 0)
    call('SET', subject, run .. mark, 'PX', longest)
end
local value = 'i' .. fence .. birth .. attempt .. recurrence .. owner .. mark .. all
call('SET', KEYS[1], value, 'PX', keep)
return { 'h', fence, attempt, recurrence }
