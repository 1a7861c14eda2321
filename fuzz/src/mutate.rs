use std::sync::LazyLock;

use countersign_core::{
    Rejection, Verified, Verifier,
    scheme::{Part, Scheme},
};
use countersign_senders::{github, invoice_maker, rebill_za, standard_webhooks, stripe};
use countersign_testkit::{Sender, SignedDelivery};

use crate::request::{NOW, Request, pair};

const TOPICAL: Scheme = Scheme::body_hmac("X-Signature")
    .signed(&[
        Part::Header("X-Topic"),
        Part::Literal(":"),
        Part::Body,
        Part::Literal(":"),
        Part::Timestamp,
    ])
    .time_header("X-Time")
    .id_header("X-Id")
    .declare();

static PAIRS: LazyLock<[(Verifier, Sender); 6]> = LazyLock::new(|| {
    [
        github::SCHEME,
        rebill_za::SCHEME,
        invoice_maker::SCHEME,
        stripe::SCHEME,
        standard_webhooks::SCHEME,
        TOPICAL,
    ]
    .map(pair)
});

/// The first byte picks a preset, the second the number of changes that follow, four bytes each,
/// and the rest is the body. The sender signs it, so it is proved; then the changes are made. What
/// is proved all the same has the body that was signed, and the signed time, id and type.
pub fn sign_then_mutate(data: &[u8]) {
    let [which, count, rest @ ..] = data else {
        return;
    };
    let Some((changes, body)) = rest.split_at_checked(usize::from(count % 8) * 4) else {
        return;
    };
    let (verifier, sender) = &PAIRS[usize::from(*which) % PAIRS.len()];
    let signed = sender.raw("invoice.updated", "dlv_1", body.to_vec());
    let Ok(before) = verify(verifier, &signed) else {
        // Signed headers that repeat what is in the body may disagree with this one.
        assert!(verifier.scheme().id_copy().is_some());
        return;
    };
    assert_eq!(before.body(), body);

    let mut changed = signed.clone();
    for change in changes.as_chunks::<4>().0 {
        changed = mutate(&changed, *change);
    }
    let Ok(after) = verify(verifier, &changed) else {
        return;
    };
    let scheme = verifier.scheme();
    assert_eq!(after.body(), body);
    assert_eq!(after.matched_key(), before.matched_key());
    if scheme.time_is_signed() {
        assert_eq!(after.time(), before.time());
    }
    if scheme.id_is_signed() {
        assert_eq!(after.id(), before.id());
    }
    if scheme.event_is_signed() {
        let name = |verified: &Verified| verified.event_type().map(|name| name.as_str().to_owned());
        assert_eq!(name(&after), name(&before));
    }
    for part in scheme.signed() {
        if let Part::Header(name) = part {
            assert_eq!(changed.header(name), signed.header(name));
        }
    }
}

fn verify(verifier: &Verifier, delivery: &SignedDelivery) -> Result<Verified, Rejection> {
    let headers = delivery
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    verifier.verify(&Request::post(headers), delivery.body().clone(), NOW)
}

/// Makes one change: what, where (two bytes), and a value.
fn mutate(delivery: &SignedDelivery, [what, high, low, value]: [u8; 4]) -> SignedDelivery {
    let place = usize::from(u16::from_be_bytes([high, low]));
    let count = delivery.headers().len().max(1);
    let (name, text) = delivery
        .headers()
        .get(usize::from(high) % count)
        .cloned()
        .unwrap_or_default();
    match what % 8 {
        0 => delivery.with_body(changed(delivery.body(), place, |byte| *byte = value)),
        1 => delivery.with_body(changed(delivery.body(), place, |byte| {
            *byte ^= 1 << (value % 8)
        })),
        2 => {
            let mut body = delivery.body().to_vec();
            body.insert(place % (body.len() + 1), value);
            delivery.with_body(body)
        }
        3 => {
            let body = delivery.body();
            delivery.with_body(body.slice(..place.min(body.len())))
        }
        4 => {
            let bytes = changed(text.as_bytes(), usize::from(low), |byte| {
                *byte = value & 0x7f
            });
            delivery.with_header(&name, &String::from_utf8(bytes).unwrap_or_default())
        }
        5 => {
            let mut text = text;
            text.insert(
                usize::from(low) % (text.len() + 1),
                char::from(value & 0x7f),
            );
            delivery.with_header(&name, &text)
        }
        6 => delivery.without_header(&name),
        _ => delivery.with_added_header(&name, &text),
    }
}

fn changed(bytes: &[u8], place: usize, change: impl FnOnce(&mut u8)) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = place % bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(at) {
        change(byte);
    }
    bytes
}
