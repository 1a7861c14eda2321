//! Requests as they come from a proxy, with headers that are nobody's business here.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use countersign_core::Timestamp;
use http::Request;
use ring::hmac;

/// The secret that requests are signed with.
pub const SECRET: &str = "4ae1f9cb8a2d4b06a3a57d6a1b6f0c1f6f0f4a5f9d2e47d8b1c3e5f708192a3b";

/// The same for Standard Webhooks.
pub const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw9Zk1K2dD7uU=";

/// A key for [`SECRET`].
pub fn key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes())
}

/// The time that peers judge by, who take no other.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A body of some length that lives for good, so that a clone of it costs nothing.
pub fn body(len: usize) -> Bytes {
    let body = Vec::from_iter((0..len).map(|at| b"{\"amount\": 12345}"[at % 17]));
    Bytes::from_static(body.leak())
}

/// The head of a request with these headers behind those that every request has.
pub fn head(len: usize, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::post("/webhooks/bench")
        .header("host", "hooks.example.org")
        .header("user-agent", "Hookshot/044aadd")
        .header("accept", "*/*")
        .header("content-type", "application/json; charset=utf-8")
        .header("content-length", len)
        .header("x-forwarded-for", "192.0.2.7")
        .header("x-forwarded-proto", "https");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// `sha256=` and the tag in hexadecimal.
pub fn prefixed_tag(key: &hmac::Key, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac::sign(key, body).as_ref()))
}

/// GitHub's headers for a body.
pub fn github(body: &[u8]) -> Request<()> {
    head(
        body.len(),
        &[
            ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
            ("x-github-event", "issues"),
            ("x-hub-signature-256", &prefixed_tag(&key(), body)),
        ],
    )
}

/// Rebill's headers for a body.
pub fn rebill(body: &[u8]) -> Request<()> {
    head(
        body.len(),
        &[
            ("x-rebill-delivery", "dlv_01HZX4M8Q2J7K3N5P6R8S9T0VW"),
            ("x-rebill-event", "invoice.updated"),
            ("x-rebill-signature", &prefixed_tag(&key(), body)),
        ],
    )
}

/// Standard Webhooks' headers for a body, sent now.
pub fn standard(body: &[u8]) -> Request<()> {
    let id = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";
    let time = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let key = STANDARD.decode(STANDARD_SECRET.trim_start_matches("whsec_"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key.unwrap());
    let mut signed = format!("{id}.{time}.").into_bytes();
    signed.extend_from_slice(body);
    let tag = STANDARD.encode(hmac::sign(&key, &signed).as_ref());
    head(
        body.len(),
        &[
            ("webhook-id", id),
            ("webhook-timestamp", &time.to_string()),
            ("webhook-signature", &format!("v1,{tag}")),
        ],
    )
}
