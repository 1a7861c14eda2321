//! A sender's year: entities that live, a sender that retries, a receiver and its store that fail now
//! and then, people who rotate keys and send again by hand, and an attacker who has captured a tenth
//! of all requests. On virtual time, and the same for the same seed.
//!
//! What must hold: no honest event goes unhandled, none is completed twice under its id, and the
//! attacker causes no run of a type that happens once unless something else about the entity came in
//! between, and none of known bytes that the handler is not told of.
//!
//! What is not in it, because it is documented as it is: an outage of the store that outlasts a lease
//! after a handler succeeded, replays after the retention, and ids that the attacker uses before the
//! sender does.

use countersign_testkit::ManualClock;

mod books;
mod entity;
mod faulty;
mod senders;
mod story;
mod world;

use self::world::World;
pub use self::{books::Tally, faulty::Off, senders::House, story::Story, world::Ground};

/// Tells a story on a store of its own, with one rule left out or none.
///
/// # Errors
///
/// With the shortest story that shows what is wrong, told line by line.
pub async fn tell<G: Ground>(
    story: &Story,
    off: Option<Off>,
    ground: impl AsyncFn(ManualClock) -> G,
) -> Result<Tally, String> {
    let clock = ManualClock::new();
    let world = World::new(story.house, off, ground(clock.clone()).await, clock, false);
    let (books, _) = world.live(story).await;
    match books.wrong {
        None => Ok(books.tally),
        Some(wrong) => Err(wrong),
    }
}

/// How many things happen in a year.
pub const CHANGES: usize = 60;

/// Lives through years of every sender, each on a store of its own, and prints what was counted.
///
/// # Panics
///
/// When something is wrong, with the shortest story that shows it; and when next to nothing happened.
#[allow(clippy::print_stdout, reason = "a test may say what it counted")]
pub fn live<G: Ground>(years: u64, ground: impl AsyncFn(ManualClock) -> G + Copy) {
    let runtime = runtime();
    for house in House::ALL {
        let mut all = Tally::default();
        for seed in 0..years {
            let story = Story::new(house, seed, CHANGES);
            match runtime.block_on(tell(&story, None, ground)) {
                Ok(tally) => all.add(&tally),
                Err(wrong) => panic!(
                    "{house:?}, seed {seed}: {wrong}\n{}",
                    shorten(story, None, ground)
                ),
            }
        }
        println!("{years} years of {house:?}: {all}");
        // What is not tried does not hold.
        assert!(all.events > years && all.requests > all.events);
    }
}

/// Shortens a story that went wrong, and tells it.
///
/// # Panics
///
/// When it does not go wrong.
#[must_use]
pub fn shorten<G: Ground>(
    story: Story,
    off: Option<Off>,
    ground: impl AsyncFn(ManualClock) -> G,
) -> String {
    let runtime = runtime();
    let told = |story: &Story, log: bool| {
        runtime.block_on(async {
            let clock = ManualClock::new();
            let world = World::new(story.house, off, ground(clock.clone()).await, clock, log);
            world.live(story).await
        })
    };
    let shortest = story.shortest(|shorter| told(shorter, false).0.wrong.is_some());
    let (books, log) = told(&shortest, true);
    let wrong = books.wrong.unwrap_or_else(|| panic!("it goes well"));
    format!("{:?}: {wrong}\n{}", shortest.house, log.join("\n"))
}

/// What the simulation runs on.
///
/// # Panics
///
/// When there is none to be had.
#[must_use]
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
