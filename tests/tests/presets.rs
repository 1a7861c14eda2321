//! Every sender that is known, by table: a new one is judged by all of this without a line of code.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use countersign_core::{
    Algorithm, RejectionKind, Secret, Timestamp, Verified, Verifier, VerifierBuilder,
    VerifierError,
    scheme::{Grammar, Location, Part, Place, RetryTime, Scheme, TimeUnit},
};
use countersign_senders::{Preset, all, find, missing};
use countersign_testkit::{ManualClock, Sender, SignedDelivery};
use countersign_tests::{
    catalog,
    handler::TestHandler,
    raw,
    request::{Request, URL, receiver},
    servers::{self, PATH},
};
use serde::Deserialize;
use serde_json::Value;

const EVENT: &str = "some.event";

fn builder(scheme: Scheme, secret: Secret) -> VerifierBuilder {
    let mut builder = Verifier::builder(scheme).secret(secret);
    if !scheme.body_is_signed() {
        builder = builder.accept_unsigned_body();
    }
    match scheme.signs_url() {
        true => builder.url(URL),
        false => builder,
    }
}

fn verifier(scheme: Scheme, secret: Secret) -> Verifier {
    builder(scheme, secret).build().unwrap()
}

/// A sender, the verifier that trusts it, and a delivery of its sample.
struct Desk {
    scheme: Scheme,
    sender: Sender,
    clock: ManualClock,
    verifier: Verifier,
    delivery: SignedDelivery,
}

impl Desk {
    fn of(preset: &Preset) -> Self {
        let clock = ManualClock::new();
        let sender = Sender::new(preset.scheme)
            .with_clock(clock.clone())
            .with_url(URL);
        let body: Value = serde_json::from_str(preset.sample).unwrap();
        Self {
            scheme: preset.scheme,
            verifier: verifier(preset.scheme, sender.secret().unwrap()),
            delivery: sender.delivery(EVENT, body),
            sender,
            clock,
        }
    }

    fn request(&self) -> Request {
        Request::from(&self.delivery)
    }

    fn judge(&self, request: &Request) -> Result<(), RejectionKind> {
        let judged = self
            .verifier
            .verify(request, request.body.clone(), self.sender.now());
        judged.map(drop).map_err(|refused| refused.kind())
    }

    /// The headers that hold the signature.
    fn is_signature(&self, header: &str) -> bool {
        let is = |name: &&str| header.eq_ignore_ascii_case(name);
        match self.scheme.location() {
            Location::AnyOf(names) | Location::AllOf(names) => names.iter().any(is),
            Location::Numbered(stem) => header.to_lowercase().starts_with(&stem.to_lowercase()),
            _ => is(&self.scheme.signature_header()),
        }
    }
}

/// A delivery, or the first item of a batch.
fn one(verified: Verified) -> Verified {
    match verified.scheme().batch() {
        Some(_) => verified.into_items(10).unwrap().next().unwrap(),
        None => verified,
    }
}

/// Whether a preset's signature or token is in a header.
fn in_header(preset: &&Preset) -> bool {
    !matches!(preset.scheme.location(), Location::Body(_))
}

/// The key of somebody else.
fn stranger(scheme: Scheme) -> Secret {
    if scheme.algorithm() == Algorithm::RsaSha256 {
        let amazons = "../crates/countersign-senders/src/amazon_sns/certificate.pem";
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(amazons);
        return Secret::new(fs::read_to_string(file).unwrap().trim()).unwrap();
    }
    if scheme.algorithm().has_public_key() {
        let private = "07".repeat(32);
        return Sender::with_secret(scheme, private).secret().unwrap();
    }
    Secret::from_bytes(*b"another key").unwrap()
}

/// Each byte of a text changed, in turn.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).map(|at| {
        let mut other = bytes.to_vec();
        other[at] = match other[at] {
            b'0' => b'1',
            b'Z' => b'Y',
            byte if byte.is_ascii_digit() => b'0' + (byte - b'0' + 1) % 10,
            byte if byte.is_ascii_alphabetic() => byte ^ 0x01,
            byte => byte ^ 0x02,
        };
        other
    })
}

