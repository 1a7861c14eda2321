//! What `countersign listen` keeps, and what it is told.

use countersign_cli::fuzzing;

/// The first byte picks what is read. Nothing panics, what was read is written as it was, and no secret is left.
pub fn captures(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else {
        return;
    };
    match which % 3 {
        0 => fuzzing::capture_headers(rest),
        1 => fuzzing::arguments(&String::from_utf8_lossy(rest)),
        _ => fuzzing::mask(rest),
    }
}
