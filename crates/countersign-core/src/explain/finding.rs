//! What can be wrong, and what to do about it.

use core::fmt;

/// Something that is wrong with a request, or with how it is received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    cause: Cause,
    more: String,
    reproduced: bool,
}

impl Finding {
    /// What a verifier accepted once it was undone.
    pub(super) fn proved(cause: Cause, more: impl Into<String>) -> Self {
        Self {
            cause,
            more: more.into(),
            reproduced: true,
        }
    }

    /// What is wrong by itself, whatever else is.
    pub(super) fn seen(cause: Cause, more: impl Into<String>) -> Self {
        Self {
            cause,
            more: more.into(),
            reproduced: false,
        }
    }

    /// What it is.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// Whether a verifier accepted the signature once this was undone, together with the other findings that
    /// are reproduced.
    #[must_use]
    pub const fn is_reproduced(&self) -> bool {
        self.reproduced
    }

    /// What to change.
    #[must_use]
    pub const fn change(&self) -> &'static str {
        self.cause.change()
    }

    /// Where to change it.
    #[must_use]
    pub const fn spot(&self) -> Spot {
        self.cause.spot()
    }
}

/// What is wrong, in one line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cause.what())?;
        if !self.more.is_empty() {
            write!(f, ": {}", self.more)?;
        }
        Ok(())
    }
}

/// Where something is to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Spot {
    /// In the receiver's code, before the signature is checked.
    Receiver,
    /// In the receiver's configuration: secret, scheme, address.
    Settings,
    /// Between the sender and the receiver: a proxy, a gateway, a tunnel.
    Between,
    /// At the sender.
    Sender,
}

impl Spot {
    /// A word for tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receiver => "receiver",
            Self::Settings => "settings",
            Self::Between => "between",
            Self::Sender => "sender",
        }
    }
}

