//! Programs of a database server that tests start for themselves.

use std::{env, path::PathBuf};

/// The program on the `PATH`, or where Debian puts Postgres' own. `None` says to leave the test;
/// what is missing, and how to get it, has been printed.
///
/// # Panics
///
/// When it is missing and `COUNTERSIGN_REQUIRE_SERVERS=1` says that it must not be.
#[must_use]
pub fn binary(name: &str, package: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let found = folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        let message = format!("not tried: no `{name}` here; `apt-get install {package}` brings it");
        assert!(
            env::var_os("COUNTERSIGN_REQUIRE_SERVERS").is_none_or(|set| set != "1"),
            "{message}"
        );
        eprintln!("{message}");
    }
    found
}
