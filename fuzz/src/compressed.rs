use std::{io::Read, sync::LazyLock, time::Duration};

use bytes::Bytes;
use countersign_core::{
    RejectionKind, Scheme, Verifier,
    scheme::{Compression, IdenticalBodies},
};
use countersign_testkit::Sender;

use crate::request::{NOW, Request, verifier};

const LIMIT: usize = 4_096;

/// A verifier for each way to sign, and the sender that both trust.
static VERIFIERS: LazyLock<[(Verifier, Sender); 2]> = LazyLock::new(|| {
    [Compression::SignedBefore, Compression::SignedAfter].map(|compression| {
        let within = Duration::from_secs(60);
        let scheme = Scheme::body_hmac("X-Sig")
            .identical_bodies(IdenticalBodies::Copies { within })
            .body_limit(LIMIT)
            .gzip(compression)
            .build()
            .expect("a scheme");
        let sender = Sender::new(scheme);
        let secret = sender.secret().expect("a secret");
        (
            verifier(scheme).secret(secret).build().expect("a verifier"),
            sender,
        )
    })
});

/// The first byte says into how many pieces the rest is cut, which is a body that is labelled as gzip. It is
/// read as another decoder reads it, or refused, and its pieces make no difference.
pub fn compressed(data: &[u8]) {
    let [size, body @ ..] = data else {
        return;
    };
    let text = text(body);
    for (verifier, sender) in &*VERIFIERS {
        let before = sender.scheme().compression() == Some(Compression::SignedBefore);
        let signed = match (&text, before) {
            (Some(text), true) => text.clone(),
            _ => body.to_vec(),
        };
        let signed = sender.raw("", "", signed);
        let mut headers: Vec<(&str, &[u8])> = signed
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        headers.push(("content-encoding", b"gzip"));
        let request = Request::post(headers);

        let whole = verifier.verify(&request, Bytes::copy_from_slice(body), NOW);
        let mut intake = verifier
            .precheck(&request, NOW)
            .and_then(|head| head.open(None))
            .expect("a head that is right");
        let pushed = body
            .chunks(usize::from(*size).max(1))
            .try_for_each(|chunk| intake.push(Bytes::copy_from_slice(chunk)));
        let pieces = pushed.and_then(|()| intake.finish());
        match (whole, pieces) {
            (Ok(whole), Ok(pieces)) => {
                let text = text.as_deref().expect("the other decoder reads it, too");
                let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
                assert_eq!(whole.payload(), Some(text));
                assert_eq!(pieces.payload(), Some(text));
            }
            (Err(whole), Err(pieces)) => {
                assert_eq!(whole.kind(), pieces.kind());
                let fits = |text: &Vec<u8>| text.len() <= LIMIT && !text.starts_with(&[0x1f, 0x8b]);
                let due = text.as_ref().is_some_and(fits) && body.len() <= LIMIT;
                assert!(!due || whole.kind() == RejectionKind::Busy, "{whole}");
            }
            (whole, pieces) => panic!("{whole:?} {pieces:?}"),
        }
        assert_eq!(verifier.buffered_bytes(), 0);
    }
}

/// What another decoder makes of one member and nothing behind it.
fn text(body: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = flate2::bufread::GzDecoder::new(body);
    let mut text = Vec::new();
    let most = u64::try_from(LIMIT).ok()?.checked_add(1)?;
    (&mut decoder).take(most).read_to_end(&mut text).ok()?;
    // Whatever is left over is too long, or fails when it is read to its end.
    std::io::copy(&mut decoder, &mut std::io::sink()).ok()?;
    decoder.into_inner().is_empty().then_some(text)
}
