//! Files that hold requests.

use countersign_cli::fuzzing;

/// The first byte picks a reader, and nothing makes one panic.
pub fn readers(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else {
        return;
    };
    match which % 4 {
        0 => fuzzing::raw(rest),
        1 => fuzzing::har(rest),
        2 => fuzzing::curl(rest),
        _ => fuzzing::gateway(rest),
    }
}
