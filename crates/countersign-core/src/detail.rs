//! What exactly was wrong with a request, in the library's words.

use core::{fmt, time::Duration};

/// What exactly was wrong with a request: for the log, to mend it from there.
///
/// Comes from [`Rejection::detail`](crate::Rejection::detail). Its texts are the library's and the
/// scheme's own; of what the sender wrote it tells lengths and counts, and never a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail(pub(crate) Fault);

/// Which of the mistakes it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A header value is empty.
    Empty,
    /// A header value is longer than this.
    TooLong { limit: usize },
    /// A header value holds other bytes than visible ASCII.
    NotVisible,
    /// A header occurs more than once.
    Repeated,
    /// A value has another length than every value of its kind.
    Length { due: usize },
    /// A value holds the byte that parts it from what is signed beside it.
    Separator,
    /// The signature does not begin as the scheme says.
    Prefix { due: &'static str },
    /// The text of a tag has another length.
    TagLength {
        len: usize,
        due: usize,
        digits: &'static str,
    },
    /// The text of a tag cannot be decoded.
    NotDecoded { digits: &'static str },
    /// A signature of no fixed length cannot be decoded.
    NotASignature,
    /// A list holds something that is no `key=value`, or a time twice.
    Pairs { separator: char },
    /// A list that is to begin with a time does not, or holds nothing between two separators.
    List { separator: char },
    /// A list holds something that is no `version,tag`.
    Versions,
    /// A list holds no tag of an accepted name.
    NoTag { due: &'static [&'static str] },
    /// A list holds no time under this name.
    NoTime { key: &'static str },
    /// A time is not plain digits.
    TimeNotDigits,
    /// A time is no date.
    TimeNotDate { zone: bool },
    /// A procedure could not say what was signed.
    Unreadable { why: &'static str },
    /// A body is no JSON object or array, where only that keeps the signed parts apart.
    BodyNotJson,
    /// A time is in another unit.
    TimeUnit { digits: usize, millis_due: bool },
    /// A time lies outside the tolerance.
    Window { by: Duration, allowed: Duration },
    /// Another content type than the scheme's.
    ContentType { due: &'static [&'static str] },
    /// A body, or an item of it, holds no token.
    NoBodyToken,
    /// The token of a body, or of an item, is not a key's.
    BodyToken,
    /// The content encoding is not gzip, once.
    NotOneGzip,
    /// What is wrong with a compressed body.
    Gzip(&'static str),
    /// The length that was declared, or has come, is over this.
    BodyOver { limit: usize },
    /// A parameter of the query is missing, repeated, or not of the handshake's form.
    Parameter { name: &'static str },
    /// The header of a challenge is missing or not of the handshake's form.
    ChallengeHeader { name: &'static str },
    /// The verify token is another.
    VerifyToken,
    /// The signed challenge is missing or not of the handshake's form.
    Challenge,
    /// The origin that asks is missing or not listed.
    Origin,
    /// The application did not take the offer.
    NotExpected,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fault::Empty => f.write_str("the value is empty"),
            Fault::TooLong { limit } => write!(f, "the value is longer than {limit} bytes"),
            Fault::NotVisible => f.write_str("the value holds other bytes than visible ASCII"),
            Fault::Repeated => f.write_str("it occurs more than once"),
            Fault::Length { due } => write!(f, "the value has another length than {due}"),
            Fault::Separator => {
                f.write_str("the value holds the separator that is signed beside it")
            }
            Fault::Prefix { due } => write!(f, "expected \"{due}\" before the tag"),
            Fault::TagLength { len, due, digits } => {
                write!(f, "a tag of {len} characters where {due} {digits} are due")
            }
            Fault::NotDecoded { digits } => write!(f, "the tag is not {digits}"),
            Fault::NotASignature => {
                f.write_str("the text is no signature of the scheme's algorithm and encoding")
            }
            Fault::Pairs { separator } => write!(
                f,
                "expected a list of key=value, parted by \"{separator}\", each key once"
            ),
            Fault::List { separator } => write!(
                f,
                "expected a time and then tags, parted by \"{separator}\""
            ),
            Fault::Versions => f.write_str("expected a list of version,tag, parted by blanks"),
            Fault::NoTag { due } => {
                f.write_str("the list has no tag under ")?;
                list(f, due)
            }
            Fault::NoTime { key } => write!(f, "the list has no time under \"{key}\""),
            Fault::TimeNotDigits => f.write_str("the time is not 1 to 20 plain digits"),
            Fault::TimeNotDate { zone: true } => {
                f.write_str("the time is not like 2026-11-27T10:11:12Z")
            }
            Fault::TimeNotDate { zone: false } => {
                f.write_str("the time is not like 2026-11-27T10:11:12, without a zone")
            }
            Fault::Unreadable { why } => f.write_str(why),
            Fault::BodyNotJson => f.write_str("the body is no JSON object or array"),
            Fault::TimeUnit { digits, millis_due } => {
                let (is, due) = match millis_due {
                    true => ("seconds", "milliseconds"),
                    false => ("milliseconds", "seconds"),
                };
                write!(f, "the time has {digits} digits: {is} where {due} are due")
            }
            Fault::Window { by, allowed } => {
                write!(f, "by {} s (allowed {})", by.as_secs(), allowed.as_secs())
            }
            Fault::ContentType { due } => {
                f.write_str("it is not among ")?;
                list(f, due)
            }
            Fault::NoBodyToken => {
                f.write_str("the body, or an item of it, has no token where the scheme says")
            }
            Fault::BodyToken => {
                f.write_str("the token in the body, or in an item of it, is another")
            }
            Fault::NotOneGzip => f.write_str("expected gzip, once, or identity"),
            Fault::Gzip(fault) => f.write_str(fault),
            Fault::BodyOver { limit } => write!(f, "more than {limit} bytes"),
            Fault::Parameter { name } => write!(
                f,
                "the parameter \"{name}\" is missing, repeated or not of the handshake's form"
            ),
            Fault::ChallengeHeader { name } => write!(
                f,
                "the header \"{name}\" is missing or not of the handshake's form"
            ),
            Fault::VerifyToken => f.write_str("the verify token is another"),
            Fault::Challenge => {
                f.write_str("the signed challenge is missing or not of the handshake's form")
            }
            Fault::Origin => f.write_str("the origin that asks is missing or not listed"),
            Fault::NotExpected => f.write_str("the application did not take the offer"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: &[&str]) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        let parted = if at == 0 { "" } else { ", " };
        write!(f, "{parted}\"{item}\"")?;
    }
    Ok(())
}
