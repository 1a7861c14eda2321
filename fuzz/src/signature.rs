use std::sync::LazyLock;

use bytes::Bytes;
use countersign_core::{
    Algorithm, RejectionKind, Verifier,
    scheme::{Encoding, Scheme},
};
use countersign_testkit::Sender;

use crate::{
    reference::{Padding, read},
    request::{NOW, Request, SECRET, secret, verifier},
};

const HEADER: &str = "X-Signature";
const BODY: &[u8] = b"{}";
const MOST: usize = 4;

const SCHEMES: [Scheme; 9] = [
    Scheme::body_hmac(HEADER).id_header("X-Id").declare(),
    Scheme::body_hmac(HEADER)
        .id_header("X-Id")
        .prefix("sha256=")
        .declare(),
    Scheme::body_hmac(HEADER)
        .id_header("X-Id")
        .optional_prefix("0x")
        .declare(),
    Scheme::body_hmac(HEADER)
        .id_header("X-Id")
        .pairs(',', &["v1", "v2"])
        .time_key("t")
        .declare(),
    Scheme::body_hmac(HEADER)
        .id_header("X-Id")
        .pairs(' ', &["s"])
        .declare(),
    Scheme::body_hmac(HEADER)
        .id_header("X-Id")
        .versioned(&["v1", "v1a"])
        .encoding(Encoding::Base64)
        .declare(),
    Scheme::body_hmac(HEADER)
        .id_header("X-Id")
        .encoding(Encoding::Base64Url)
        .declare(),
    Scheme::body_hmac(HEADER)
        .id_header("X-Id")
        .algorithm(Algorithm::HmacSha512)
        .encoding(Encoding::Base64)
        .declare(),
    Scheme::body_hmac(HEADER)
        .id_header("X-Id")
        .algorithm(Algorithm::HmacSha512)
        .declare(),
];

/// A scheme, who receives it, and its right tag as text.
static VERIFIERS: LazyLock<[(Scheme, Verifier, String); 9]> = LazyLock::new(|| {
    SCHEMES.map(|scheme| {
        let verifier = verifier(scheme)
            .secret(secret())
            .limits(|limits| limits.candidates = MOST);
        let bare = Scheme::body_hmac(HEADER)
            .id_header("X-Id")
            .algorithm(scheme.algorithm())
            .encoding(scheme.encoding());
        let signed = Sender::with_secret(bare.declare(), SECRET).raw("", "", BODY);
        let tag = signed.header(HEADER).unwrap_or_default().to_owned();
        (scheme, verifier.build().expect("a verifier"), tag)
    })
});

/// The first byte picks a grammar, the rest is a signature header; an `@` stands for the right tag.
/// A header passes exactly when the reference reads it, and proves a body exactly when the
/// reference finds the right tag in it.
pub fn signature(data: &[u8]) {
    let Some((which, text)) = data.split_first() else {
        return;
    };
    let (scheme, verifier, tag) = &VERIFIERS[usize::from(*which) % VERIFIERS.len()];
    let value = text
        .split(|byte| *byte == b'@')
        .collect::<Vec<_>>()
        .join(tag.as_bytes());

    let timely = |time: &Option<String>| {
        time.as_ref().is_none_or(|time| {
            (1..=20).contains(&time.len()) && time.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let readings = [Padding::WholeOrNone, Padding::Any]
        .map(|padding| read(scheme, &value, MOST, padding).filter(|reading| timely(&reading.time)));
    let right = read(&plain(scheme), tag.as_bytes(), 1, Padding::WholeOrNone)
        .and_then(|reading| reading.tags.into_iter().next());
    assert!(right.is_some());

    let request = Request::post(vec![(HEADER, &value)]);
    let passes = verifier.precheck(&request, NOW).is_ok();
    assert!(passes || readings[0].is_none(), "refused {value:?}");
    assert!(!passes || readings[1].is_some(), "accepted {value:?}");

    let offered = readings[1]
        .as_ref()
        .is_some_and(|reading| reading.tags.iter().any(|tag| Some(tag) == right.as_ref()));
    match verifier.verify(&request, Bytes::from_static(BODY), NOW) {
        Ok(verified) => {
            assert!(offered, "proved by {value:?}");
            assert_eq!(verified.body(), BODY);
        }
        Err(rejection) if passes => {
            assert!(!offered, "not proved by {value:?}");
            assert_eq!(rejection.kind(), RejectionKind::SignatureMismatch);
        }
        Err(_) => {}
    }
}

/// The same algorithm and encoding, with nothing around the tag.
fn plain(scheme: &Scheme) -> Scheme {
    Scheme::body_hmac(HEADER)
        .id_header("X-Id")
        .algorithm(scheme.algorithm())
        .encoding(scheme.encoding())
        .declare()
}
