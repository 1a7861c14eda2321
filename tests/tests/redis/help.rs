//! What the tests of the Redis store share.

use std::{net::SocketAddr, time::Duration};

use countersign_core::{Claim, ClaimRequest, Claimed, DeliveryKey, Owner};
use countersign_redis::{
    RedisStore,
    redis::{self, Client},
};
use countersign_tests::redis_server::{self, RedisServer};

pub const LEASE: Duration = Duration::from_secs(30);
pub const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A server, or the end of the test where there is no such program.
macro_rules! server {
    ($($option:expr),*) => {
        match countersign_tests::redis_server::RedisServer::start(&[$($option),*]).unwrap() {
            Some(server) => server,
            None => return,
        }
    };
}
pub(crate) use server;

pub fn store(server: &RedisServer) -> RedisStore {
    store_at(server.addr())
}

pub fn store_at(addr: SocketAddr) -> RedisStore {
    RedisStore::from_client(redis_server::client(addr).unwrap()).unwrap()
}

pub fn key(n: u64) -> DeliveryKey {
    DeliveryKey::for_id("redis", None, &n.to_string())
}

pub fn request(key: DeliveryKey, owner: u128) -> ClaimRequest<'static> {
    ClaimRequest::new(key, Owner::from_u128(owner), LEASE)
}

#[track_caller]
pub fn granted(claim: Claim) -> Claimed {
    match claim {
        Claim::Claimed(claimed) => claimed,
        other => panic!("{other:?}"),
    }
}

/// One command by the side of the store.
pub async fn run(client: &Client, command: &[&str]) -> redis::Value {
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut all = redis::Cmd::new();
    for part in command {
        all.arg(part);
    }
    all.query_async(&mut connection).await.unwrap()
}

/// Lets time pass for all rows of a store, exactly: all they know of it is when they expire.
pub async fn shift(client: &Client, prefix: &str, by: Duration) {
    const SHIFT: &str = "
        for _, name in ipairs(redis.call('KEYS', '*')) do
            local left = redis.call('PTTL', name)
            if string.sub(name, 1, #ARGV[1]) == ARGV[1] and left > 0 then
                redis.call('PEXPIRE', name, left - ARGV[2])
            end
        end";
    let by = by.as_millis().to_string();
    run(client, &["EVAL", SHIFT, "0", prefix, &by]).await;
}
