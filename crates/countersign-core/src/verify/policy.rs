//! What requests are judged by, shared by all of them.

use core::{fmt, sync::atomic::AtomicUsize};

use super::{decode, limits::VerifyLimits, slots::HeaderSlots};
use crate::{
    keys::{Keyring, TenantAt},
    scheme::{Scheme, Tolerance},
};

pub(crate) struct Policy {
    pub(crate) scheme: Scheme,
    pub(crate) keys: Keys,
    pub(super) slots: HeaderSlots,
    pub(super) limits: VerifyLimits,
    pub(super) tolerance: Option<Tolerance>,
    /// The address that the sender was given; empty where the scheme does not sign it.
    pub(super) url: String,
    /// How many bytes of bodies are held at this moment.
    pub(super) buffered: AtomicUsize,
}

/// Where the keys come from.
pub(crate) enum Keys {
    One(Keyring),
    /// From a lookup that the caller makes, by a name that stands here.
    Tenants(TenantAt),
}

impl Keys {
    pub(crate) const fn keyring(&self) -> Option<&Keyring> {
        match self {
            Self::One(keyring) => Some(keyring),
            Self::Tenants(_) => None,
        }
    }

    pub(crate) const fn tenant_at(&self) -> Option<TenantAt> {
        match self {
            Self::One(_) => None,
            Self::Tenants(at) => Some(*at),
        }
    }
}

impl Policy {
    /// The most bytes that one request may come to hold.
    pub(super) fn most_held(&self) -> usize {
        decode::most_held(&self.scheme, &self.limits, &self.url)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("scheme", &self.scheme.name())
            .finish_non_exhaustive()
    }
}
