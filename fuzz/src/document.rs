//! Documents that describe schemes.

use countersign_senders::document::{from_toml, to_toml};

/// No text makes the reader panic, and a scheme that is read is written and read as the same one.
pub fn document(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    if let Ok(scheme) = from_toml(text) {
        let written = to_toml(&scheme);
        let again = from_toml(&written);
        assert_eq!(again.ok().map(|scheme| to_toml(&scheme)), Some(written));
    }
}
