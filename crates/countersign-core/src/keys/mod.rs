//! The secrets of a sender: where they come from, their rotation, and whose they are.

mod keyring;
mod rotation;
mod secret;
mod secret_error;
mod tenant;

pub(crate) use self::{keyring::ActiveKeys, tenant::DynKeyringSource};
pub use self::{
    keyring::{Keyring, KeyringError, MAX_KEYS},
    rotation::Rotation,
    secret::Secret,
    secret_error::{SecretError, SecretFault},
    tenant::{KeyringSource, LookupError, Tenant, TenantAt},
};
