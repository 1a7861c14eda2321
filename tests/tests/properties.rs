//! The intake against an independent HMAC (`ring`) over generated schemes, keys, bodies and chunks.
#![allow(clippy::unwrap_used, reason = "tests")]

use countersign_core::{
    Algorithm, Receiver, RejectionKind, Scheme, Secret, Timestamp,
    scheme::{Encoding, Grammar, IdenticalBodies, Part},
};
use countersign_tests::{
    reference,
    request::{Request, URL, receiver},
};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::RngSeed};

const NOW: i64 = 1_712_000_000;
const SIGNATURE: &str = "X-Signature";
const ID: &str = "X-Id";
const TIME: &str = "X-Time";
const EXTRA: &str = "X-Extra";

const DOT: Part = Part::Literal(".");
const TEMPLATES: &[&[Part]] = &[
    &[Part::Body],
    &[Part::Literal("v0:"), Part::Body, Part::Literal("end")],
    &[Part::Timestamp, DOT, Part::Body],
    &[Part::Id, DOT, Part::Timestamp, DOT, Part::Body],
    &[Part::Header(EXTRA), Part::Literal("\n"), Part::Body],
    &[Part::Url, Part::Body],
    &[Part::Body, Part::Literal("|"), Part::Timestamp],
    &[
        Part::Id,
        Part::Literal(":"),
        Part::Body,
        DOT,
        Part::Timestamp,
    ],
];
const GRAMMARS: &[Grammar] = &[
    Grammar::Bare,
    Grammar::Prefix("sha256="),
    Grammar::OptionalPrefix("v0="),
    Grammar::Pairs {
        separator: ',',
        tags: &["v1"],
    },
    Grammar::Pairs {
        separator: ';',
        tags: &["h1", "h2"],
    },
    Grammar::Versioned(&["v1"]),
];

fn schemes() -> impl Strategy<Value = Scheme> {
    let encodings = select(vec![Encoding::Hex, Encoding::Base64, Encoding::Base64Url]);
    let algorithms = select(vec![Algorithm::HmacSha256, Algorithm::HmacSha512]);
    let space = (
        select(TEMPLATES),
        select(GRAMMARS),
        encodings,
        algorithms,
        any::<bool>(),
    );
    space.prop_map(|(signed, grammar, encoding, algorithm, time_in_pairs)| {
        let mut builder = Scheme::body_hmac(SIGNATURE)
            .signed(signed)
            .encoding(encoding)
            .algorithm(algorithm);
        builder = match grammar {
            Grammar::Prefix(prefix) => builder.prefix(prefix),
            Grammar::OptionalPrefix(prefix) => builder.optional_prefix(prefix),
            Grammar::Pairs { separator, tags } => builder.pairs(separator, tags),
            Grammar::Versioned(versions) => builder.versioned(versions),
            _ => builder,
        };
        if signed.contains(&Part::Id) {
            builder = builder.signed_id_header(ID);
        }
        if signed.contains(&Part::Timestamp) {
            let in_pairs = time_in_pairs && matches!(grammar, Grammar::Pairs { .. });
            builder = if in_pairs {
                builder.time_key("t")
            } else {
                builder.time_header(TIME)
            };
            builder = builder.tolerance(core::time::Duration::from_secs(300));
        }
        if !signed.contains(&Part::Id) {
            builder = builder.identical_bodies(IdenticalBodies::Events);
        }
        builder.build().unwrap()
    })
}

/// What a sender and its network make of one delivery.
#[derive(Clone, Debug)]
struct Sent {
    scheme: Scheme,
    key: Vec<u8>,
    body: Vec<u8>,
    chunks: Vec<usize>,
    id: String,
    extra: String,
    time: i64,
}

