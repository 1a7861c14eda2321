//! What deduplication is keyed on: fixed-size names of deliveries, scoped to endpoint and tenant.

use core::fmt;

use crate::mac;

/// Written into every key, so that a change of derivation cannot meet old rows.
const VERSION: &[u8] = b"countersign key 1";

/// The fixed-size name of one delivery (or of an alias of one) in a store.
///
/// A hash over endpoint, tenant, kind and id: stores never see a raw id, and ids of two endpoints
/// or tenants cannot meet. It is plain data, so that operators can [`forget`] a delivery and stores
/// can be tested; holding one proves nothing.
///
/// [`forget`]: crate::DedupStore::forget
///
/// ```
/// use countersign_core::DeliveryKey;
///
/// let key = DeliveryKey::for_id("rebill", None, "dlv_01");
/// assert_ne!(key, DeliveryKey::for_id("rebill", Some("shop_7"), "dlv_01"));
/// assert_ne!(key, DeliveryKey::for_id("invoice-maker", None, "dlv_01"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey([u8; 32]);

impl DeliveryKey {
    /// The key of the delivery with this id.
    #[must_use]
    pub fn for_id(endpoint: &str, tenant: Option<&str>, id: &str) -> Self {
        Self::derive(endpoint, tenant, b"id", &[id.as_bytes()])
    }

    /// The key of a delivery without an id: its body's SHA-256 stands in.
    #[must_use]
    pub fn for_body(endpoint: &str, tenant: Option<&str>, body: &[u8]) -> Self {
        Self::derive(endpoint, tenant, b"body", &[&mac::sha256(body)])
    }

    /// The key of a delivery without an id that certain fields identify: their pointers, and what is there.
    pub(crate) fn for_content(
        endpoint: &str,
        tenant: Option<&str>,
        pointers: &[&str],
        values: &[String],
    ) -> Self {
        let pairs = pointers.iter().zip(values);
        let parts: Vec<&[u8]> = pairs
            .flat_map(|(pointer, value)| [pointer.as_bytes(), value.as_bytes()])
            .collect();
        Self::derive(endpoint, tenant, b"content", &parts)
    }

    /// The key of one request of a sender whose equal bodies are events: nothing else has it.
    pub(crate) fn for_request(endpoint: &str, tenant: Option<&str>, request: u128) -> Self {
        Self::derive(endpoint, tenant, b"request", &[&request.to_be_bytes()])
    }

    /// What is kept of an entity: what was claimed last of it.
    #[must_use]
    pub fn for_subject(endpoint: &str, tenant: Option<&str>, entity: &str) -> Self {
        Self::derive(endpoint, tenant, b"subject", &[entity.as_bytes()])
    }

    /// The alias under which the same bytes of the same type are recognised behind another id.
    pub(crate) fn for_tag(endpoint: &str, tenant: Option<&str>, bucket: &str, tag: &[u8]) -> Self {
        Self::derive(endpoint, tenant, b"alias", &[bucket.as_bytes(), tag])
    }

    /// A key from bytes that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes a store keeps.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn derive(endpoint: &str, tenant: Option<&str>, kind: &[u8], parts: &[&[u8]]) -> Self {
        let (present, tenant): (&[u8], &str) = tenant.map_or((b"0", ""), |tenant| (b"1", tenant));
        let mut fields: smallvec::SmallVec<[&[u8]; 7]> = smallvec::smallvec![
            VERSION,
            endpoint.as_bytes(),
            present,
            tenant.as_bytes(),
            kind
        ];
        fields.extend(parts.iter().copied());
        Self(mac::hash_fields(&fields))
    }
}

impl fmt::Debug for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeliveryKey(")?;
        for byte in self.0.iter().take(8) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_scopes_and_ids_are_apart() {
        let tag = mac::sha256(b"x");
        let all = [
            DeliveryKey::for_id("e", None, "x"),
            DeliveryKey::for_id("e", Some(""), "x"),
            DeliveryKey::for_id("e", Some("x"), ""),
            DeliveryKey::for_id("ex", None, ""),
            DeliveryKey::for_body("e", None, b"x"),
            DeliveryKey::for_subject("e", None, "x"),
            DeliveryKey::for_subject("e", Some("t"), "x"),
            DeliveryKey::for_subject("e", Some("u"), "x"),
            DeliveryKey::for_subject("f", None, "x"),
            DeliveryKey::for_request("e", None, 0),
            DeliveryKey::for_request("e", None, 1),
            DeliveryKey::for_body("e", None, b"y"),
            DeliveryKey::for_content("e", None, &["/x"], &["x".to_owned()]),
            DeliveryKey::for_content("e", None, &["/y"], &["x".to_owned()]),
            DeliveryKey::for_content("e", None, &["/x"], &["y".to_owned()]),
            DeliveryKey::for_content("e", None, &["/x", "y"], &["".to_owned(), "".to_owned()]),
            DeliveryKey::for_content("e", None, &["/x", "/y"], &["ab".to_owned(), "c".to_owned()]),
            DeliveryKey::for_content("e", None, &["/x", "/y"], &["a".to_owned(), "bc".to_owned()]),
            DeliveryKey::for_tag("e", None, "", &tag),
            DeliveryKey::for_tag("e", None, "invoice.paid", &tag),
        ];
        for (at, key) in all.iter().enumerate() {
            assert!(!all.iter().skip(at + 1).any(|other| other == key), "{at}");
        }
    }

    #[test]
    fn debug_is_short() {
        let text = format!("{:?}", DeliveryKey::from_bytes([0xab; 32]));
        assert_eq!(text, "DeliveryKey(abababababababab..)");
    }
}