#[test]
fn there_are_seventy_and_each_says_what_it_must() {
    let presets: Vec<_> = all().collect();
    assert!(presets.len() >= 70, "{}", presets.len());
    let names: BTreeSet<_> = presets.iter().map(|preset| preset.name).collect();
    assert_eq!(names.len(), presets.len(), "a name twice");
    for preset in presets {
        let name = preset.name;
        assert_eq!(preset.scheme.name(), name);
        assert_eq!(preset.scheme.evidence(), preset.source, "{name}");
        assert!(
            !preset.source.is_empty() && !preset.title.is_empty(),
            "{name}"
        );
        assert!(
            !preset.source.starts_with("http"),
            "{name}: no scheme of URLs"
        );
        assert_eq!(find(name).unwrap().title, preset.title);
        let sample: Value = serde_json::from_str(preset.sample).unwrap();
        assert!(sample.is_object() || sample.is_array(), "{name}");
        assert!(
            preset.scheme.response_budget() <= Duration::from_secs(8),
            "{name}"
        );
    }
}

#[test]
fn each_sender_has_a_receiver() {
    for preset in all() {
        let secret = Sender::new(preset.scheme).secret().unwrap();
        let receiver = receiver(preset.scheme, [secret]);
        assert_eq!(receiver.scheme(), &preset.scheme);
    }
}

#[test]
fn each_sender_is_accepted_and_told_apart() {
    for preset in all() {
        let desk = Desk::of(preset);
        let request = desk.request();
        let verified = desk
            .verifier
            .verify(&request, request.body.clone(), desk.sender.now());
        let verified = verified.unwrap_or_else(|error| panic!("{}: {error}", preset.name));
        let scheme = &desk.scheme;
        let verified = one(verified);
        assert_eq!(
            verified.id().is_some(),
            scheme.id().is_some(),
            "{}",
            preset.name
        );
        let event = verified.event_type().map(|event| event.as_str());
        assert_eq!(event, scheme.event().map(|_| EVENT), "{}", preset.name);
        // The JSON sender's retry: the same id.
        let retry = Request::from(&desk.sender.retry(&desk.delivery));
        let again = desk
            .verifier
            .verify(&retry, retry.body.clone(), desk.sender.now());
        assert_eq!(one(again.unwrap()).id(), verified.id(), "{}", preset.name);
    }
}

#[test]
fn no_byte_of_a_body_can_be_changed() {
    for preset in all().filter(|preset| preset.scheme.body_is_signed()) {
        let desk = Desk::of(preset);
        let request = desk.request();
        let body = request.body.to_vec();
        let longer = [&body[..], b" "].concat();
        let shorter = body[..body.len() - 1].to_vec();
        for body in flipped(&body).chain([longer, shorter, Vec::new()]) {
            let text = String::from_utf8_lossy(&body).into_owned();
            assert!(
                desk.judge(&request.with_body(body)).is_err(),
                "{}: {text}",
                preset.name
            );
        }
    }
}

/// A token proves who sent a request and nothing about it. Nobody is served such a sender without asking for it by
/// name, and what comes of it says so.
#[test]
fn a_token_proves_no_body_and_says_so() {
    let tokens: Vec<_> = all()
        .filter(|preset| preset.scheme.algorithm() == Algorithm::Token)
        .collect();
    for preset in &tokens {
        let desk = Desk::of(preset);
        let secret = desk.sender.secret().unwrap();
        let built = Verifier::builder(preset.scheme).secret(secret).build();
        assert!(built.is_err(), "{}", preset.name);
        // Anything else in the body, the token apart.
        let mut body: Value = match in_header(preset) {
            true => Value::Object(serde_json::Map::new()),
            false => serde_json::from_slice(&desk.request().body).unwrap(),
        };
        body["anything"] = "else".into();
        let request = desk.request().with_body(body.to_string());
        let verified = desk
            .verifier
            .verify(&request, request.body.clone(), desk.sender.now());
        let verified = verified.unwrap();
        assert!(!verified.body_is_signed() && !verified.id_is_signed());
        assert!(!preset.scheme.id_is_signed() && !preset.scheme.event_is_signed());
        assert!(
            preset.note.starts_with("Signs nothing"),
            "{}: {}",
            preset.name,
            preset.note
        );
    }
    assert!(tokens.len() >= 6, "{}", tokens.len());
}

