//! The secrets of a sender: where they come from, their rotation, and whose they are.

mod keyring;
mod secret;
mod tenant;

pub(crate) use self::{keyring::ActiveKeys, tenant::DynKeyringSource};
pub use self::{
    keyring::{Keyring, KeyringError, MAX_KEYS},
    secret::{Secret, SecretError, SecretFault},
    tenant::{KeyringSource, LookupError, Tenant, TenantAt},
};