fn sent() -> impl Strategy<Value = Sent> {
    // Keys shorter and longer than a block, and bodies around the block sizes.
    let body = vec(any::<u8>(), 0..300);
    let (id, extra) = ("[!-+/-9;-~&&[^:.]]{1,40}", "[!-~]{1,40}");
    let time = NOW - 300..=NOW + 300;
    let key = vec(any::<u8>(), 1..200);
    (
        schemes(),
        key,
        body,
        vec(1_usize..200, 1..8),
        id,
        extra,
        time,
    )
        .prop_map(|(scheme, key, body, chunks, id, extra, time)| Sent {
            scheme,
            key,
            body,
            chunks,
            id,
            extra,
            time,
        })
}

impl Sent {
    fn receiver(&self) -> Receiver {
        let other = Secret::from_bytes(*b"another active key").unwrap();
        let secret = Secret::from_bytes(self.key.clone()).unwrap();
        receiver(self.scheme, [other, secret])
    }

    /// The request without its signature.
    fn unsigned(&self) -> Request {
        let mut request = Request::default().with_body(self.body.clone());
        if self.scheme.id().is_some() {
            request = request.with(ID, self.id.as_str());
        }
        if self.scheme.signed().contains(&Part::Header(EXTRA)) {
            request = request.with(EXTRA, self.extra.as_str());
        }
        if self.scheme.time_header().is_some() {
            request = request.with(TIME, self.time.to_string());
        }
        request
    }

    fn tag(&self) -> Vec<u8> {
        let time = self.time.to_string();
        let (time, id) = (time.as_bytes(), self.id.as_bytes());
        let message = reference::message(&self.scheme, &self.unsigned(), time, id, URL);
        reference::tag(&self.scheme, &self.key, &message)
    }

    /// The request with these tags, in the scheme's grammar.
    fn with_tags(&self, tags: &[Vec<u8>]) -> Request {
        let tags = tags.iter().map(|tag| reference::encode(&self.scheme, tag));
        let list = |before: &str, separator: &str| {
            let entries = tags.clone().map(|tag| format!("{before}{tag}"));
            entries.collect::<Vec<_>>().join(separator)
        };
        let value = match self.scheme.grammar() {
            Grammar::Prefix(prefix) | Grammar::OptionalPrefix(prefix) => list(prefix, " "),
            Grammar::Pairs { separator, tags } => {
                let separator = separator.to_string();
                let list = list(&format!("{}=", tags[tags.len() - 1]), &separator);
                match self.scheme.time_key() {
                    Some(key) => format!("{key}={}{separator}{list}", self.time),
                    None => list,
                }
            }
            Grammar::Versioned(versions) => list(&format!("{},", versions[0]), " "),
            _ => list("", " "),
        };
        self.unsigned().with(SIGNATURE, value)
    }

    fn takes_lists(&self) -> bool {
        matches!(
            self.scheme.grammar(),
            Grammar::Pairs { .. } | Grammar::Versioned(_)
        )
    }
}

/// The verdict, which is the same in one call and in chunks.
fn judge(receiver: &Receiver, sent: &Sent, request: &Request) -> Result<(), RejectionKind> {
    let now = Timestamp::from_unix_seconds(NOW);
    let whole = request.verify(receiver, now);
    let chunked = request.verify_in_chunks(receiver, &sent.chunks, now);
    let whole = whole.map(|proved| {
        assert_eq!(proved.body(), &request.body);
        assert_eq!(proved.matched_key(), "key-2");
    });
    let chunked = chunked.map(|proved| assert_eq!(proved.body(), &request.body));
    assert_eq!(whole, chunked);
    whole.map_err(|refused| refused.kind())
}

fn flip(bytes: &mut [u8], at: prop::sample::Index, bit: u8) {
    let at = at.index(bytes.len());
    bytes[at] ^= 1 << bit;
}

