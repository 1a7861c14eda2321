use std::sync::LazyLock;

use bytes::Bytes;
use countersign_core::{Rejection, RejectionKind, Verified, Verifier};
use countersign_senders::rebill_za;
use countersign_testkit::Sender;

use crate::request::{NOW, Request, verifier};

const LIMITS: [usize; 5] = [1, 16, 100, 1_000, 4_096];

/// One verifier for each limit. It may hold no more bytes than one body has: should a request not
/// give all of its bytes back, a later one is refused.
static VERIFIERS: LazyLock<(Vec<Verifier>, Sender)> = LazyLock::new(|| {
    let sender = Sender::new(rebill_za::SCHEME);
    let verifiers = LIMITS.map(|limit| {
        verifier(rebill_za::SCHEME)
            .secret(sender.secret().expect("a secret"))
            .limits(|limits| {
                limits.body_bytes = limit;
                limits.buffered_bytes = limit;
            })
            .build()
            .expect("a verifier")
    });
    (verifiers.into(), sender)
});

/// The first byte picks a limit and whether the signature is right, the second says what length the
/// head declares, the third the number of chunk lengths that follow, and the rest is the body, which
/// is cut into chunks by these lengths in turn. However it is cut, it is judged as it is in one
/// piece, and what is proved is what came in.
pub fn intake(data: &[u8]) {
    let [choice, declared, count, rest @ ..] = data else {
        return;
    };
    let Some((lengths, body)) = rest.split_at_checked(usize::from(count % 8)) else {
        return;
    };
    let (verifiers, sender) = &*VERIFIERS;
    let at = usize::from(*choice) % LIMITS.len();
    let (verifier, limit) = (&verifiers[at], LIMITS[at]);
    let right = *choice < 200;
    let signed = if right {
        sender.raw("invoice.updated", "dlv_1", body.to_vec())
    } else {
        sender.raw("invoice.updated", "dlv_1", [body, b"!"].concat())
    };
    let declared = match declared % 4 {
        0 => None,
        1 => Some(body.len()),
        2 => Some(usize::from(declared / 4)),
        _ => Some(usize::MAX),
    }
    .map(|len| len.to_string());
    let mut headers: Vec<(&str, &[u8])> = signed
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    if let Some(declared) = &declared {
        headers.push(("content-length", declared.as_bytes()));
    }
    let request = Request::post(headers);

    let whole = verifier.verify(&request, Bytes::copy_from_slice(body), NOW);
    let whole = whole.map(|verified| verified.body().clone());
    let pieces = in_pieces(verifier, &request, body, lengths);
    match (&whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert!(body.len() <= limit && right);
            assert_eq!(whole, body);
            assert_eq!(pieces.body(), body);
        }
        (Err(whole), Err(pieces)) => {
            assert_eq!(whole.kind(), pieces.kind());
            if body.len() > limit {
                assert_eq!(whole.kind(), RejectionKind::BodyTooLarge);
            }
        }
        (whole, pieces) => panic!("whole {whole:?}, in pieces {pieces:?}"),
    }
}

fn in_pieces(
    verifier: &Verifier,
    request: &Request<'_>,
    mut body: &[u8],
    lengths: &[u8],
) -> Result<Verified, Rejection> {
    let head = verifier.precheck(request, NOW)?;
    let mut intake = head.open(None)?;
    let mut lengths = lengths.iter().copied().map(usize::from).cycle();
    // Some chunks may be empty, but not all of them.
    for _ in 0..10_000 {
        if body.is_empty() {
            break;
        }
        let len = lengths.next().unwrap_or(body.len()).min(body.len());
        let (chunk, rest) = body.split_at(len);
        intake.push(Bytes::copy_from_slice(chunk))?;
        body = rest;
    }
    intake.push(Bytes::copy_from_slice(body))?;
    intake.finish()
}
