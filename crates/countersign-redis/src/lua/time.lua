-- KEYS: a name that is not read, so that a cluster asks the node that has the store.
return redis.call('TIME')
