//! The examples that hand over, with their workers, over real servers.

use std::{error::Error, fs, path::Path, time::Duration};

use countersign::handoff::{
    async_nats,
    redis::{self, Client},
};
use countersign_examples::process::{Example, paid};
use countersign_tests::{nats_server::NatsServer, redis_server::RedisServer};

type Tested = Result<(), Box<dyn Error>>;

const REBILL: &str = "/webhooks/rebill";
const INVOICES: &str = "/webhooks/invoice-maker";

/// How many lines of an effects file begin so.
fn effects(file: &Path, begin: &str) -> usize {
    let lines = fs::read_to_string(file).unwrap_or_default();
    lines.lines().filter(|line| line.starts_with(begin)).count()
}

/// Looks again until something holds.
async fn until(mut holds: impl AsyncFnMut() -> bool) -> Tested {
    for _ in 0..1_000 {
        if holds().await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err("it never came to hold".into())
}

/// What is the same over both: done once, after two failures and a crash; buried after five.
async fn works_once_and_buries(
    name: &str,
    env: (&str, &str),
    junk: impl AsyncFn(),
    dead: impl AsyncFn() -> usize,
) -> Tested {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("effects");
    let effects_file = file.to_str().ok_or("not UTF-8")?;
    let flags = [
        "--fail-first",
        "1",
        "--panic-first",
        "1",
        "--effects",
        effects_file,
    ];
    let example = Example::start(name, &flags, &[env])?;
    assert_eq!(
        example.send(&paid("dlv_1", REBILL).tampered()).await?.0,
        401
    );
    assert_eq!(example.send(&paid("dlv_1", REBILL)).await?.0, 200);
    assert_eq!(
        example.send(&paid("dlv_1", REBILL)).await?,
        (200, "duplicate".into())
    );
    assert_eq!(example.send(&paid("evt_1", INVOICES)).await?.0, 200);
    for done in ["done dlv_1 ", "done evt_1 "] {
        until(async || effects(&file, done) == 1).await?;
    }
    // What is no message is buried at once.
    junk().await;
    until(async || dead().await == 1).await?;
    assert!(example.stop()?, "{name} did not end well");

    // A process that remembers nothing hands the same delivery over, and no worker sees it.
    let never = ["--fail-first", "1000", "--effects", effects_file];
    let example = Example::start(name, &never, &[env])?;
    assert_eq!(
        example.send(&paid("dlv_1", REBILL)).await?,
        (200, "fresh".into())
    );
    assert_eq!(example.send(&paid("dlv_2", REBILL)).await?.0, 200);
    until(async || dead().await == 2).await?;
    assert_eq!(effects(&file, "start dlv_2 "), 5);
    assert_eq!(
        (effects(&file, "done dlv_1 "), effects(&file, "done dlv_2 ")),
        (1, 0)
    );

    example.kill()?;
    // What a worker has at hand when it is stopped is done, by it or by the next.
    let slow = ["--handler-ms", "200", "--effects", effects_file];
    let example = Example::start(name, &slow, &[env])?;
    assert_eq!(example.send(&paid("dlv_3", REBILL)).await?.0, 200);
    assert!(example.stop()?, "{name} did not end well");
    let example = Example::start(name, &slow, &[env])?;
    // Its work takes long enough for the process to be up in all its parts.
    assert_eq!(example.send(&paid("dlv_4", REBILL)).await?.0, 200);
    for done in ["done dlv_3 ", "done dlv_4 "] {
        until(async || effects(&file, done) == 1).await?;
    }
    assert!(example.stop()?, "{name} did not end well");
    Ok(())
}

#[tokio::test]
async fn axum_hands_over_to_jetstream_and_a_worker_does_it() -> Tested {
    let Some(server) = NatsServer::start()? else {
        return Ok(());
    };
    let url = server.url();
    let nats = async_nats::jetstream::new(async_nats::connect(&url).await?);
    let junk = async || {
        let published = nats.publish("webhooks.all", "{}".into()).await;
        published.unwrap().await.unwrap();
    };
    let dead = async || match nats.get_stream("DEAD_WEBHOOKS").await {
        Ok(stream) => usize::try_from(stream.cached_info().state.messages).unwrap(),
        Err(_) => 0,
    };
    works_once_and_buries("axum_jetstream", ("NATS_URL", &url), junk, dead).await
}

#[tokio::test]
async fn actix_hands_over_to_a_stream_of_redis_and_a_worker_does_it() -> Tested {
    let Some(server) = RedisServer::start(&["--appendonly", "yes"])? else {
        return Ok(());
    };
    let url = server.url();
    let client = Client::open(url.as_str())?;
    let connection = client.get_multiplexed_async_connection().await?;
    let ask = async |words: &[&str]| -> i64 {
        let mut command = redis::Cmd::new();
        command.arg(words);
        let answer: redis::Value = command.query_async(&mut connection.clone()).await.unwrap();
        redis::from_redis_value(answer).unwrap_or_default()
    };
    let junk = async || {
        ask(&["XADD", "webhooks", "*", "cloudevent", "{}"]).await;
    };
    let dead = async || usize::try_from(ask(&["XLEN", "webhooks-dead"]).await).unwrap();
    works_once_and_buries("actix_redis_streams", ("REDIS_URL", &url), junk, dead).await?;
    // What is done is taken out.
    assert_eq!(ask(&["XLEN", "webhooks"]).await, 0);
    Ok(())
}
