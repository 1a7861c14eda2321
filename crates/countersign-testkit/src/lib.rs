//! What tests with countersign need: a clock under control, and the suite that every deduplication
//! store must pass.

mod clock;
pub mod store_suite;

pub use self::clock::ManualClock;
