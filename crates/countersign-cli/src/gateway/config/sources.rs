//! Where the values come from that do not stand in the file.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use countersign_core::{Scheme, Secret};
use countersign_senders::{document, find};
use zeroize::Zeroizing;

use super::{
    problem::Problems,
    reader::{Entry, Reader},
    values::is_variable,
};
use crate::choose::nearest;

/// No secret is longer, and no scheme.
const MOST: u64 = 256 * 1024;

/// The machine that a file is read on.
pub(crate) trait Sources {
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// A file's content, and whether everybody on the machine can read it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is longer than anything that is named in a configuration.
    fn file(&self, path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, bool)>;
}

/// This process's environment and files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine;

impl Sources for Machine {
    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn file(&self, path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, bool)> {
        let file = fs::File::open(path)?;
        let facts = file.metadata()?;
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(MOST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MOST {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok((bytes, crate::secrets::is_open(&facts)))
    }
}

/// What is read beside the file.
pub(super) struct Beside<'a> {
    pub(super) sources: &'a dyn Sources,
    /// The folder that paths are relative to: the one of the file.
    pub(super) folder: &'a Path,
    pub(super) problems: &'a Problems<'a>,
    pub(super) warnings: &'a std::cell::RefCell<Vec<String>>,
}

/// A secret's text, and the name of where it came from.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) text: Zeroizing<String>,
}

impl Beside<'_> {
    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.folder.join(text)
    }

    /// All secrets that two keys name.
    pub(super) fn secrets(
        &self,
        table: &Reader<'_>,
        env: &'static str,
        file: &'static str,
    ) -> Vec<Found> {
        let mut found = Vec::new();
        for entry in table.texts(env) {
            found.extend(self.in_variable(&entry, env));
        }
        for entry in table.texts(file) {
            found.extend(self.in_file(&entry));
        }
        found
    }

    /// A scheme by its name, or from the document at a path.
    pub(super) fn scheme(&self, entry: &Entry<&str>) -> Option<Scheme> {
        let name = entry.value;
        let wrong = |message: String| {
            self.problems.add(entry.start, &entry.key, message);
            None
        };
        if !(name.contains(['/', '\\']) || name.ends_with(".toml")) {
            // Not with the name: it may be the secret of the next line.
            return find(name).map(|preset| preset.scheme).or_else(|| {
                let names = nearest(name);
                wrong(format!(
                    "no sender has this name; the nearest names are {names}"
                ))
            });
        }
        let read = self.sources.file(&self.path(name));
        let bytes = match read {
            Ok((bytes, _)) => bytes,
            Err(error) => return wrong(format!("the document cannot be read: {}", error.kind())),
        };
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return wrong("the document is not UTF-8 text".to_owned());
        };
        match document::from_toml(text) {
            Ok(scheme) => Some(scheme),
            Err(error) => wrong(format!("the document is no scheme: {error}")),
        }
    }

    fn in_variable(&self, entry: &Entry<&str>, key: &str) -> Option<Found> {
        let wrong = |message: String| {
            self.problems.add(entry.start, &entry.key, message);
            None
        };
        // What is no name may be the secret, and is not to be found in a message.
        if !is_variable(entry.value) {
            return wrong(format!(
                "`{key}` takes the name of an environment variable, in capitals, such as STRIPE_WEBHOOK_SECRET; a secret \
                 itself does not belong into this file"
            ));
        }
        let name = entry.value;
        let Some(value) = self.sources.variable(name) else {
            // A secret in capitals passes for a name, and is in no environment.
            return wrong("the variable that this names is not set in the environment".to_owned());
        };
        let Ok(text) = value.into_string().map(Zeroizing::new) else {
            return wrong(format!("{name} does not hold UTF-8 text"));
        };
        self.checked(entry, name, text)
    }

    fn in_file(&self, entry: &Entry<&str>) -> Option<Found> {
        let wrong = |message: String| {
            self.problems.add(entry.start, &entry.key, message);
            None
        };
        let path = self.path(entry.value);
        let (bytes, open) = match self.sources.file(&path) {
            Ok(read) => read,
            Err(error) => {
                return wrong(format!(
                    "the file cannot be read ({}); this key takes a path, not the secret",
                    error.kind()
                ));
            }
        };
        let name = path.display().to_string();
        if open {
            self.warnings.borrow_mut().push(format!(
                "{name}: everybody on this machine can read the secret; `chmod 600` mends that"
            ));
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return wrong("the file does not hold UTF-8 text".to_owned());
        };
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        self.checked(entry, &name, Zeroizing::new(line.to_owned()))
    }

    fn checked(&self, entry: &Entry<&str>, name: &str, text: Zeroizing<String>) -> Option<Found> {
        if let Err(error) = Secret::new(text.to_string()) {
            self.problems
                .add(entry.start, &entry.key, format!("{name}: {error}"));
            return None;
        }
        Some(Found {
            name: name.to_owned(),
            text,
        })
    }
}