/// What a procedure's message holds is proved. A body that verifies with another byte is the same delivery, and
/// nothing that is said to be signed is another one.
#[test]
fn a_procedure_proves_its_message_and_the_rest_makes_no_other_delivery() {
    let (mut unsigned, mut held) = (0, 0);
    for preset in all().filter(|preset| preset.scheme.procedure().is_some()) {
        let desk = Desk::of(preset);
        let request = desk.request();
        let judge = |body: Vec<u8>| {
            let now = desk.sender.now();
            desk.verifier.verify(&request, body.into(), now)
        };
        let proved = |verified: Verified| {
            let verified = one(verified);
            let event = verified.event_type().filter(|event| event.is_signed());
            (
                verified.proved_message().cloned(),
                verified.id().map(str::to_owned),
                verified.time(),
                event.map(|event| event.as_str().to_owned()),
            )
        };
        let genuine = proved(judge(request.body.to_vec()).unwrap());
        for body in flipped(&request.body) {
            let text = String::from_utf8_lossy(&body).into_owned();
            if let Ok(other) = judge(body) {
                assert!(!preset.scheme.body_is_signed(), "{}: {text}", preset.name);
                assert_eq!(proved(other), genuine, "{}: {text}", preset.name);
            }
        }
        assert!(judge(Vec::new()).is_err(), "{}", preset.name);
        // A field that is said to be covered is in the message, and is not to be changed.
        for field in preset.scheme.covered() {
            if field.starts_with('/') {
                held += 1;
                let at = preset.scheme.batch().map(|list| format!("{list}/0"));
                let pointer = format!("{}{field}", at.unwrap_or_default());
                let mut body: Value = serde_json::from_slice(&request.body).unwrap();
                let value = body.pointer_mut(&pointer).unwrap();
                let text = value.as_str().map_or(value.to_string(), str::to_owned);
                for other in flipped(text.as_bytes()) {
                    let mut body = body.clone();
                    *body.pointer_mut(&pointer).unwrap() = String::from_utf8(other).unwrap().into();
                    let judged = judge(body.to_string().into_bytes());
                    assert!(judged.is_err(), "{}: {field}", preset.name);
                }
            }
        }
        if !preset.scheme.body_is_signed() {
            unsigned += 1;
            let secret = desk.sender.secret().unwrap();
            let mut silent = Verifier::builder(preset.scheme).secret(secret);
            if preset.scheme.signs_url() {
                silent = silent.url(URL);
            }
            assert_eq!(silent.build().unwrap_err(), VerifierError::BodyNotSigned);
        }
    }
    assert!(unsigned >= 5 && held >= 7, "{unsigned} and {held}");
}

/// The signature of a procedure that is in the body is looked at as one in a header is.
#[test]
fn no_byte_of_a_signature_in_a_body_can_be_changed() {
    let mut judged = 0;
    for preset in all().filter(|preset| preset.scheme.procedure().is_some()) {
        let Location::Body(pointer) = preset.scheme.location() else {
            continue;
        };
        judged += 1;
        let desk = Desk::of(preset);
        let request = desk.request();
        let mut body: Value = serde_json::from_slice(&request.body).unwrap();
        let pointer = pointer.replace("/*", "/0");
        let tag = body.pointer(&pointer).unwrap().as_str().unwrap().to_owned();
        let shorter = tag.as_bytes()[..tag.len() - 4].to_vec();
        for tag in flipped(tag.as_bytes()).chain([shorter, Vec::new()]) {
            *body.pointer_mut(&pointer).unwrap() = String::from_utf8(tag).unwrap().into();
            let request = request.with_body(body.to_string());
            assert!(desk.judge(&request).is_err(), "{}", preset.name);
        }
        let other = verifier(desk.scheme, stranger(desk.scheme));
        let refused = other.verify(&request, request.body.clone(), desk.sender.now());
        let kind = refused.unwrap_err().kind();
        assert_eq!(kind, RejectionKind::SignatureMismatch, "{}", preset.name);
    }
    assert!(judged >= 3, "{judged}");
}

