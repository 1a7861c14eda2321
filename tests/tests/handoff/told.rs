//! What an operator reads of a hand-off that failed.

use countersign_tests::log::{capture, log};
use tracing::Level;

use crate::{
    engine::{Engine, Redis},
    faults::pass,
    site::{Site, paid},
};

#[tokio::test]
async fn what_was_not_handed_over_is_warned_of_with_its_cause() {
    let Some(mut redis) = Redis::start().await else {
        return;
    };
    let site = Site::new(redis.publisher(redis.addr()).await);
    // It attaches the receiver to the runtime.
    assert_eq!(site.send(&paid("1")).await, 200);
    redis.kill();
    capture();
    let error = pass(&site, &paid("2")).await.unwrap_err();
    assert_eq!(error.to_string(), "a delivery was not handed over");
    let entries = log();
    let told = entries.iter().find(|entry| entry.name == error.to_string());
    let told = told.unwrap();
    assert_eq!(told.level, Level::WARN);
    let field = |name: &str| {
        let found = told.fields.iter().find(|(field, _)| field == name);
        found
            .map(|(_, value)| value.trim_matches('"').to_owned())
            .unwrap()
    };
    assert_eq!(
        (field("engine"), field("endpoint")),
        ("redis-streams".into(), "rebill".into())
    );
    // The queue's own words, and none of the delivery's.
    assert!(field("cause").contains(": "), "{told:?}");
    assert!(!format!("{told:?}").contains("inv_2"), "{told:?}");
}
