//! Programs that tests start: servers of the distribution.

use std::{env, fs, path::PathBuf};

/// Where a program is: on the `PATH`, or where distributions put servers.
///
/// Without it the test says so and what to install, and returns early, unless
/// `COUNTERSIGN_REQUIRE_SERVERS=1`.
///
/// # Panics
///
/// When it is missing and required.
#[must_use]
pub fn binary(name: &str, package: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    folders.push(PathBuf::from("/usr/sbin"));
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let found = folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        let what = format!("{name} is not installed (Debian: apt-get install {package})");
        let required = env::var_os("COUNTERSIGN_REQUIRE_SERVERS");
        assert!(required.is_none_or(|value| value != "1"), "{what}");
        eprintln!("not tested: {what}");
    }
    found
}
