//! Defaults from a file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::failure::Failure;

/// What the file may say. Flags come first, then the environment, then this.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) scheme: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) tolerance: Option<u64>,
    pub(crate) secret_env: Option<String>,
    pub(crate) secret_file: Option<PathBuf>,
}

impl Config {
    /// Reads the file that was named, else the user's own where there is one.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = named.map(Path::to_owned).or_else(users_own) else {
            return Ok(Self::default());
        };
        let shown = path.display();
        let text = fs::read_to_string(&path)
            .map_err(|error| Failure::no_answer(format!("{shown}: {error}")))?;
        // The message is for a person and names the line; it repeats the line too, and no secret belongs there.
        toml::from_str(&text)
            .map_err(|error| Failure::usage(format!("{shown}: {}", error.message())))
    }
}

fn users_own() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    let path = base.join("countersign/config.toml");
    path.is_file().then_some(path)
}
