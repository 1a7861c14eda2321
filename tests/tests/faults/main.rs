//! Receivers in real servers over real engines, while the network and the engines fail.
//!
//! `outage.rs` has each rule alone, over a scripted store and by hand; here it is what a sender sees
//! of them. One body serves both engines. Where an engine is not installed its tests say so and pass;
//! `COUNTERSIGN_REQUIRE_SERVERS=1` makes them fail instead.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod breaker;
mod claims;
mod completions;
mod crash;
mod engine;
mod many_copies;
mod site;

/// The tests over one engine.
macro_rules! over {
    ($name:ident, $engine:ty) => {
        mod $name {
            use crate::engine::Engine;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_claim_meets_every_fault() {
                if let Some(engine) = <$engine>::start().await {
                    crate::claims::meet_every_fault(&engine).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_completion_meets_every_fault() {
                if let Some(engine) = <$engine>::start().await {
                    crate::completions::meet_every_fault(&engine).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn an_outage_ends_when_the_fault_does() {
                if let Some(engine) = <$engine>::start().await {
                    crate::breaker::an_outage_ends_when_the_fault_does(&engine).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn nothing_that_was_answered_200_is_lost_in_a_crash() {
                if let Some(engine) = <$engine>::start().await {
                    crate::crash::nothing_that_was_answered_200_is_lost(engine).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn copies_of_a_running_delivery_leave_the_store_alone() {
                if let Some(engine) = <$engine>::start().await {
                    crate::many_copies::copies_of_a_running_delivery_leave_the_store_alone(&engine)
                        .await;
                }
            }
        }
    };
}

over!(redis, crate::engine::Redis);
over!(postgres, crate::engine::Postgres);
