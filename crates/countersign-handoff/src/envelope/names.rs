//! What the attributes are called. Extensions have lower-case letters and digits, at most twenty.

pub(super) const SPEC_VERSION: &str = "specversion";
pub(super) const VERSION: &str = "1.0";
pub(super) const ID: &str = "id";
pub(super) const SOURCE: &str = "source";
pub(super) const TYPE: &str = "type";
pub(super) const TIME: &str = "time";
pub(super) const CONTENT_TYPE: &str = "datacontenttype";

pub(super) const ENTITY: &str = "partitionkey";
pub(super) const ENDPOINT: &str = "endpoint";
pub(super) const SCHEME: &str = "scheme";
pub(super) const TENANT: &str = "tenant";
pub(super) const MATCHED_KEY: &str = "matchedkey";
pub(super) const PROVED_AT: &str = "provedat";
pub(super) const SIGNED: &str = "signed";
pub(super) const DELIVERY_ID: &str = "deliveryid";
pub(super) const ATTEMPT_ID: &str = "attemptid";
pub(super) const RECURRENCE: &str = "recurrence";
pub(super) const CONTRADICTED: &str = "contradicted";
pub(super) const FENCE: &str = "fence";
pub(super) const ATTEMPT: &str = "attempt";
pub(super) const PAYLOAD: &str = "payload";
pub(super) const PROVED: &str = "proved";
pub(super) const DATA_REF: &str = "dataref";
pub(super) const DATA_HASH: &str = "datasha256";
/// What stands behind a name whose value is a text in base64.
pub(super) const ENCODED: &str = "b64";

/// The type of what has none.
pub(super) const UNTYPED: &str = "countersign.untyped";
/// What says of an untyped event that it is one.
pub(super) const NO_TYPE: &str = "notype";

pub(super) const BODY_TYPE: &str = "application/octet-stream";