#[test]
fn no_byte_of_a_signature_can_be_changed() {
    for preset in all().filter(in_header) {
        let desk = Desk::of(preset);
        let request = desk.request();
        let at = request
            .headers
            .iter()
            .position(|(name, _)| desk.is_signature(name))
            .unwrap();
        let value = request.headers[at].1.clone();
        for value in flipped(&value).chain([value[..value.len() - 4].to_vec(), Vec::new()]) {
            let text = String::from_utf8_lossy(&value).into_owned();
            let mut request = request.clone();
            request.headers[at].1 = value;
            assert!(desk.judge(&request).is_err(), "{}: {text}", preset.name);
        }
        // Another secret of the same form, and no signature at all.
        let other = verifier(desk.scheme, stranger(desk.scheme));
        let refused = other.verify(&request, request.body.clone(), desk.sender.now());
        assert_eq!(
            refused.unwrap_err().kind(),
            RejectionKind::SignatureMismatch
        );
        let unsigned = Request::from(&desk.delivery.unsigned());
        assert_eq!(
            desk.judge(&unsigned),
            Err(RejectionKind::HeaderMissing),
            "{}",
            preset.name
        );
    }
}

/// What a scheme says is covered is covered; and what it says is not can be changed by anybody, is said to be
/// unsigned, and changes nothing else.
#[test]
fn what_is_signed_cannot_be_changed_and_what_is_not_says_so() {
    let (mut signed, mut unsigned) = (0, 0);
    for preset in all() {
        let desk = Desk::of(preset);
        let request = desk.request();
        let headers = [
            (desk.scheme.id(), desk.scheme.id_is_signed()),
            (desk.scheme.event(), desk.scheme.event_is_signed()),
            (
                desk.scheme.time_header().map(Place::Header),
                desk.scheme.time_is_signed(),
            ),
        ];
        for (place, covered) in headers {
            let Some(Place::Header(name)) = place else {
                continue;
            };
            let at = request
                .headers
                .iter()
                .position(|(header, _)| header.eq_ignore_ascii_case(name));
            let at = at.unwrap();
            let value = request.headers[at].1.clone();
            for value in flipped(&value) {
                let mut request = request.clone();
                request.headers[at].1 = value;
                let judged = desk.judge(&request);
                assert_eq!(
                    judged.is_err(),
                    covered,
                    "{}: {name}: {judged:?}",
                    preset.name
                );
            }
            signed += u32::from(covered);
            unsigned += u32::from(!covered);
        }
        for part in desk.scheme.signed() {
            let Part::Header(name) = part else { continue };
            let mut request = request.clone();
            request
                .headers
                .retain(|(header, _)| !header.eq_ignore_ascii_case(name));
            let judged = desk.judge(&request.with(name, "other"));
            assert_eq!(
                judged,
                Err(RejectionKind::SignatureMismatch),
                "{}",
                preset.name
            );
        }
        let verified = desk
            .verifier
            .verify(&request, request.body.clone(), desk.sender.now());
        let verified = one(verified.unwrap());
        let event = verified.event_type().map(|event| event.is_signed());
        let due = desk.scheme.event().map(|_| desk.scheme.event_is_signed());
        assert_eq!(event, due, "{}", preset.name);
        let id = verified.id().map(|_| verified.id_is_signed());
        assert_eq!(
            id,
            desk.scheme.id().map(|_| desk.scheme.id_is_signed()),
            "{}",
            preset.name
        );
    }
    assert!(signed >= 15 && unsigned >= 15, "{signed} and {unsigned}");
}

