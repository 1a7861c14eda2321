//! Signing secrets: where they come from, and what mistakes are caught when they are read.

use core::fmt;
use std::{env, fs, io, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::secret_error::{SecretError, SecretFault};
use crate::{scheme::KeyFormat, texts::decode_hex};

/// A sender's signing secret.
///
/// It is zeroized when dropped and never printed. [`new`](Self::new), [`from_env`](Self::from_env)
/// and [`from_file`](Self::from_file) take the text as the sender showed it; how that text becomes
/// key bytes is the scheme's business. The other constructors are for keys that are already bytes,
/// or written in a way that the scheme does not say.
///
/// ```
/// use countersign_core::Secret;
///
/// let secret = Secret::new("5f2b6c")?;
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// assert!(Secret::new("").is_err());
/// assert_eq!(
///     Secret::new("5f2b6c\n").unwrap_err().to_string(),
///     "the secret begins or ends with white space: remove it",
/// );
/// # Ok::<(), countersign_core::SecretError>(())
/// ```
#[derive(Clone)]
pub struct Secret {
    material: Material,
    label: Option<String>,
}

#[derive(Clone)]
enum Material {
    Text(Zeroizing<String>),
    Key(Zeroizing<Vec<u8>>),
}

impl Secret {
    /// A secret from the text that the sender shows.
    ///
    /// # Errors
    ///
    /// When the text is empty or padded with white space.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = Zeroizing::new(text.into());
        check(&text)?;
        Ok(Self::from_material(Material::Text(text)))
    }

    /// A secret from an environment variable.
    ///
    /// # Errors
    ///
    /// When the variable is not set, not UTF-8, or its text is refused by [`new`](Self::new).
    pub fn from_env(name: &str) -> Result<Self, SecretError> {
        let text = env::var(name).map_err(|error| {
            SecretError::new(match error {
                env::VarError::NotPresent => SecretFault::NotSet,
                env::VarError::NotUnicode(_) => SecretFault::NotUtf8,
            })
            .named(name)
        })?;
        Self::new(text).map_err(|error| error.named(name))
    }

    /// A secret from a file, less one line break at its end.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or its text is refused by [`new`](Self::new).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, SecretError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|error| {
                let fault = if error.kind() == io::ErrorKind::InvalidData {
                    SecretFault::NotUtf8
                } else {
                    SecretFault::File(error.kind())
                };
                SecretError::new(fault).named(&name)
            })?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        Self::new(line).map_err(|error| error.named(&name))
    }

    /// A key that is already bytes.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn from_bytes(key: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        let key = Zeroizing::new(key.into());
        if key.is_empty() {
            return Err(SecretError::new(SecretFault::Empty));
        }
        Ok(Self::from_material(Material::Key(key)))
    }

    /// A key written in hexadecimal, whatever the scheme says.
    ///
    /// # Errors
    ///
    /// When the text is empty, padded or not hexadecimal.
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        Self::decoded(text, KeyFormat::Hex)
    }

    /// A key written in base64, whatever the scheme says.
    ///
    /// # Errors
    ///
    /// When the text is empty, padded or not base64.
    pub fn from_base64(text: &str) -> Result<Self, SecretError> {
        Self::decoded(text, KeyFormat::Base64)
    }

    /// A key written as `whsec_` and base64, as Standard Webhooks senders show it.
    ///
    /// # Errors
    ///
    /// When the prefix is missing, or what follows is not base64.
    pub fn from_whsec(text: &str) -> Result<Self, SecretError> {
        if !text.starts_with("whsec_") {
            check(text)?;
            return Err(SecretError::new(SecretFault::WrongPrefix("whsec_")));
        }
        Self::decoded(text, KeyFormat::Base64AfterPrefix("whsec_"))
    }

    /// Gives the key a name that logs and [`matched_key`] show instead of its number.
    ///
    /// [`matched_key`]: crate::Verified::matched_key
    #[must_use]
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The key bytes under a scheme's format.
    pub(crate) fn key(&self, format: KeyFormat) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        match &self.material {
            Material::Key(key) => Ok(key.clone()),
            Material::Text(text) => decode(text, format),
        }
    }

    fn decoded(text: &str, format: KeyFormat) -> Result<Self, SecretError> {
        check(text)?;
        Ok(Self::from_material(Material::Key(decode(text, format)?)))
    }

    const fn from_material(material: Material) -> Self {
        Self {
            material,
            label: None,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn check(text: &str) -> Result<(), SecretError> {
    if text.trim().is_empty() {
        return Err(SecretError::new(SecretFault::Empty));
    }
    if text.trim().len() != text.len() {
        return Err(SecretError::new(SecretFault::Padded));
    }
    if text.starts_with('\u{feff}') {
        return Err(SecretError::new(SecretFault::Marked));
    }
    Ok(())
}

fn decode(text: &str, format: KeyFormat) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let bytes = match format {
        KeyFormat::Text => text.as_bytes().to_vec(),
        KeyFormat::TextWithPrefix(prefix) => {
            if !text.starts_with(prefix) {
                return Err(SecretError::new(SecretFault::WrongPrefix(prefix)));
            }
            text.as_bytes().to_vec()
        }
        KeyFormat::Hex => {
            let mut bytes = vec![0; text.len() / 2];
            decode_hex(text.as_bytes(), &mut bytes).ok_or(SecretError::new(SecretFault::NotHex))?;
            bytes
        }
        KeyFormat::Base64 => base64_key(text)?,
        KeyFormat::Base64AfterPrefix(prefix) => match text.strip_prefix(prefix) {
            Some(rest) => base64_key(rest)?,
            // Another kind of key, such as `whpk_`: its underscore is not base64 either.
            None if text.contains('_') => {
                return Err(SecretError::new(SecretFault::WrongPrefix(prefix)));
            }
            None => base64_key(text)?,
        },
        KeyFormat::PublicKey => public_key(text)?,
        KeyFormat::PublicKeyAfterPrefix(prefix) => {
            public_key(text.strip_prefix(prefix).unwrap_or(text))?
        }
    };
    if bytes.is_empty() {
        return Err(SecretError::new(SecretFault::Empty));
    }
    Ok(Zeroizing::new(bytes))
}

fn base64_key(text: &str) -> Result<Vec<u8>, SecretError> {
    STANDARD
        .decode(text)
        .or_else(|_| base64::engine::general_purpose::STANDARD_NO_PAD.decode(text))
        .map_err(|_| SecretError::new(SecretFault::NotBase64))
}

/// The bytes of a public key that is written in PEM, or in hexadecimal or base64. A text with one block of PEM somewhere
/// in it is not one: it may be a page that somebody else had a part in.
fn public_key(text: &str) -> Result<Vec<u8>, SecretError> {
    let wrong = || SecretError::new(SecretFault::NotKeyText);
    // In a variable of the environment, line breaks are often written out.
    let text = &*text.replace("\\n", "\n");
    let text = text.trim_ascii();
    if let Some(block) = text.strip_prefix("-----BEGIN ") {
        let (label, rest) = block.split_once("-----").ok_or_else(wrong)?;
        if label.contains("PRIVATE") {
            return Err(SecretError::new(SecretFault::PrivateKey));
        }
        let (block, end) = rest.split_once("-----END ").ok_or_else(wrong)?;
        if end.strip_suffix("-----") != Some(label) {
            return Err(wrong());
        }
        let lines: String = block.split_ascii_whitespace().collect();
        return base64_key(&lines).map_err(|_| wrong());
    }
    let mut bytes = vec![0; text.len() / 2];
    if decode_hex(text.as_bytes(), &mut bytes).is_some() {
        return Ok(bytes);
    }
    base64_key(text).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(result: Result<impl fmt::Debug, SecretError>) -> SecretFault {
        result.unwrap_err().fault()
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(fault(Secret::new("")), SecretFault::Empty);
        assert_eq!(fault(Secret::new(" \n")), SecretFault::Empty);
        assert_eq!(fault(Secret::new(" a")), SecretFault::Padded);
        assert_eq!(fault(Secret::new("\u{feff}a")), SecretFault::Marked);
        assert_eq!(fault(Secret::from_bytes([])), SecretFault::Empty);
        assert_eq!(fault(Secret::from_hex("abc")), SecretFault::NotHex);
        assert_eq!(fault(Secret::from_hex("0xabcd")), SecretFault::NotHex);
        assert_eq!(fault(Secret::from_base64("a_b=")), SecretFault::NotBase64);
        assert_eq!(
            fault(Secret::from_whsec("whpk_1SiA")),
            SecretFault::WrongPrefix("whsec_")
        );
        assert_eq!(fault(Secret::from_whsec("whsec_")), SecretFault::Empty);
        assert_eq!(
            fault(Secret::from_env("COUNTERSIGN_SURELY_NOT_SET")),
            SecretFault::NotSet
        );
    }

    #[test]
    fn text_that_looks_like_hex_is_text() {
        let secret = Secret::new("00ff").unwrap();
        assert_eq!(secret.key(KeyFormat::Text).unwrap().as_slice(), b"00ff");
        assert_eq!(secret.key(KeyFormat::Hex).unwrap().as_slice(), [0, 255]);
    }

    #[test]
    fn prefixes_are_demanded_or_stripped() {
        let stripe = KeyFormat::TextWithPrefix("whsec_");
        let secret = Secret::new("whsec_abc").unwrap();
        assert_eq!(secret.key(stripe).unwrap().as_slice(), b"whsec_abc");
        assert_eq!(
            fault(Secret::new("sk_live_1").unwrap().key(stripe)),
            SecretFault::WrongPrefix("whsec_")
        );
        let standard = KeyFormat::Base64AfterPrefix("whsec_");
        let with = Secret::new("whsec_MfKQ9r8G")
            .unwrap()
            .key(standard)
            .unwrap();
        assert_eq!(
            with,
            Secret::new("MfKQ9r8G").unwrap().key(standard).unwrap()
        );
        assert_eq!(
            fault(Secret::new("whpk_MfKQ").unwrap().key(standard)),
            SecretFault::WrongPrefix("whsec_")
        );
    }

    #[test]
    fn errors_name_the_source_and_debug_hides_the_text() {
        let error = Secret::from_env("COUNTERSIGN_SURELY_NOT_SET").unwrap_err();
        assert_eq!(
            error.to_string(),
            "COUNTERSIGN_SURELY_NOT_SET: the environment variable is not set"
        );
        let secret = Secret::new("hunter2").unwrap().labelled("2026-11");
        assert!(!format!("{secret:?}").contains("hunter2"));
    }

    #[test]
    fn a_file_loses_one_line_break_only() {
        let path = env::temp_dir().join(format!("countersign-secret-{}", std::process::id()));
        fs::write(&path, "abc\r\n").unwrap();
        let secret = Secret::from_file(&path).unwrap();
        assert_eq!(secret.key(KeyFormat::Text).unwrap().as_slice(), b"abc");
        fs::write(&path, "abc\n\n").unwrap();
        assert_eq!(fault(Secret::from_file(&path)), SecretFault::Padded);
        fs::remove_file(&path).unwrap();
        assert!(matches!(
            fault(Secret::from_file(&path)),
            SecretFault::File(_)
        ));
    }
}
