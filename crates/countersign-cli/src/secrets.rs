//! Secrets: from an environment variable, a file or a prompt.

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{args::SecretArgs, config::Config, console::Console, failure::Failure};

/// The variable that is read when nothing else is said.
const DEFAULT_ENV: &str = "COUNTERSIGN_SECRET";
/// No sender's secret is longer; a PEM file is not.
const MAX_SECRET: u64 = 64 * 1024;

/// A secret's text, and where it came from.
pub(crate) struct SecretText {
    pub(crate) source: Source,
    pub(crate) text: Zeroizing<String>,
}

/// Where a secret came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Env(String),
    File(String),
    Prompt,
}

impl Source {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Env(name) | Self::File(name) => name,
            Self::Prompt => "the secret that you typed",
        }
    }
}

impl SecretArgs {
    /// Every secret that was named; at least one. White space stays: it is what `explain` looks for, and what
    /// others refuse.
    pub(crate) fn read(
        &self,
        config: &Config,
        console: &mut Console<'_>,
    ) -> Result<Vec<SecretText>, Failure> {
        let mut secrets = Vec::new();
        for name in &self.secret_env {
            secrets.push(from_env(name)?);
        }
        for path in &self.secret_file {
            secrets.push(from_file(path, console)?);
        }
        if self.secret_prompt {
            secrets.push(from_prompt()?);
        }
        if secrets.is_empty() && std::env::var_os(DEFAULT_ENV).is_some() {
            secrets.push(from_env(DEFAULT_ENV)?);
        }
        if let (true, Some(name)) = (secrets.is_empty(), &config.secret_env) {
            secrets.push(from_env(name)?);
        }
        if let (true, Some(path)) = (secrets.is_empty(), &config.secret_file) {
            secrets.push(from_file(path, console)?);
        }
        if secrets.is_empty() && io::stdin().is_terminal() && io::stderr().is_terminal() {
            secrets.push(from_prompt()?);
        }
        if secrets.is_empty() {
            return Err(Failure::usage(format!(
                "which secret? set {DEFAULT_ENV}, or give `--secret-env NAME`, `--secret-file FILE` or \
                 `--secret-prompt`"
            )));
        }
        Ok(secrets)
    }
}

pub(crate) fn from_env(name: &str) -> Result<SecretText, Failure> {
    // Somebody who gives the secret itself is not to find it in the message.
    let is_name = !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|at| at.is_ascii_alphanumeric() || at == b'_');
    let value = if is_name {
        std::env::var_os(name)
    } else {
        None
    };
    let Some(value) = value else {
        // A secret can look like a name; names are in upper case as a rule.
        let harmless = is_name && !name.bytes().any(|at| at.is_ascii_lowercase());
        let what = if harmless { name } else { "the variable" };
        return Err(Failure::usage(format!(
            "{what}: not set in the environment; `--secret-env` takes the variable's name, not the secret"
        )));
    };
    let text = value
        .into_string()
        .map_err(|_| Failure::usage(format!("{name}: the secret is not UTF-8 text")))?;
    found(Source::Env(name.to_owned()), Zeroizing::new(text))
}

pub(crate) fn from_file(path: &Path, console: &mut Console<'_>) -> Result<SecretText, Failure> {
    let shown = path.display().to_string();
    let unreadable = |error: io::Error| {
        // A secret that was given in the place of the path is not repeated.
        let is_path = path.exists() || shown.contains('/');
        let what = if is_path {
            &*shown
        } else {
            "the secret's file"
        };
        Failure::no_answer(format!("{what}: {}", error.kind()))
    };
    let facts = fs::metadata(path).map_err(unreadable)?;
    if facts.len() > MAX_SECRET {
        return Err(Failure::usage(format!("{shown}: too long for a secret")));
    }
    let bytes = fs::read(path).map(Zeroizing::new).map_err(unreadable)?;
    if is_open(&facts) {
        console.warn(&format!(
            "{shown}: everybody on this machine can read the secret; `chmod 600` mends that"
        ));
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::usage(format!("{shown}: the secret is not UTF-8 text")))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    found(Source::File(shown), Zeroizing::new(line.to_owned()))
}

fn from_prompt() -> Result<SecretText, Failure> {
    let text = rpassword::prompt_password("secret: ")
        .map(Zeroizing::new)
        .map_err(|error| {
            Failure::no_answer(format!("the secret cannot be asked for: {}", error.kind()))
        })?;
    found(Source::Prompt, text)
}

fn found(source: Source, text: Zeroizing<String>) -> Result<SecretText, Failure> {
    if text.trim().is_empty() {
        let name = source.name();
        return Err(Failure::usage(format!("{name}: the secret is empty")));
    }
    Ok(SecretText { source, text })
}

#[cfg(unix)]
pub(crate) fn is_open(facts: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    facts.is_file() && facts.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
pub(crate) const fn is_open(_facts: &fs::Metadata) -> bool {
    false
}
