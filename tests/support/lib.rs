//! What the tests across crates share: servers, a raw HTTP client, a store that keeps a diary.

pub mod diary;
pub mod handler;
pub mod kit;
pub mod log;
pub mod notices;
pub mod raw;
pub mod servers;
pub mod table;
