//! What a server must be, and what happens where it is not.

use countersign_core::{
    Claim, ClaimRequest, DedupStore, DeliveryKey, Fenced, Owner, StoreErrorKind,
};
use countersign_redis::{CheckError, Persistence, RedisStore, redis::Client};
use countersign_tests::claims::AboutOne;

use super::help::{LEASE, WEEK, granted, key, request, run, server, shift, store};

#[tokio::test]
async fn persistence_is_told() {
    for (options, expected) in [
        (&["--appendonly", "no"][..], Persistence::Nothing),
        (&["--appendonly", "yes"], Persistence::AppendOnly),
        (&["--save", "3600 1"], Persistence::Snapshots),
    ] {
        let Some(server) = countersign_tests::redis_server::RedisServer::start(options).unwrap()
        else {
            return;
        };
        assert_eq!(
            store(&server).check().await.unwrap(),
            expected,
            "{options:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_evicts_is_refused() {
    let server = server!("--maxmemory", "100mb");
    let client = server.client().unwrap();
    let store = store(&server);
    store.check().await.unwrap();
    for policy in [
        "allkeys-lru",
        "allkeys-lfu",
        "volatile-ttl",
        "volatile-random",
    ] {
        run(&client, &["CONFIG", "SET", "maxmemory-policy", policy]).await;
        for store in [store.clone(), store.clone().assume_noeviction()] {
            match store.check().await {
                Err(CheckError::Evicts { policy: told }) => assert_eq!(told, policy),
                other => panic!("{policy}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_say_has_to_be_vouched_for() {
    let server = server!();
    let admin = server.client().unwrap();
    let user = |name: &str| {
        let url = format!("redis://{name}:word@{}/", server.addr());
        RedisStore::from_client(Client::open(url).unwrap()).unwrap()
    };
    let rule = [
        "ACL", "SETUSER", "blind", "on", ">word", "~*", "+@all", "-info", "-config",
    ];
    run(&admin, &rule).await;
    let refused = user("blind").check().await.unwrap_err();
    assert!(matches!(refused, CheckError::NotPermitted), "{refused:?}");
    assert!(refused.to_string().contains("assume_noeviction"));
    let seen = user("blind").assume_noeviction().check().await.unwrap();
    assert_eq!(seen, Persistence::Unknown);

    let rule = [
        "ACL", "SETUSER", "half", "on", ">word", "~*", "+@all", "-config",
    ];
    run(&admin, &rule).await;
    assert_eq!(user("half").check().await.unwrap(), Persistence::Unknown);

    // What the store needs, and nothing else.
    let rule = [
        "ACL",
        "SETUSER",
        "least",
        "on",
        ">word",
        "~{countersign}:*",
        "-@all",
        "+evalsha",
        "+eval",
        "+get",
        "+set",
        "+pexpire",
        "+del",
        "+time",
        "+info",
    ];
    run(&admin, &rule).await;
    let store = user("least");
    store.check().await.unwrap();
    let asked = request(key(1), 1).with_aliases(&[]);
    let held = granted(store.claim(asked).await.unwrap());
    assert_eq!(
        store.release(&key(1), held.fence).await.unwrap(),
        Fenced::Applied
    );

    let rule = [
        "ACL",
        "SETUSER",
        "mute",
        "on",
        ">word",
        "~*",
        "+@all",
        "-@scripting",
    ];
    run(&admin, &rule).await;
    let refused = user("mute").check().await.unwrap_err();
    assert!(
        matches!(&refused, CheckError::Store(error) if error.kind() == StoreErrorKind::Backend),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_full_server_refuses_new_claims_and_forgets_nothing() {
    let server = server!("--maxmemory", "3mb");
    let (client, store) = (server.client().unwrap(), store(&server));
    let claim = async |n: u64, aliases: &[DeliveryKey]| {
        let request = ClaimRequest::new(key(n), Owner::from_u128(n.into()), LEASE);
        store.claim(request.about_one(aliases)).await
    };
    let plain = key(2_000_000);
    granted(store.claim(request(plain, 1)).await.unwrap());
    let aliases = [key(1_000_001)];
    let done = granted(claim(1, &aliases).await.unwrap());
    let _ = store.complete(&key(1), done.fence, WEEK).await.unwrap();
    let mut held = Vec::new();
    let refused = loop {
        let n = 2 + u64::try_from(held.len()).unwrap();
        match claim(n, &[key(1_000_000 + n)]).await {
            Ok(claim) => held.push((n, granted(claim))),
            Err(error) => break (n, error),
        }
    };
    assert_eq!(refused.1.kind(), StoreErrorKind::Full);
    assert!(held.len() > 100, "there was room: {}", held.len());

    for n in [refused.0, refused.0 + 1] {
        let refused = claim(n, &[key(1_000_000 + n)]).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Full);
        let state = store.state(&key(n)).await.unwrap();
        assert_eq!(
            state,
            countersign_core::KeyState::Absent,
            "nothing of it was written"
        );
    }
    // What is known is still known.
    let known = claim(1, &[]).await.unwrap();
    assert_eq!(known, Claim::Completed { fingerprint: 0 });
    assert_eq!(claim(refused.0, &aliases).await.unwrap(), Claim::Suppressed);
    // Far over its limit, so that nothing that is given back makes room.
    run(&client, &["CONFIG", "SET", "maxmemory", "1mb"]).await;
    // Holders can settle, and a lapsed claim can be taken over.
    for (n, claimed) in &held[..30] {
        let extended = store.extend(&key(*n), claimed.fence, LEASE).await.unwrap();
        assert_eq!(extended, Fenced::Applied);
    }
    for (n, claimed) in &held[..10] {
        let settled = store.complete(&key(*n), claimed.fence, WEEK).await.unwrap();
        assert_eq!(settled, Fenced::Applied);
        let again = claim(*n, &[]).await.unwrap();
        assert_eq!(again, Claim::Completed { fingerprint: 0 });
    }
    shift(&client, store.prefix(), LEASE).await;
    let taken = granted(store.claim(request(plain, 2)).await.unwrap());
    assert!(taken.takeover, "nothing but the row itself is written");
    for (n, claimed) in &held[10..20] {
        let request = request(key(*n), 0);
        let taken = granted(store.claim(request).await.unwrap());
        assert!(taken.takeover && taken.fence > claimed.fence);
    }
    for (n, claimed) in &held[20..] {
        let settled = store.release(&key(*n), claimed.fence).await.unwrap();
        assert_eq!(settled, Fenced::Applied);
    }
    assert!(store.forget(&key(1)).await.unwrap());
    let state = store.state(&key(1)).await.unwrap();
    assert_eq!(state, countersign_core::KeyState::Absent);
    run(&client, &["CONFIG", "SET", "maxmemory", "100mb"]).await;
    granted(claim(refused.0, &[]).await.unwrap());
}
