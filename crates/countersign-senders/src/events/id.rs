//! Ids as types of their own.

/// Defines an id: text from the sender that is compared, stored and shown, and never interpreted.
macro_rules! id_types {
    ($($(#[$meta:meta])* $name:ident,)+) => {$(
        $(#[$meta])*
        ///
        /// Text that the sender chose; its shape is not checked, except that it is not empty when
        /// it was read from a body.
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Box<str>);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id.into())
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl $crate::events::FromJson for $name {
            fn from_json(json: &serde_json::value::RawValue) -> Option<Self> {
                // An empty id would be the same id for every object that lacks one.
                <String as $crate::events::FromJson>::from_json(json)
                    .filter(|id| !id.is_empty())
                    .map(Self::from)
            }
        }
    )+};
}

pub(crate) use id_types;
