//! What the fuzz targets run, and what must hold for any input.
//!
//! Inputs are bytes or lines of text, laid out so that seeds can be read and written by hand. Each
//! function panics when something that must hold does not.

mod captures;
mod compressed;
mod config;
mod document;
mod explain;
mod fields;
mod headers;
mod intake;
mod mutate;
mod readers;
mod reference;
mod request;
mod signature;
mod timestamp;

pub use self::{
    captures::captures, compressed::compressed, config::config, document::document,
    explain::explain, fields::fields, headers::headers, intake::intake, mutate::sign_then_mutate,
    readers::readers, signature::signature, timestamp::timestamp,
};
