//! Deliveries handed over to real engines: what is in the stream, how often, and when the sender is told.
//!
//! One body serves both engines. Where an engine is not installed its tests say so and pass;
//! `COUNTERSIGN_REQUIRE_SERVERS=1` makes them fail instead. `COUNTERSIGN_ROUNDS` says how often engines and
//! receivers are killed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod actix;
mod bodies;
mod claim_check;
mod copies;
mod crash;
mod destinations;
mod engine;
mod faults;
mod message;
mod processes;
mod round_trip;
mod site;
mod startup;
mod told;
mod windows;

/// The tests over one engine.
macro_rules! over {
    ($name:ident, $engine:ty) => {
        mod $name {
            use crate::engine::Engine;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_message_has_the_exact_bytes_and_what_was_proved() {
                if let Some(engine) = <$engine>::start().await {
                    crate::message::has_the_exact_bytes_and_what_was_proved(&engine).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_thousand_copies_are_one_message() {
                if let Some(engine) = <$engine>::start().await {
                    crate::copies::a_thousand_are_one_message(&engine).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn every_fault_is_answered_503_in_time_and_doubles_nothing() {
                if let Some(engine) = <$engine>::start().await {
                    crate::faults::are_answered_503_in_time_and_double_nothing(&engine).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_full_engine_refuses_and_loses_nothing() {
                if let Some(engine) = <$engine>::start_small().await {
                    crate::faults::a_full_engine_refuses(&engine).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn what_was_answered_outlives_the_engine() {
                if let Some(engine) = <$engine>::start().await {
                    crate::crash::what_was_answered_outlives_the_engine(engine).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn what_was_answered_outlives_the_receiver() {
                if let Some(engine) = <$engine>::start().await {
                    crate::processes::what_was_answered_outlives_the_receiver(&engine).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_large_body_is_kept_where_the_application_says() {
                if let Some(engine) = <$engine>::start().await {
                    crate::claim_check::a_large_body_is_kept_elsewhere(&engine).await;
                }
            }
        }
    };
}

over!(jetstream, crate::engine::Nats);
over!(redis_streams, crate::engine::Redis);
