//! What the tests across crates share: servers, a raw HTTP client, a store that keeps a diary, private
//! database servers, and the schemes and vectors of more senders than have presets.

pub mod claims;
pub mod diary;
pub mod engines;
pub mod fickle;
pub mod handler;
pub mod handshakes;
pub mod keys;
pub mod kit;
pub mod log;
pub mod model;
pub mod notices;
pub mod postgres_server;
pub mod proxy;
pub mod raw;
pub mod redis_server;
pub mod reference;
pub mod request;
pub mod schemes;
pub mod servers;
pub mod table;
pub mod vectors;
pub mod year;
