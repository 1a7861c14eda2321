//! What the tests across crates share: servers, a raw HTTP client, a store that writes down what it is asked, private
//! database servers, and the schemes and vectors of more senders than have presets.

pub mod catalog;
pub mod claims;
pub mod code;
pub mod engines;
pub mod handler;
pub mod handshakes;
pub mod keys;
pub mod kit;
pub mod log;
pub mod model;
pub mod nats_server;
pub mod notices;
pub mod one_process;
pub mod postgres_server;
pub mod proxy;
pub mod raw;
pub mod redis_server;
pub mod reference;
pub mod request;
pub mod schemes;
pub mod servers;
pub mod spy_store;
pub mod table;
pub mod vectors;
pub mod year;
