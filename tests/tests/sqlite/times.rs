//! Clocks that are set back, restarts, and what is past its time.

use core::time::Duration;

use countersign_core::{Claim, Clock, DedupStore, Fenced, KeyState, Timestamp};
use countersign_sqlite::SqliteStore;
use countersign_testkit::ManualClock;
use countersign_tests::claims::AboutOne;

use crate::help::{
    DAY, LEASE, Place, claim, complete, done, done_as, hold, is_running, key, now, request, state,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn set_back(clock: &ManualClock, by: Duration) {
    let millis = i64::try_from(by.as_millis()).unwrap();
    clock.set_now(Timestamp::from_unix_millis(
        clock.now().unix_millis() - millis,
    ));
}

async fn takes_over(store: &SqliteStore, clock: &ManualClock) {
    // It is said to run for one more lease at most, and ends after that, not when the clock has
    // caught up.
    assert!(is_running(claim(store, key(1), 2).await, key(1)));
    clock.advance(LEASE / 2);
    assert!(is_running(claim(store, key(1), 2).await, key(1)));
    clock.advance(LEASE / 2);
    assert!(hold(store, key(1), 2).await.takeover);
    assert_eq!(state(store, key(2)).await, KeyState::Completed);
}

#[test]
fn a_clock_that_is_set_back_prolongs_a_lease_by_one_lease_at_most() {
    for by in [Duration::from_secs(1), HOUR, DAY] {
        let place = Place::new();
        let clock = ManualClock::new();
        let store = place.open(&clock);
        now(async {
            done(&store, key(2)).await;
            hold(&store, key(1), 1).await;
            set_back(&clock, by);
            let said = state(&store, key(1)).await;
            assert!(matches!(said, KeyState::InFlight { remaining } if remaining <= LEASE));
            takes_over(&store, &clock).await;
        });
    }
}

#[test]
fn and_so_it_does_for_another_process_and_behind_an_alias() {
    for by in [HOUR, DAY] {
        let place = Place::new();
        let clock = ManualClock::new();
        let holder = place.open(&clock);
        let other = place.open(&clock);
        now(async {
            done(&holder, key(2)).await;
            let aliases = [key(3)];
            let first = request(key(1), 1).about_one(&aliases);
            let Claim::Claimed(_) = holder.claim(first).await.unwrap() else {
                panic!("a fresh key is free");
            };
            set_back(&clock, by);
            let twin = request(key(4), 2).about_one(&aliases);
            let said = other.claim(twin.clone()).await.unwrap();
            assert!(is_running(said, key(1)), "{said:?}");
            clock.advance(LEASE);
            let claimed = other.claim(twin).await.unwrap();
            assert!(matches!(claimed, Claim::Claimed(_)), "{claimed:?}");
            assert!(hold(&other, key(1), 2).await.takeover);
            assert_eq!(state(&other, key(2)).await, KeyState::Completed);
        });
    }
}

#[test]
fn the_holder_may_still_settle_after_the_clock_was_set_back() {
    let place = Place::new();
    let clock = ManualClock::new();
    let store = place.open(&clock);
    now(async {
        let held = [
            hold(&store, key(1), 1).await,
            hold(&store, key(2), 1).await,
            hold(&store, key(3), 1).await,
        ];
        set_back(&clock, DAY);
        complete(&store, key(1), held[0]).await;
        let applied = store.release(&key(2), held[1].fence).await.unwrap();
        assert_eq!(applied, Fenced::Applied);
        let extended = store.extend(&key(3), held[2].fence, LEASE).await.unwrap();
        assert_eq!(extended, Fenced::Applied);
        assert_eq!(state(&store, key(1)).await, KeyState::Completed);
        clock.advance(LEASE);
        assert!(hold(&store, key(3), 2).await.fence > held[2].fence);
    });
}

#[test]
fn who_is_alone_takes_over_at_once_what_was_left_in_flight() {
    let place = Place::new();
    let clock = ManualClock::new();
    now(async {
        let store = place.open(&clock);
        done(&store, key(2)).await;
        let left = hold(&store, key(1), 1).await;
        store.close().await;
        // Also when the clock stands elsewhere after the restart.
        for by in [Duration::ZERO, HOUR] {
            set_back(&clock, by);
            let store = place.open(&clock);
            let left_in_flight = KeyState::InFlight {
                remaining: Duration::ZERO,
            };
            assert_eq!(state(&store, key(1)).await, left_in_flight);
            let taken = hold(&store, key(1), 1).await;
            assert!(taken.takeover && taken.fence > left.fence);
            assert!(is_running(claim(&store, key(1), 2).await, key(1)));
            assert_eq!(state(&store, key(2)).await, KeyState::Completed);
            store.close().await;
        }
    });
}

#[test]
fn who_is_not_alone_takes_nothing_over_from_the_living() {
    let place = Place::new();
    let clock = ManualClock::new();
    now(async {
        let first = place.open(&clock);
        let second = place.open(&clock);
        hold(&first, key(1), 1).await;
        let held = hold(&second, key(2), 1).await;
        first.close().await;
        // The second was never alone, and holds on to what it has.
        let third = place.open(&clock);
        assert!(is_running(claim(&third, key(2), 3).await, key(2)));
        // What the first left waits for its lease, because it cannot be told from the second's.
        assert!(is_running(claim(&third, key(1), 3).await, key(1)));
        clock.advance(LEASE);
        assert!(hold(&third, key(1), 3).await.takeover);
        complete(&second, key(2), held).await;
        assert!(matches!(
            claim(&third, key(2), 3).await,
            Claim::Completed { .. }
        ));
        second.close().await;
        third.close().await;
        let fourth = place.open(&clock);
        assert!(hold(&fourth, key(1), 4).await.takeover);
    });
}

#[cfg(unix)]
#[test]
fn another_way_to_the_same_file_is_the_same_file() {
    let place = Place::new();
    let clock = ManualClock::new();
    let other_way = place.database().with_file_name("link.db");
    now(async {
        let first = place.open(&clock);
        std::os::unix::fs::symlink(place.database(), &other_way).unwrap();
        hold(&first, key(1), 1).await;
        let builder = SqliteStore::builder(other_way);
        let second = builder.with_clock(clock.clone()).open().unwrap();
        assert!(is_running(claim(&second, key(1), 2).await, key(1)));
    });
}

#[test]
fn what_is_past_its_time_goes_with_later_claims() {
    let place = Place::new();
    let clock = ManualClock::new();
    let store = place.open(&clock);
    now(async {
        for n in 0..100 {
            done_as(&store, key(n), &[key(1_000 + n)]).await;
            hold(&store, key(2_000 + n), 1).await;
        }
        assert_eq!(place.rows(), [200, 100, 100, 1]);
        assert_eq!(store.purge(1_000).await.unwrap(), 0);
        clock.advance(DAY);
        assert_eq!(store.purge(10).await.unwrap(), 10);
        for n in 5_000..5_100 {
            hold(&store, key(n), 1).await;
        }
        assert_eq!(place.rows()[2], 0);
        assert!(place.rows()[0] <= 200);
        clock.advance(31 * DAY);
        while store.purge(64).await.unwrap() > 0 {}
        assert_eq!(place.rows(), [0; 4]);
    });
}

#[test]
fn fences_grow_when_the_file_was_lost() {
    let place = Place::new();
    let clock = ManualClock::new();
    now(async {
        let store = place.open(&clock);
        let first = hold(&store, key(1), 1).await;
        store.close().await;
        std::fs::remove_file(place.database()).unwrap();
        clock.advance(Duration::from_secs(1));
        let second = hold(&place.open(&clock), key(1), 1).await;
        assert!(second.fence > first.fence);
    });
}