#[test]
fn a_signed_time_is_judged_and_no_retry_is_too_late() {
    let mut judged = 0;
    for preset in all() {
        let desk = Desk::of(preset);
        let Some(tolerance) = desk.scheme.tolerance() else {
            assert!(!desk.scheme.time_is_signed(), "{}", preset.name);
            continue;
        };
        judged += 1;
        let request = desk.request();
        let sent = desk.sender.now();
        let at = |seconds: i64| {
            let now = Timestamp::from_unix_millis(sent.unix_millis() + seconds * 1_000);
            let judged = desk.verifier.verify(&request, request.body.clone(), now);
            judged.map(drop).map_err(|refused| refused.kind())
        };
        let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap();
        assert_eq!(at(seconds(tolerance.past)), Ok(()), "{}", preset.name);
        let stale = Err(RejectionKind::TimestampStale);
        assert_eq!(at(seconds(tolerance.past) + 1), stale, "{}", preset.name);
        assert_eq!(at(-seconds(tolerance.future)), Ok(()), "{}", preset.name);
        let future = Err(RejectionKind::TimestampFuture);
        assert_eq!(
            at(-seconds(tolerance.future) - 1),
            future,
            "{}",
            preset.name
        );
        // A retry with its first time comes as late as the sender retries.
        if desk.scheme.retry_time() != RetryTime::Renewed {
            assert_eq!(
                at(seconds(desk.scheme.retry_span())),
                Ok(()),
                "{}",
                preset.name
            );
        }
        desk.clock.advance(tolerance.past + Duration::from_secs(2));
        assert_eq!(desk.judge(&desk.request()), stale, "{}", preset.name);
    }
    assert!(judged >= 25, "{judged}");
}

/// Every sender's request, signed with one secret, at every other sender's verifier.
#[test]
fn a_sender_is_not_taken_for_another() {
    let secret = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let desks: Vec<_> = all()
        .map(|preset| {
            let clock = ManualClock::new();
            let sender = match preset.scheme.algorithm().has_public_key() {
                true => Sender::new(preset.scheme),
                false => Sender::with_secret(preset.scheme, secret),
            };
            let sender = sender.with_clock(clock).with_url(URL);
            let body: Value = serde_json::from_str(preset.sample).unwrap();
            let request = Request::from(&sender.delivery(EVENT, body));
            let verifier = builder(preset.scheme, sender.secret().unwrap())
                .build()
                .ok();
            (preset, request, verifier, sender)
        })
        .collect();
    let mut twins = BTreeSet::new();
    for (of, request, _, sender) in &desks {
        for (at, _, verifier, _) in &desks {
            let Some(verifier) = verifier else { continue };
            let judged = verifier.verify(request, request.body.clone(), sender.now());
            if of.name != at.name && judged.is_ok() {
                let mut pair = [of.name, at.name];
                pair.sort_unstable();
                twins.insert(pair);
            }
        }
    }
    // The same headers, grammar, algorithm and signed bytes: only the secret and the URL tell them apart.
    for [one, other] in &twins {
        let (one, other) = (find(one).unwrap().scheme, find(other).unwrap().scheme);
        let signing = |scheme: &Scheme| {
            (
                scheme.signature_header().to_lowercase(),
                scheme.algorithm(),
                scheme.encoding(),
            )
        };
        assert_eq!(
            signing(&one),
            signing(&other),
            "{} and {}",
            one.name(),
            other.name()
        );
        let alike = |scheme: &Scheme| match scheme.grammar() {
            Grammar::Prefix(_) => "prefix",
            Grammar::Versioned(_) => "versioned",
            Grammar::Bare => "bare",
            _ => "other",
        };
        assert_eq!(
            alike(&one),
            alike(&other),
            "{} and {}",
            one.name(),
            other.name()
        );
    }
    assert!(twins.len() < 60, "{twins:?}");
}

#[derive(Deserialize)]
struct Published {
    id: String,
    preset: Option<String>,
    source: String,
    secret: String,
    secret_encoding: String,
    #[serde(default)]
    other_secrets: Vec<String>,
    headers: std::collections::BTreeMap<String, String>,
    body: Option<String>,
    body_b64: Option<String>,
    now_unix: Option<i64>,
    tolerance_s: Option<u64>,
    url: Option<String>,
    query: Option<String>,
    expect: String,
}

