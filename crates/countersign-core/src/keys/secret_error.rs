//! What is wrong with a secret, in words that never hold any of it.

use core::{error::Error, fmt};
use std::io;

/// Why a secret was refused. It names the mistake, never the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretError {
    fault: SecretFault,
    source_name: Option<String>,
}

/// What is wrong with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretFault {
    /// There is no text, or no key bytes.
    Empty,
    /// White space at the beginning or end, often a line break.
    Padded,
    /// A byte order mark at the beginning, which some editors write into files.
    Marked,
    /// The environment variable is not set.
    NotSet,
    /// The text is not UTF-8.
    NotUtf8,
    /// The file cannot be read.
    File(io::ErrorKind),
    /// The sender's secrets begin with this; the text does not.
    WrongPrefix(&'static str),
    /// The key should be hexadecimal.
    NotHex,
    /// The key should be base64.
    NotBase64,
    /// A public key should be PEM, or hexadecimal or base64.
    NotKeyText,
    /// A private key where the sender's public one is due.
    PrivateKey,
    /// The sender's key should be this.
    NotPublicKey(&'static str),
    /// The algorithm is not part of this build: a feature of the crate is off.
    NoSuchAlgorithm,
}

impl SecretError {
    pub(super) const fn new(fault: SecretFault) -> Self {
        Self {
            fault,
            source_name: None,
        }
    }

    pub(super) fn named(mut self, name: &str) -> Self {
        self.source_name = Some(name.to_owned());
        self
    }

    /// What is wrong.
    #[must_use]
    pub const fn fault(&self) -> SecretFault {
        self.fault
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.source_name {
            write!(f, "{name}: ")?;
        }
        match self.fault {
            SecretFault::Empty => f.write_str("the secret is empty: copy it from the sender"),
            SecretFault::Marked => {
                f.write_str("the secret begins with a byte order mark: save it without one")
            }
            SecretFault::Padded => {
                f.write_str("the secret begins or ends with white space: remove it")
            }
            SecretFault::NotSet => f.write_str("the environment variable is not set"),
            SecretFault::NotUtf8 => f.write_str("the secret is not UTF-8 text"),
            SecretFault::File(kind) => write!(f, "the secret's file cannot be read: {kind}"),
            SecretFault::WrongPrefix(prefix) => write!(
                f,
                "the secret does not begin with `{prefix}`: this is another kind of key"
            ),
            SecretFault::NotHex => f.write_str("the secret is not hexadecimal"),
            SecretFault::NotBase64 => f.write_str("the secret is not base64"),
            SecretFault::NotKeyText => f.write_str(
                "the key is neither PEM (`-----BEGIN PUBLIC KEY-----`), nor hexadecimal, nor base64",
            ),
            SecretFault::PrivateKey => {
                f.write_str("this is a private key: give the sender's public key")
            }
            SecretFault::NotPublicKey(due) => write!(f, "the key is not {due}"),
            SecretFault::NoSuchAlgorithm => {
                f.write_str("the scheme's algorithm needs a feature of this crate that is off")
            }
        }
    }
}

impl fmt::Debug for SecretError {
    /// In words: this is what an application prints whose `main` returns it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretError")
            .field(&self.to_string())
            .finish()
    }
}

impl Error for SecretError {}