macro_rules! causes {
    ($($(#[$doc:meta])+ $variant:ident = $code:literal, $spot:ident, $what:literal, $change:literal;)+) => {
        /// The usual mistakes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Cause {
            $($(#[$doc])+ $variant,)+
        }

        impl Cause {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// A short name that stays the same.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What is wrong.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)+ }
            }

            /// What to change.
            #[must_use]
            pub const fn change(self) -> &'static str {
                match self { $(Self::$variant => $change,)+ }
            }

            /// Where to change it.
            #[must_use]
            pub const fn spot(self) -> Spot {
                match self { $(Self::$variant => Spot::$spot,)+ }
            }
        }
    };
}

causes! {
    /// The body was parsed and written again.
    BodyReserialised = "body-reserialised", Receiver, "the body was parsed and written again",
        "check the bytes as they arrived, before anything parses them";
    /// A line break was added at the end of the body.
    BodyLineBreakAdded = "body-line-break-added", Receiver, "the body has a line break at its end that was not signed",
        "take the body as bytes; editors and `echo` add a line break when a body is saved";
    /// The line break at the end of the body was lost.
    BodyLineBreakLost = "body-line-break-lost", Receiver, "the body lacks a line break at its end that was signed",
        "do not trim the body before its signature is checked";
    /// Line ends were changed between LF and CR LF.
    BodyLineEnds = "body-line-ends", Receiver, "the line ends of the body were changed",
        "take the body as bytes, not as text whose line ends are translated";
    /// White space around the body was added or lost.
    BodyWhiteSpace = "body-white-space", Receiver, "the body has white space around it that was not signed",
        "take the body as it arrived, and no more than it";
    /// A byte order mark was added.
    BodyMarkAdded = "body-mark-added", Receiver, "the body has a byte order mark that was not signed",
        "save and read the body as UTF-8 without a byte order mark";
    /// A byte order mark was lost.
    BodyMarkLost = "body-mark-lost", Receiver, "the body lacks the byte order mark that was signed",
        "do not decode the body to text before its signature is checked";
    /// The body is compressed; what was signed is not.
    BodyCompressed = "body-compressed", Between, "the body is compressed with gzip, and was signed before that",
        "decompress it before the signature is checked, or let no proxy compress requests";
    /// The body was converted to another character set.
    BodyCharset = "body-charset", Receiver, "the characters of the body were converted to another character set",
        "take the body as bytes; nothing may decode it as Latin-1 and write it as UTF-8, or the reverse";
    /// Characters beyond ASCII were cut when the sender signed.
    BodyCutToAscii = "body-cut-to-ascii", Sender, "the signature was made over a body whose characters beyond ASCII were cut or replaced",
        "sign the UTF-8 bytes that are sent";
    /// One field of a form was signed, or the field was checked in place of the form.
    BodyFormField = "body-form-field", Receiver, "the form and its field were taken for each other",
        "check the signature over the bytes as they arrived: the whole form, percent signs and all, where the sender signs it";
    /// The body is in base64; what was signed is not.
    BodyBase64 = "body-base64", Receiver, "the body is in base64, and what it decodes to was signed",
        "decode it first where the gateway says so (`isBase64Encoded`)";
    /// The body is a JSON string that holds the body.
    BodyQuoted = "body-quoted", Receiver, "the body was written as a JSON string, quotes and backslashes included",
        "check the text inside of the string, or better the bytes as they arrived";
    /// The body is empty, so nothing can be tried.
    BodyEmpty = "body-empty", Receiver, "the body is empty",
        "if the sender sent one, something read it before the signature was checked: read it once, and keep the bytes";
    /// The body is over the limit.
    BodyLimit = "body-limit", Settings, "the body is over the limit",
        "raise the scheme's `body_limit`, if the sender's pages say that bodies can be so long";

    /// White space around the secret.
    SecretWhiteSpace = "secret-white-space", Settings, "the secret has white space around it",
        "remove it; files and `echo` end in a line break";
    /// The sender's secret ends in a line break.
    SecretLineBreakAtSender = "secret-line-break-at-sender", Sender, "the sender signs with a line break behind the secret",
        "remove the line break from the secret at the sender";
    /// A byte order mark before the secret.
    SecretMark = "secret-mark", Settings, "the secret begins with a byte order mark",
        "save the file with the secret as UTF-8 without a byte order mark";
    /// Quotes around the secret.
    SecretQuotes = "secret-quotes", Settings, "the secret is in quotes that are not part of it",
        "remove the quotes: not every reader of `.env` files does";
    /// The secret is a whole line `NAME=value`.
    SecretAssignment = "secret-assignment", Settings, "the secret is a whole line of a file with settings",
        "give what stands behind the equals sign alone";
    /// The secret has a prefix that is not part of the key.
    SecretPrefixKept = "secret-prefix-kept", Settings, "the secret has a prefix that is not part of the key",
        "remove the prefix, or choose a scheme that does";
    /// The secret lacks its prefix, which is part of the key.
    SecretPrefixLost = "secret-prefix-lost", Settings, "the secret lacks its prefix, which is part of the key",
        "give the secret as the sender shows it, with its prefix";
    /// The secret is hexadecimal text whose bytes are the key.
    SecretHex = "secret-hex", Settings, "the key is what the secret decodes to from hexadecimal",
        "say in the scheme that its keys are hexadecimal (`KeyFormat::Hex`; in a document `key.format = \"hex\"`)";
    /// The secret is base64 text whose bytes are the key.
    SecretBase64 = "secret-base64", Settings, "the key is what the secret decodes to from base64",
        "say in the scheme that its keys are base64 (`KeyFormat::Base64`; in a document `key.format = \"base64\"`)";
    /// The secret's text is the key, and must not be decoded.
    SecretText = "secret-text", Settings, "the key is the secret's text, and it was decoded",
        "say in the scheme that its keys are text (`KeyFormat::Text`; in a document `key.format = \"text\"`)";
    /// Another of the secrets that were given signed it.
    SecretOther = "secret-other", Settings, "another secret signed it",
        "use that one; keep both while the sender changes from one to the other";

    /// The tag is in another encoding.
    SignatureEncoding = "signature-encoding", Settings, "the signature is in another encoding than the scheme says",
        "set the scheme's `encoding`, or let nothing re-encode the header";
    /// The text before the tag is another.
    SignaturePrefix = "signature-prefix", Settings, "the text before the signature is not the scheme's",
        "set the scheme's `prefix`, or let nothing change the header";
    /// A name in the signature header is in another case.
    SignatureCase = "signature-case", Between, "a name in the signature header is in another case than the scheme's",
        "let nothing change the case of header values; a sender of your own writes it as its documentation does";
    /// Another algorithm made the signature.
    SignatureAlgorithm = "signature-algorithm", Settings, "another algorithm made the signature",
        "set the algorithm at the sender, or the scheme's `algorithm`";
    /// The signature has another version.
    SignatureVersion = "signature-version", Settings, "the signature is under a name that the scheme does not accept",
        "accept the version in the scheme if the sender documents it";
    /// The signature is in another header.
    SignatureHeader = "signature-header", Settings, "the signature is in another header",
        "let the proxy keep the sender's name, or name that header in the scheme";
    /// The signature header is written otherwise than the scheme says.
    SignatureGrammar = "signature-grammar", Settings, "the signature header is written otherwise than the scheme says",
        "describe it in the scheme: `prefix`, `pairs` or `versioned` (in a document `signature.versions`)";

    /// Another sender's scheme verifies it.
    OtherSender = "other-sender", Settings, "it is signed as another sender signs",
        "use that sender's scheme for this endpoint";

    /// The signed time is older than the tolerance.
    TimeStale = "time-stale", Settings, "the signature is right, and the signed time is too old",
        "a request that was saved is judged with the clock of its own time (`--at`); for fresh ones, set the receiver's clock";
    /// The signed time lies ahead.
    TimeAhead = "time-ahead", Settings, "the signature is right, and the signed time lies ahead",
        "set the receiver's clock, or the sender's";
    /// The time is in milliseconds where seconds are due.
    TimeMilliseconds = "time-milliseconds", Settings, "the time is in milliseconds, and the scheme expects another unit",
        "say so in the scheme (`time_in_millis`; in a document `time.unit = \"milliseconds\"`), or send seconds";
    /// The time is in seconds where milliseconds are due.
    TimeSeconds = "time-seconds", Settings, "the time is in seconds, and the scheme expects another unit",
        "send the unit that the scheme says, or set the scheme's";
    /// The time is a date where a number is due.
    TimeDate = "time-date", Settings, "the time is a date, and the scheme expects another unit",
        "say so in the scheme (`time_in_rfc3339`; in a document `time.unit = \"rfc3339\"`), or send a number";
    /// The time header was rewritten after it was signed.
    TimeRewritten = "time-rewritten", Between, "the time was rewritten in another unit after it was signed",
        "pass the time header on as it came; it is signed as text";

    /// The signed address begins with another `http` or `https`.
    UrlScheme = "url-scheme", Settings, "the signed address has another beginning, as behind a proxy that ends TLS",
        "configure the address as the sender has it";
    /// The signed address has another host.
    UrlHost = "url-host", Settings, "the signed address has another host, as behind a proxy",
        "configure the address as the sender has it";
    /// The signed address has another port.
    UrlPort = "url-port", Settings, "the signed address has another port",
        "configure the address as the sender has it; most leave 443 and 80 out";
    /// The signed address has another path.
    UrlPath = "url-path", Settings, "the signed address has another path",
        "configure the address as the sender has it, before any proxy rewrites it";
    /// The signed address differs by a slash at its end.
    UrlSlash = "url-slash", Settings, "the signed address differs by a slash at the end of its path",
        "configure the address as the sender has it";
    /// The signed address has another query.
    UrlQuery = "url-query", Settings, "the signed address has another query, or its parameters in another order",
        "configure the address as the sender has it, with the query in its order";

    /// The method is not POST.
    Method = "method", Between, "the method is not POST",
        "look for a redirect: a client that follows one sends a GET";
    /// The content type is not the scheme's.
    ContentType = "content-type", Settings, "the signature is right, and the content type is not one of the scheme's",
        "set it at the sender, or add it to the scheme's `content_types`";
    /// The body is said to be encoded.
    ContentEncoding = "content-encoding", Between, "a content encoding is declared",
        "let no proxy compress requests, or remove the header where the body is decompressed";
    /// A header that repeats a signed field says something else.
    CopyDisagrees = "copy-disagrees", Between, "the signature is right, and a header disagrees with the signed body",
        "somebody changed that header: trust the body";
    /// The signed body has no time.
    TimeMissing = "time-missing", Sender, "the signature is right, and the signed body has no time where the scheme looks for it",
        "look at the sender's pages: the time may be elsewhere";
    /// A header is missing.
    HeaderMissing = "header-missing", Between, "a header is missing",
        "look whether a proxy removes it, and whether this is the sender that the scheme is for";
    /// A header occurs twice.
    HeaderRepeated = "header-repeated", Between, "a header occurs more than once",
        "a proxy adds it where it should replace it";
    /// A header is malformed.
    HeaderMalformed = "header-malformed", Settings, "a header is not written as the scheme says",
        "docs/refusals.md says what each detail means";
    /// The secret or the address cannot be used.
    Setup = "setup", Settings, "no verifier can be built",
        "mend what it names";
    /// None of the usual mistakes.
    Unknown = "unknown", Settings, "no usual mistake reproduces the signature",
        "most likely the secret is another one, or the body is not the one that was signed: compare the secret with the sender's page, and save the body as bytes where it arrives";
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn codes_are_unique_and_texts_are_there() {
        let mut codes: Vec<&str> = Cause::ALL.iter().map(|cause| cause.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Cause::ALL.len());
        for cause in Cause::ALL {
            for text in [cause.what(), cause.change()] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
            }
        }
    }
}
