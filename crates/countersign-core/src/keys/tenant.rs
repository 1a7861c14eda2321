//! Tenants, and the lookup that finds their keys.

use core::{error::Error, fmt, future::Future};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::keyring::Keyring;

/// One tenant of an endpoint: the scope of its keys, and its keyring.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub(crate) id: Arc<str>,
    pub(crate) keyring: Keyring,
}

impl Tenant {
    /// A tenant by the id that deliveries are scoped to.
    ///
    /// The id comes from the application's own records, so that spellings of one name in requests
    /// cannot make several tenants.
    pub fn new(id: impl Into<Arc<str>>, keyring: Keyring) -> Self {
        Self {
            id: id.into(),
            keyring,
        }
    }
}

/// Finds the keyring of a tenant. Write it with a plain `async fn`.
///
/// The text comes from an unauthenticated request: treat it as a name to look up and nothing else,
/// and bound what a lookup costs. It is at most 256 visible ASCII characters.
pub trait KeyringSource: Send + Sync + 'static {
    /// The tenant of that name, or `None` when there is none, which refuses the request.
    ///
    /// # Errors
    ///
    /// When the lookup could not be made; the sender is told to come again.
    fn keyring(
        &self,
        tenant: &str,
    ) -> impl Future<Output = Result<Option<Tenant>, LookupError>> + Send;
}

/// The object-safe twin of [`KeyringSource`].
pub(crate) trait DynKeyringSource: Send + Sync + 'static {
    fn keyring<'a>(&'a self, tenant: &'a str)
    -> BoxFuture<'a, Result<Option<Tenant>, LookupError>>;
}

impl<S: KeyringSource> DynKeyringSource for S {
    fn keyring<'a>(
        &'a self,
        tenant: &'a str,
    ) -> BoxFuture<'a, Result<Option<Tenant>, LookupError>> {
        Box::pin(KeyringSource::keyring(self, tenant))
    }
}

/// A tenant lookup could not be made.
#[derive(Debug)]
pub struct LookupError(Box<dyn Error + Send + Sync>);

impl LookupError {
    /// Wraps whatever went wrong.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tenant lookup failed")
    }
}

impl Error for LookupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// Where a request names its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TenantAt {
    /// The last segment of the path, as in `/webhooks/rebill/shop_7`.
    LastPathSegment,
    /// A header.
    Header(&'static str),
    /// A parameter of the query, not percent-decoded.
    Query(&'static str),
}
