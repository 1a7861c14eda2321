-- KEYS: the mark of a message's id, the stream. ARGV: how long the mark is kept, the message.
if redis.call('EXISTS', KEYS[1]) == 1 then
    return 'known'
end
-- Added before it is marked: a server without memory refuses a script's first write and no later one,
-- and a stream that somebody deleted is not made anew, where no worker would read it.
if not redis.call('XADD', KEYS[2], 'NOMKSTREAM', '*', 'cloudevent', ARGV[2]) then
    return 'gone'
end
redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
return 'new'
