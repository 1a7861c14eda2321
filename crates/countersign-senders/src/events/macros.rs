//! What each sender's module is written with, so that an event or a field is named once.

/// Defines a payload object and reads it field by field; the name of a field is its JSON name.
macro_rules! object {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* pub $field:ident: Option<$type:ty>,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_meta])* pub $field: Option<$type>,)+
        }

        impl $crate::events::FromJson for $name {
            fn from_json(json: &serde_json::value::RawValue) -> Option<Self> {
                let object = $crate::events::Object::parse(json, &[$(stringify!($field)),+])?;
                Some(Self {
                    $($field: object.get(stringify!($field)),)+
                })
            }
        }
    };
}

/// Defines an enum of documented texts that keeps any other text.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
            /// A text that is not documented, as it was sent.
            Other(String),
        }

        impl $name {
            /// The value as the sender writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::events::FromJson for $name {
            fn from_json(json: &serde_json::value::RawValue) -> Option<Self> {
                <String as $crate::events::FromJson>::from_json(json).map(|text| Self::from(text.as_str()))
            }
        }
    };
}

/// Defines a sender's `EventType` and its `Event`, one line for each documented type: its payload, its
/// name, and whether it happens once to its entity or repeats. Expects the sender's `SCHEME` beside it.
macro_rules! events {
    (
        $(#[$type_meta:meta])*
        pub enum EventType;

        $(#[$event_meta:meta])*
        pub enum Event {
            $($(#[$meta:meta])*
            $variant:ident($payload:ty) = $policy:ident($name:literal)
                $(.when($pointer:literal, $values:expr))?,)+
        }
    ) => {
        $(#[$event_meta])*
        #[derive(Clone, Eq, PartialEq)]
        #[non_exhaustive]
        pub enum Event {
            $(
                #[doc = concat!("`", $name, "`.")]
                ///
                $(#[$meta])*
                $variant($crate::events::Payload<$payload>),
            )+
            /// A test that the sender sends on request, or to see whether the endpoint is back.
            #[non_exhaustive]
            Ping {
                /// The body, which is not documented.
                raw: bytes::Bytes,
            },
            /// An event of a type that is not listed, or whose body cannot be read.
            ///
            /// The body cannot be read when it is not one JSON object, or when a documented field
            /// is at its top twice, so that two readers could see two values.
            #[non_exhaustive]
            Unknown {
                /// The name of the type; empty when there was none.
                ///
                /// It may be the name of a listed type, when the body is what cannot be read.
                name: String,
                /// The body, exactly as it was signed.
                raw: bytes::Bytes,
            },
            /// An event whose signed body contradicts the type that is claimed for it.
            ///
            /// Somebody may be replaying a signed body under another name. Nothing that the
            /// claimed type would cause should be done.
            #[non_exhaustive]
            Unproved {
                /// The type that the request claims, and that its body denies.
                claimed: EventType,
                /// The body, exactly as it was signed.
                raw: bytes::Bytes,
            },
        }

        impl countersign_core::FromDelivery for Event {
            fn from_delivery(
                verified: &countersign_core::Verified,
            ) -> Result<Self, countersign_core::PayloadError> {
                verified.expect_sender(&SCHEME)?;
                Ok(Self::decode($crate::events::EventInput::of(verified)))
            }
        }

        impl countersign_core::FromHanded for Event {
            fn from_handed(
                handed: &countersign_core::HandedBody<'_>,
            ) -> Result<Self, countersign_core::PayloadError> {
                handed.expect_sender(&SCHEME)?;
                Ok(Self::decode($crate::events::EventInput::of_handed(handed, &SCHEME)))
            }
        }

        impl Event {
            /// What the scheme says of each type.
            pub(super) const RULES: &[countersign_core::scheme::EventRule] = &[$(
                countersign_core::scheme::EventRule::$policy($name)
                    $(.when($pointer, $values))?,
            )+];

            /// The event's name, for logs and metrics.
            ///
            /// The name of a listed type; `ping`; the name as it was sent when the event is
            /// [`Unknown`](Self::Unknown); and `unproved`, not the claimed name, when it is
            /// [`Unproved`](Self::Unproved). Decide by the variant, not by this text.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $name,)+
                    Self::Ping { .. } => "ping",
                    Self::Unknown { name, .. } => name,
                    Self::Unproved { .. } => "unproved",
                }
            }

            /// The type, when it is a listed one and the body was read and does not deny it.
            #[must_use]
            pub fn event_type(&self) -> Option<EventType> {
                match self {
                    $(Self::$variant(_) => Some(EventType::$variant),)+
                    Self::Ping { .. } | Self::Unknown { .. } | Self::Unproved { .. } => None,
                }
            }

            /// The body, exactly as it was signed.
            #[must_use]
            pub fn raw(&self) -> &bytes::Bytes {
                match self {
                    $(Self::$variant(payload) => payload.raw(),)+
                    Self::Ping { raw } | Self::Unknown { raw, .. } | Self::Unproved { raw, .. } => raw,
                }
            }

            /// Decodes a body whose signature was proved; whatever it holds, there is a variant.
            pub(crate) fn decode(input: $crate::events::EventInput<'_>) -> Self {
                let listed = input.name.and_then(EventType::from_name);
                if let Some(claimed) = listed
                    && input.contradicted
                {
                    return Self::Unproved { claimed, raw: input.body.clone() };
                }
                if input.ping {
                    return Self::Ping { raw: input.body.clone() };
                }
                let event = listed.and_then(|listed| match listed {
                    $(EventType::$variant => {
                        $crate::events::Payload::decode(input.body, input.json).map(Self::$variant)
                    })+
                });
                event.unwrap_or_else(|| Self::Unknown {
                    name: input.name.unwrap_or_default().to_owned(),
                    raw: input.body.clone(),
                })
            }

            fn payload(&self) -> Option<&dyn $crate::events::Body> {
                match self {
                    $(Self::$variant(payload) => Some(&**payload),)+
                    Self::Ping { .. } | Self::Unknown { .. } | Self::Unproved { .. } => None,
                }
            }
        }

        impl core::fmt::Debug for Event {
            /// The variant and the number of bytes, but no content: bodies hold personal data.
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let variant = match self {
                    $(Self::$variant(_) => stringify!($variant),)+
                    Self::Ping { .. } => "Ping",
                    Self::Unknown { .. } => "Unknown",
                    Self::Unproved { .. } => "Unproved",
                };
                let mut debug = f.debug_struct(variant);
                match self {
                    Self::Unknown { name, .. } => debug.field("name", &$crate::events::Short(name)),
                    Self::Unproved { claimed, .. } => debug.field("claimed", claimed),
                    _ => &mut debug,
                }
                .field("bytes", &self.raw().len())
                .finish_non_exhaustive()
            }
        }

        $(#[$type_meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum EventType {
            $(
                #[doc = concat!("`", $name, "`.")]
                ///
                $(#[$meta])*
                $variant,
            )+
        }

        impl EventType {
            /// Every listed type, in the order of the sender's list.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The type with this name; none when it is not listed.
            ///
            /// Names match exactly: no other case, no surrounding space.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The name, as the sender writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl core::fmt::Display for EventType {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use {events, object, open_enum};