impl Published {
    fn body(&self) -> Vec<u8> {
        match (&self.body, &self.body_b64) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(text)) => STANDARD.decode(text).unwrap(),
            (None, None) => Vec::new(),
        }
    }

    fn judge(&self, scheme: Scheme) -> Result<(), RejectionKind> {
        let secret = Secret::new(self.secret.clone())
            .ok()
            .filter(|secret| builder(scheme, secret.clone()).build().is_ok());
        // A sample secret that is not of the form of real ones is the key itself.
        let secret = secret.unwrap_or_else(|| match &*self.secret_encoding {
            "base64" => Secret::from_base64(&self.secret).unwrap(),
            _ => Secret::from_bytes(self.secret.clone().into_bytes()).unwrap(),
        });
        let mut builder = Verifier::builder(scheme).secret(secret);
        if !scheme.body_is_signed() {
            builder = builder.accept_unsigned_body();
        }
        for other in &self.other_secrets {
            builder = builder.secret(Secret::new(other.clone()).unwrap());
        }
        if let Some(seconds) = self.tolerance_s.filter(|_| scheme.tolerance().is_some()) {
            builder = builder.refuse_late_retries_after(Duration::from_secs(seconds));
        }
        if scheme.signs_url() {
            builder = builder.url(self.url.clone().unwrap());
        }
        let verifier = builder.build().unwrap();
        let headers = self.headers.iter();
        let request = Request {
            query: self.query.clone(),
            ..Request::default()
        };
        let request = headers.fold(request, |request, (name, value)| {
            request.with(name, value.as_str())
        });
        let now = Timestamp::from_unix_seconds(self.now_unix.unwrap_or(1_700_000_000));
        let judged = verifier.verify(&request, self.body().into(), now);
        judged.map(drop).map_err(|refused| refused.kind())
    }
}

fn published(file: &str) -> Vec<Published> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    serde_json::from_str(&fs::read_to_string(folder.join(file)).unwrap()).unwrap()
}

/// How many of a file's verdicts the presets come to, and how many vectors have no preset.
fn agree(file: &str) -> (usize, usize) {
    let (mut agreed, mut without) = (0, 0);
    let mut wrong = Vec::new();
    for vector in published(file) {
        let Some(preset) = &vector.preset else {
            without += 1;
            continue;
        };
        let preset = find(preset).unwrap_or_else(|| panic!("{}: {preset}", vector.id));
        let judged = vector.judge(preset.scheme);
        if judged.is_ok() == (vector.expect == "valid") {
            agreed += 1;
        } else {
            wrong.push(format!("{}: {judged:?}, due {}", vector.id, vector.expect));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    (agreed, without)
}

#[test]
fn published_signatures_verify_by_preset() {
    assert_eq!(agree("published.json"), (92, 11));
}

#[test]
fn further_published_signatures_verify_by_preset() {
    assert_eq!(agree("further.json"), (126, 12));
}

#[test]
fn a_published_signature_has_an_id_and_a_source() {
    let first = published("published.json");
    let mut ids = BTreeSet::new();
    for vector in first.into_iter().chain(published("further.json")) {
        let id = &vector.id;
        assert!(matches!(&*vector.expect, "valid" | "invalid"), "{id}");
        assert!(!vector.source.is_empty(), "{id}");
        assert!(!vector.source.starts_with("http"), "{id}");
        assert!(ids.insert(id.clone()), "{id} twice");
    }
}

#[test]
fn sha1_is_only_where_a_sender_has_nothing_else() {
    let sha1: Vec<_> = all()
        .filter(|preset| {
            matches!(
                preset.scheme.algorithm(),
                Algorithm::HmacSha1 | Algorithm::PlainSha1
            )
        })
        .map(|preset| preset.name)
        .collect();
    assert_eq!(
        sha1,
        [
            "twilio",
            "twilio-voice",
            "twilio-json",
            "cloudinary",
            "vercel",
            "trello",
            "intercom",
            "webex",
            "help-scout",
            "sinch-numbers",
            "survey-monkey",
            "mandrill"
        ]
    );
}

#[test]
fn dates_come_from_the_senders_that_write_them() {
    let dates: Vec<_> = all()
        .filter(|preset| {
            matches!(
                preset.scheme.time_unit(),
                Some(TimeUnit::Rfc3339 | TimeUnit::Rfc3339WithoutZone)
            )
        })
        .map(|preset| preset.name)
        .collect();
    assert_eq!(dates, ["orb", "twitch", "zendesk", "box", "amazon-sns"]);
}

/// The page and the data that are written from the presets are those that are committed.
#[test]
fn what_is_written_of_the_presets_is_not_stale() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let write = std::env::var_os("COUNTERSIGN_WRITE").is_some();
    for (file, due) in [
        ("schemes.md", catalog::page()),
        ("senders.json", catalog::data()),
    ] {
        let file = docs.join(file);
        if write {
            fs::write(&file, &due).unwrap();
        }
        let is = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            is == due,
            "{} is stale: COUNTERSIGN_WRITE=1 writes it",
            file.display()
        );
    }
}

