//! The repository's own code, for tests that read what it names.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "what is read is in the repository"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The repository's folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .into()
}

/// The folder of the crates.
#[must_use]
pub fn crates() -> PathBuf {
    root().join("crates")
}

/// Every file below a folder that is the repository's, by its path from there.
#[must_use]
pub fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if !path.is_dir() {
                let path = path.strip_prefix(folder).unwrap();
                found.push(path.to_str().unwrap().to_owned());
            } else if name != "target" && !name.starts_with('.') {
                folders.push(path);
            }
        }
    }
    found
}

/// The code of every Rust file under a directory: without comments, strings' content kept.
#[must_use]
pub fn sources(dir: &Path) -> Vec<(PathBuf, String)> {
    let files = files(dir).into_iter().filter(|file| file.ends_with(".rs"));
    let code = files.map(|file| {
        let path = dir.join(file);
        let text = fs::read_to_string(&path).unwrap();
        // Unit tests at a file's end may name statuses.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        (path, lines.collect::<Vec<_>>().join("\n"))
    });
    code.collect()
}

/// The words of code.
pub fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|at: char| !at.is_alphanumeric() && at != '_')
}

/// The names of all functions in the repository's Rust code, and so of all tests.
#[must_use]
pub fn functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files(&root()).iter().filter(|file| file.ends_with(".rs")) {
        for line in fs::read_to_string(root().join(file)).unwrap().lines() {
            let of = line.split_once("fn ").map(|(_, rest)| rest);
            let name = of.and_then(|rest| rest.split(['(', '<']).next());
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

/// The text of the file that has a function of this name.
#[must_use]
pub fn file_of(function: &str) -> Option<String> {
    let named = format!("fn {function}(");
    let files = files(&root())
        .into_iter()
        .filter(|file| file.ends_with(".rs"));
    files
        .map(|file| fs::read_to_string(root().join(file)).unwrap())
        .find(|text| text.contains(&named))
}