/// The same cases in every run.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 400,
        rng_seed: RngSeed::Fixed(4_231),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_the_reference(sent in sent(), noise in vec(any::<u8>(), 64), last in any::<bool>()) {
        let (receiver, good) = (sent.receiver(), sent.tag());
        prop_assert_eq!(judge(&receiver, &sent, &sent.with_tags(core::slice::from_ref(&good))), Ok(()));
        let other = noise[..good.len()].to_vec();
        let mismatch = Err(RejectionKind::SignatureMismatch);
        let alone = sent.with_tags(core::slice::from_ref(&other));
        prop_assert_eq!(judge(&receiver, &sent, &alone), mismatch);
        // One good tag among others is enough, wherever it is.
        if sent.takes_lists() {
            let tags = if last { [other.clone(), other, good] } else { [good, other.clone(), other] };
            prop_assert_eq!(judge(&receiver, &sent, &sent.with_tags(&tags)), Ok(()));
        }
    }

    #[test]
    fn no_bit_of_the_body_may_change(sent in sent(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let receiver = sent.receiver();
        let request = sent.with_tags(&[sent.tag()]);
        let mut changed = sent.body.clone();
        if changed.is_empty() {
            changed.push(0);
        } else {
            flip(&mut changed, at, bit);
        }
        let mismatch = Err(RejectionKind::SignatureMismatch);
        prop_assert_eq!(judge(&receiver, &sent, &request.with_body(changed)), mismatch);
        // Nor its length.
        let mut longer = sent.body.clone();
        longer.push(0);
        prop_assert_eq!(judge(&receiver, &sent, &request.with_body(longer)), mismatch);
        if let Some((_, shorter)) = sent.body.split_last() {
            let request = request.with_body(shorter.to_vec());
            prop_assert_eq!(judge(&receiver, &sent, &request), mismatch);
        }
    }

    #[test]
    fn no_bit_of_the_tag_may_change(sent in sent(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut tag = sent.tag();
        flip(&mut tag, at, bit);
        let verdict = judge(&sent.receiver(), &sent, &sent.with_tags(&[tag]));
        prop_assert_eq!(verdict, Err(RejectionKind::SignatureMismatch));
    }

    #[test]
    fn no_bit_of_a_signed_header_may_change(sent in sent(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let receiver = sent.receiver();
        let request = sent.with_tags(&[sent.tag()]);
        for name in [ID, TIME, EXTRA] {
            let mut changed = request.clone();
            let of_name = |(header, _): &&mut (String, Vec<u8>)| header == name;
            if let Some((_, value)) = changed.headers.iter_mut().find(of_name) {
                flip(value, at, bit);
                prop_assert!(judge(&receiver, &sent, &changed).is_err(), "{name}");
            }
        }
        if sent.scheme.time_key().is_some() {
            let later = Sent { time: sent.time ^ 1, ..sent.clone() };
            let request = later.with_tags(&[sent.tag()]);
            prop_assert!(judge(&receiver, &sent, &request).is_err());
        }
    }

    // Bytes cannot move from one signed part to another: the same signed bytes, cut elsewhere, are
    // refused although the MAC over them is right.
    #[test]
    fn signed_parts_do_not_trade_bytes(mut sent in sent(), cut in any::<prop::sample::Index>()) {
        let scheme = Scheme::body_hmac(SIGNATURE)
            .signed(&[Part::Id, DOT, Part::Timestamp, DOT, Part::Body])
            .signed_id_header(ID)
            .time_header(TIME);
        sent.scheme = scheme.build().unwrap();
        sent.body = format!("{}.{{}}", sent.time).into_bytes();
        let good = sent.with_tags(&[sent.tag()]);
        prop_assert_eq!(judge(&sent.receiver(), &sent, &good), Ok(()));
        let time = sent.time.to_string();
        let text = format!("{}.{time}.{time}.{{}}", sent.id);
        let dots: Vec<usize> = text.match_indices('.').map(|(at, _)| at).collect();
        // Any other way to read the text as id, time and body.
        let moved = [(dots[1], dots[2]), (dots[0], dots[2])][cut.index(2)];
        let mut request = good;
        request.headers[0].1 = text.as_bytes()[..moved.0].to_vec();
        request.headers[1].1 = text.as_bytes()[moved.0 + 1..moved.1].to_vec();
        request.body = text[moved.1 + 1..].to_owned().into();
        let verdict = judge(&sent.receiver(), &sent, &request);
        prop_assert_eq!(verdict, Err(RejectionKind::HeaderMalformed));
    }
}
