//! The gateway's file.

use countersign_cli::fuzzing;

/// Any text is read or complained of, and no complaint shows the secret of the environment.
pub fn config(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        fuzzing::config(text);
    }
}