/// Whoever adds a sender takes it off the list of those that are missing.
#[test]
fn a_sender_that_is_here_is_not_missing() {
    for sender in missing() {
        let name = sender.name;
        assert!(find(name).is_none(), "{name} is here: take it off the list");
        assert!(all().all(|preset| preset.title != sender.title), "{name}");
        for text in [sender.source, sender.why, sender.instead] {
            assert!(!text.is_empty() && !text.contains(['|', '\n']), "{name}");
        }
    }
}

/// Telegram's ids are numbers; what is no whole number is no id, and the body is the key then.
#[test]
fn a_number_is_an_id() {
    let telegram = find("telegram").unwrap();
    let desk = Desk::of(telegram);
    for (body, due) in [
        (r#"{"update_id":10000,"message":{}}"#, Some("10000")),
        (
            r#"{"update_id":9007199254740993}"#,
            Some("9007199254740993"),
        ),
        (r#"{"update_id":-1}"#, None),
        (r#"{"update_id":1.0}"#, None),
        (r#"{"update_id":1,"update_id":2}"#, None),
    ] {
        let request = desk.request().with_body(body);
        let verified = desk
            .verifier
            .verify(&request, request.body.clone(), desk.sender.now());
        let verified = verified.unwrap();
        assert_eq!(verified.id(), due, "{body}");
        assert!(!verified.id_is_signed());
    }
}

/// The data has the fields that its schema knows, and those that it needs.
#[test]
fn the_data_is_what_its_schema_says() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/senders.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let of = &schema["$defs"]["sender"];
    let known = of["properties"].as_object().unwrap();
    let data: Value = serde_json::from_str(&catalog::data()).unwrap();
    for sender in data["senders"].as_array().unwrap() {
        let sender = sender.as_object().unwrap();
        for field in of["required"].as_array().unwrap() {
            assert!(
                sender.contains_key(field.as_str().unwrap()),
                "{} lacks {field}",
                sender["name"]
            );
        }
        for (field, value) in sender {
            let rule = known
                .get(field)
                .unwrap_or_else(|| panic!("{field} is not in the schema"));
            if let Some(of_enum) = rule["enum"].as_array() {
                assert!(of_enum.contains(value), "{}: {field}", sender["name"]);
            }
        }
        let signature = &known["signature"]["properties"];
        for field in ["which", "algorithm", "encoding"] {
            let allowed = signature[field]["enum"].as_array().unwrap();
            assert!(
                allowed.contains(&sender["signature"][field]),
                "{}: {field}",
                sender["name"]
            );
        }
    }
}

/// A company's own sender as configuration: read, served over a real socket, and proved.
#[tokio::test]
async fn a_document_is_served() {
    let scheme = countersign_senders::document::from_toml(
        r#"
        name = "acme"
        signature = { header = "X-Acme-Signature", prefix = "sha256=" }
        id = { header = "X-Acme-Delivery" }
        event = { pointer = "/type" }
        subject = "/order/id"
        events = [{ name = "order.paid", once = true, when = { pointer = "/status", values = ["paid"] } }]
        retry_span = "24h"
        "#,
    );
    let sender = Sender::new(scheme.unwrap());
    let receiver = receiver(*sender.scheme(), [sender.secret().unwrap()]);
    let handler = TestHandler::default();
    let addr = servers::Place::ALL[0]
        .start(&receiver, &handler)
        .await
        .unwrap();
    let body = serde_json::json!({"order": {"id": "o_1"}, "status": "paid"});
    let delivery = sender.delivery("order.paid", body).to(PATH);
    for (delivery, status, dedup) in [
        (&delivery, 200, Some("fresh")),
        (&delivery, 200, Some("duplicate")),
        (&delivery.tampered(), 401, None),
    ] {
        let answer = raw::Request::of(delivery).send(addr).await.unwrap();
        let got = (answer.status, answer.header("countersign-dedup"));
        assert_eq!(got, (status, dedup));
    }
    assert_eq!(handler.begun(), 1);
}
