//! Programs that tests start: servers of the distribution.

use std::{env, path::PathBuf};

/// Where a program is: on the `PATH`, or where distributions put servers.
///
/// Without it the test says so and what to install, and returns early, unless
/// `COUNTERSIGN_REQUIRE_SERVERS=1`.
///
/// # Panics
///
/// When it is missing and required.
#[must_use]
#[allow(clippy::print_stderr, clippy::panic, reason = "tests")]
pub fn binary(name: &str, package: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        let what = format!("{name} is not installed (Debian: apt-get install {package})");
        if env::var_os("COUNTERSIGN_REQUIRE_SERVERS").is_some_and(|value| value == "1") {
            panic!("{what}");
        }
        eprintln!("not tested: {what}");
    }
    found
}
