//! What fuzz targets call.

use crate::input;

/// A request as HTTP/1.1 writes it.
pub fn raw(bytes: &[u8]) {
    let _ = input::raw::parse(bytes);
}

/// An HTTP archive.
pub fn har(bytes: &[u8]) {
    let _ = input::har::parse(bytes, None, |_| true);
}

/// A curl command. Files that it names are not read.
pub fn curl(bytes: &[u8]) {
    let _ = input::curl::parse(bytes);
}

/// An event of a gateway.
pub fn gateway(bytes: &[u8]) {
    let _ = input::gateway::parse(bytes);
}
