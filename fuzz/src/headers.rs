use std::sync::LazyLock;

use countersign_core::{
    RejectionClass, TenantAt, Verifier,
    scheme::{Part, Scheme},
};
use countersign_senders::{github, invoice_maker, rebill_za, standard_webhooks, stripe};

use crate::request::{NOW, Request, pair, verifier};

const ODD: Scheme = Scheme::body_hmac("X-Odd-Signature")
    .numbered_header()
    .signed(&[
        Part::Id,
        Part::Literal("\n"),
        Part::Header("X-Odd-Topic"),
        Part::Literal("."),
        Part::Body,
        Part::Literal("."),
        Part::Timestamp,
    ])
    .signed_id_header("X-Odd-Id")
    .time_header("X-Odd-Time")
    .time_in_millis()
    .declare();

const REPEATED: Scheme = Scheme::body_hmac("X-Odd-Signature")
    .id_header("X-Odd-Id")
    .repeated_header()
    .optional_prefix("sha256=")
    .declare();

static VERIFIERS: LazyLock<Vec<Verifier>> = LazyLock::new(|| {
    let mut verifiers: Vec<Verifier> = [
        github::SCHEME,
        invoice_maker::SCHEME,
        rebill_za::SCHEME,
        standard_webhooks::SCHEME,
        stripe::SCHEME,
        ODD,
        REPEATED,
    ]
    .map(|scheme| pair(scheme).0)
    .into();
    for at in [
        TenantAt::LastPathSegment,
        TenantAt::Query("shop"),
        TenantAt::Header("x-shop"),
    ] {
        let tenants = verifier(rebill_za::SCHEME).tenants(at);
        verifiers.push(tenants.build().expect("a verifier"));
    }
    verifiers
});

/// A request line (`POST /path`) and header lines (`name: value`) go through the precheck of every
/// preset. No head makes it panic, it says the same twice, and what it keeps and says is bounded.
pub fn headers(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (method, target) = first.split_once(' ').unwrap_or((first, "/"));
    let request = Request {
        method,
        target,
        headers: lines.filter_map(header).collect(),
    };
    for verifier in &*VERIFIERS {
        let judged = verifier.precheck(&request, NOW);
        let again = verifier.precheck(&request, NOW);
        match (judged, again) {
            (Ok(checked), Ok(_)) => {
                assert_eq!(request.method, "POST");
                assert!(checked.tenant().is_none_or(|name| name.len() <= 256));
            }
            (Err(rejection), Err(again)) => {
                assert_eq!(rejection, again);
                assert_eq!(rejection.kind().class(), RejectionClass::Refused);
                assert!(rejection.to_string().len() < 160);
            }
            (judged, again) => panic!("{judged:?} and then {again:?}"),
        }
    }
}

fn header(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at(colon);
    let value = value.strip_prefix(b":")?;
    let value = value.strip_prefix(b" ").unwrap_or(value);
    Some((str::from_utf8(name).ok()?, value))
}
