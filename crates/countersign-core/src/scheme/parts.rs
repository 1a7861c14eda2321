//! The words that a scheme is written in: where the signature is, how it is written, what it covers.

/// Which header or headers carry the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// One header, which must occur exactly once.
    Header(&'static str),
    /// Several accepted names in order of preference; the first that is present counts.
    AnyOf(&'static [&'static str]),
    /// One header that may be repeated; every value is a candidate.
    Repeated(&'static str),
    /// Several names, one for each active key; every one present is a candidate.
    AllOf(&'static [&'static str]),
    /// A stem followed by 1, 2, 3 and so on; every one present is a candidate.
    Numbered(&'static str),
    /// No header: a [token in the body](super::Scheme::token_in_body), at this pointer, in which `*` stands for
    /// each item of a list.
    Body(&'static str),
}

/// How the value of a signature header is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grammar {
    /// The encoded tag alone.
    Bare,
    /// A prefix that must be there, then the tag.
    Prefix(&'static str),
    /// A prefix that may be there, then the tag.
    OptionalPrefix(&'static str),
    /// `key=value` pairs. Pairs with a listed key are tags; unlisted keys are ignored.
    Pairs {
        /// What separates two pairs, one ASCII character.
        separator: char,
        /// Keys whose values are tags, the accepted versions.
        tags: &'static [&'static str],
    },
    /// `version,value` entries separated by spaces; entries of unlisted versions are ignored.
    Versioned(&'static [&'static str]),
    /// The time, then tags, in one list: `1712000382000,5257..,9a1b..`.
    TimeThenTags {
        /// What separates two entries, one ASCII character.
        separator: char,
    },
}

/// How a tag is written in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Hexadecimal, either case.
    Hex,
    /// Standard base64, padding optional.
    Base64,
    /// URL-safe base64, padding optional.
    Base64Url,
    /// As it is, for tokens only.
    Text,
}

/// How the text of a secret becomes key bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFormat {
    /// The text's own bytes, also where it looks like hex or base64.
    Text,
    /// The text's own bytes; a secret without this prefix is refused as the wrong one.
    TextWithPrefix(&'static str),
    /// Hexadecimal.
    Hex,
    /// Base64.
    Base64,
    /// Base64 after this prefix, which may be left out.
    Base64AfterPrefix(&'static str),
    /// The sender's public key: in PEM, or its DER or its bare bytes in hexadecimal or base64.
    PublicKey,
    /// The same after this prefix, which may be left out.
    PublicKeyAfterPrefix(&'static str),
}

/// One part of the bytes that are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Fixed text.
    Literal(&'static str),
    /// The time exactly as sent.
    Timestamp,
    /// The id header exactly as sent.
    Id,
    /// Another header exactly as sent.
    Header(&'static str),
    /// The secret itself, for [plain hashes](crate::Algorithm::PlainSha256) only.
    Secret,
    /// The URL that the sender was given, from the receiver's configuration.
    Url,
    /// The body. Every scheme signs it, once.
    Body,
}

/// Where a value of a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In a header.
    Header(&'static str),
    /// In the JSON body, at a pointer of object keys such as `/data/id`.
    Body(&'static str),
}

impl Grammar {
    /// The names under which tags are accepted, where there are names.
    pub(crate) const fn tag_names(self) -> &'static [&'static str] {
        match self {
            Self::Pairs { tags, .. } => tags,
            Self::Versioned(versions) => versions,
            Self::Bare | Self::Prefix(_) | Self::OptionalPrefix(_) | Self::TimeThenTags { .. } => {
                &[]
            }
        }
    }
}

impl Place {
    /// The header's name, or the pointer.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header(name) | Self::Body(name) => name,
        }
    }
}
