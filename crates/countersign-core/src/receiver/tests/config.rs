//! What a receiver cannot be built from.

use super::*;
use crate::{
    keys::{MAX_KEYS, SecretFault},
    mac::Algorithm,
    scheme::{
        IdenticalBodies, KeyFormat, Tolerance,
        samples::{BASE64_KEY, BODY_ONLY, LATE_RETRIES, PREFIXED_KEY},
    },
};

const PLAIN: Scheme = Scheme::body_hmac("X-Sig").id_header("X-Id").declare();
const URL: Scheme = Scheme::body_hmac("X-Sig")
    .id_header("X-Id")
    .signed(&[Part::Url, Part::Body])
    .declare();

fn secret() -> Secret {
    Secret::new(KEY).unwrap()
}

fn keyless(scheme: Scheme) -> ReceiverBuilder {
    Receiver::builder(scheme)
        .endpoint("test")
        .store(MemoryStore::with_capacity(16))
}

#[test]
fn what_cannot_work_is_refused_when_it_is_built() {
    use ConfigError::{Verifier, *};
    use VerifierError::{
        BufferSmallerThanBody, KeyringOfAnotherScheme, NoKeys, SeveralKeySources,
        ToleranceWithoutSignedTime, TooManyHeaders, Url,
    };
    let hex = Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .key_format(KeyFormat::Hex)
        .declare();
    let sha512 = Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .algorithm(Algorithm::HmacSha512)
        .declare();
    let keyring_of = |scheme: &Scheme| {
        let key = Secret::from_bytes(*b"key").unwrap();
        Keyring::new(scheme, key).unwrap()
    };
    let nine = || (0..=MAX_KEYS).fold(builder(PLAIN), |builder, _| builder.secret(secret()));
    let (minute, day) = (Duration::from_secs(60), Duration::from_secs(86_400));
    let stripe = || keyless(PREFIXED_KEY).keyring(keyring_of(&PREFIXED_KEY));
    let no_store = Receiver::builder(PLAIN).endpoint("test").secret(secret());
    let no_keys = keyless(PLAIN);
    let no_endpoint = Receiver::builder(PLAIN)
        .secret(secret())
        .store(MemoryStore::with_capacity(16));
    let refused = (RejectionKind::SignatureMismatch, RejectionClass::Refused);
    let not_yet = (RejectionKind::InFlight, RejectionClass::NotYet);
    let of_another_class = |(kind, class)| StatusOfAnotherClass(kind, class);
    let rows: Vec<(&str, ReceiverBuilder, ConfigError)> = vec![
        ("no endpoint", no_endpoint, NoEndpoint),
        (
            "empty endpoint",
            builder(PLAIN).endpoint(""),
            InvalidEndpoint,
        ),
        (
            "long endpoint",
            builder(PLAIN).endpoint("x".repeat(129)),
            InvalidEndpoint,
        ),
        // Nothing to check with would be nothing checked.
        ("no keys", no_keys, Verifier(NoKeys)),
        (
            "a secret and a keyring",
            builder(PLAIN).keyring(keyring_of(&PLAIN)),
            Verifier(SeveralKeySources),
        ),
        (
            "a keyring and a secret",
            keyless(PLAIN).keyring(keyring_of(&PLAIN)).secret(secret()),
            Verifier(SeveralKeySources),
        ),
        (
            "nine keys",
            nine(),
            Verifier(VerifierError::Keyring(KeyringError::TooManyKeys)),
        ),
        (
            "SHA-512 keys",
            keyless(PLAIN).keyring(keyring_of(&sha512)),
            Verifier(KeyringOfAnotherScheme),
        ),
        (
            "keys read otherwise",
            keyless(PLAIN).keyring(keyring_of(&hex)),
            Verifier(KeyringOfAnotherScheme),
        ),
        ("no store", no_store, NoStore),
        (
            "small buffer",
            builder(PLAIN).limits(|limits| limits.verify.buffered_bytes = 1),
            Verifier(BufferSmallerThanBody),
        ),
        (
            "long wait",
            builder(PLAIN).limits(|limits| limits.wait = minute),
            WaitLongerThanBudget,
        ),
        ("no URL", builder(URL), Verifier(Url)),
        (
            "URL that is not signed",
            builder(PLAIN).url("https://example.com"),
            Verifier(Url),
        ),
        // A freshness that anybody could claim.
        (
            "no time",
            builder(BODY_ONLY).tolerance(Tolerance::both(minute)),
            Verifier(ToleranceWithoutSignedTime),
        ),
        // Senders take 2xx for done and 4xx for final.
        (
            "200 for a mismatch",
            builder(PLAIN).status(refused.0, 200),
            of_another_class(refused),
        ),
        (
            "302 for a mismatch",
            builder(PLAIN).status(refused.0, 302),
            of_another_class(refused),
        ),
        (
            "500 for a mismatch",
            builder(PLAIN).status(refused.0, 500),
            of_another_class(refused),
        ),
        (
            "409 for not yet",
            builder(PLAIN).status(not_yet.0, 409),
            of_another_class(not_yet),
        ),
        (
            "600 for not yet",
            builder(PLAIN).status(not_yet.0, 600),
            of_another_class(not_yet),
        ),
        // Copies could arrive after the first was forgotten.
        (
            "no retention",
            builder(PLAIN).retention(Duration::ZERO),
            RetentionTooShort { least: day },
        ),
        (
            "less than the retries",
            stripe().retention(day),
            RetentionTooShort {
                least: 3 * day + 10 * minute,
            },
        ),
        (
            "too many headers",
            builder(many_headers()),
            Verifier(TooManyHeaders),
        ),
    ];
    for (name, builder, expected) in rows {
        let error = builder.build().unwrap_err();
        assert_eq!(error, expected, "{name}");
        assert!(!error.to_string().is_empty(), "{name}");
    }
}

/// More names than are looked for in one pass.
fn many_headers() -> Scheme {
    let names = (0..32).map(|at| &*Box::leak(format!("X-Sig-{at}").into_boxed_str()));
    let names: Vec<&'static str> = names.collect();
    Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .any_header_of(names.leak())
        .build()
        .unwrap()
}

#[test]
fn no_limit_is_zero() {
    type Zero = fn(&mut Limits);
    let rows: [(&str, Zero); 9] = [
        ("body_bytes", |limits| limits.verify.body_bytes = 0),
        ("read_time", |limits| limits.read_time = Duration::ZERO),
        ("lookup_time", |limits| limits.lookup_time = Duration::ZERO),
        ("response_budget", |limits| {
            limits.response_budget = Duration::ZERO
        }),
        ("total_run", |limits| limits.total_run = Duration::ZERO),
        ("signature_bytes", |limits| {
            limits.verify.signature_bytes = 0
        }),
        ("candidates", |limits| limits.verify.candidates = 0),
        ("buffered_bytes", |limits| limits.verify.buffered_bytes = 0),
        ("running", |limits| limits.running = 0),
    ];
    for (name, zero) in rows {
        let error = builder(PLAIN).limits(zero).build().unwrap_err();
        let of_verifier = ConfigError::Verifier(VerifierError::ZeroLimit(name));
        assert!(
            error == ConfigError::ZeroLimit(name) || error == of_verifier,
            "{error:?}"
        );
    }
    // No copy needs to wait.
    let none = builder(PLAIN).limits(|limits| (limits.wait, limits.waiters) = (Duration::ZERO, 0));
    assert!(none.build().is_ok());
}

#[test]
fn secrets_of_another_kind_are_refused() {
    let fault = |scheme, text: &str| {
        let builder = Receiver::builder(scheme)
            .endpoint("test")
            .secret(Secret::new(text).unwrap())
            .store(MemoryStore::with_capacity(16));
        match builder.build() {
            Err(ConfigError::Verifier(VerifierError::Keyring(KeyringError::Secret(error)))) => {
                Some(error.fault())
            }
            Err(other) => panic!("{other:?}"),
            Ok(_) => None,
        }
    };
    let prefix = Some(SecretFault::WrongPrefix("whsec_"));
    assert_eq!(fault(PREFIXED_KEY, "whsec_x"), None);
    assert_eq!(fault(PREFIXED_KEY, "sk_live_x"), prefix);
    assert_eq!(fault(BASE64_KEY, "whpk_MfKQ"), prefix);
    let not_base64 = Some(SecretFault::NotBase64);
    assert_eq!(fault(BASE64_KEY, "whsec_MfK*"), not_base64);
    let hex = Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .key_format(KeyFormat::Hex)
        .declare();
    assert_eq!(fault(hex, "xyz"), Some(SecretFault::NotHex));
}

#[test]
fn bodies_are_remembered_for_as_long_as_the_scheme_says() {
    let hour = Duration::from_secs(3_600);
    let copies = Scheme::body_hmac("X-Sig")
        .signed(&[Part::Timestamp, DOT, Part::Body])
        .time_header("X-Time")
        .tolerance(hour)
        .identical_bodies(IdenticalBodies::Copies { within: 2 * hour })
        .declare();
    assert!(builder(copies).build().is_ok());
    assert_eq!(
        builder(copies).retention(30 * hour).build().unwrap_err(),
        ConfigError::RetentionWithoutIds
    );
    // A captured request must not verify for longer than its body is known.
    let longer = Tolerance {
        past: hour,
        future: hour + Duration::from_secs(1),
    };
    let least = longer.past + longer.future;
    assert_eq!(
        builder(copies).tolerance(longer).build().unwrap_err(),
        ConfigError::CopiesShorterThanTolerance { least }
    );
}

#[test]
fn a_receiver_remembers_for_as_long_as_copies_can_come() {
    let day = Duration::from_secs(86_400);
    let retention = |scheme| builder(scheme).build().unwrap().retention();
    assert_eq!(retention(PLAIN), 3 * day);
    // 27 h of retries, and as much and 10 min in which a request verifies, are less than the default.
    assert_eq!(retention(LATE_RETRIES), 3 * day);
    let week = Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .retry_span(7 * day)
        .declare();
    assert_eq!(retention(week), 7 * day);
    let wide = Tolerance::both(Duration::MAX);
    let endless = builder(LATE_RETRIES).tolerance(wide).build();
    assert_eq!(endless.unwrap().retention(), Duration::MAX);
}

#[test]
fn without_a_runtime_a_receiver_is_a_mistake_and_not_busy() {
    use futures_util::{FutureExt, stream};
    let receiver = builder(PLAIN).build().unwrap();
    let request = Request::new("{}").with("X-Sig", tag(b"{}"));
    let body = || stream::iter([Ok::<_, ()>(request.body.clone())]);
    let answer = receiver.receive(&request, body()).now_or_never().unwrap();
    let answer = answer.unwrap_err();
    let kind = answer.rejection().map(Rejection::kind);
    assert_eq!(
        (answer.status(), kind),
        (500, Some(RejectionKind::NotAttached))
    );

    receiver.attach(SystemClock::new(|_| Box::pin(async {})), |_| true);
    let received = receiver.receive(&request, body()).now_or_never().unwrap();
    assert_eq!(received.unwrap().body(), "{}");
}

#[test]
fn a_time_that_nobody_judges_dates_nothing() {
    let signed = Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .signed(&[Part::Timestamp, DOT, Part::Body])
        .time_header("X-Time")
        .declare();
    let day = Duration::from_secs(86_400);
    let second = builder(signed).retention(Duration::from_secs(1)).build();
    let least = ConfigError::RetentionTooShort { least: day };
    assert_eq!(second.unwrap_err(), least);
}

#[test]
fn refusing_late_retries_never_widens_the_tolerance() {
    let minute = Tolerance::both(Duration::from_secs(60));
    let tight = Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .signed(&[Part::Timestamp, DOT, Part::Body])
        .time_header("X-Time")
        .tolerance(minute.past)
        .retry_time(crate::scheme::RetryTime::Renewed)
        .declare();
    let hour = Duration::from_secs(3_600);
    let receiver = builder(tight).refuse_late_retries_after(hour).build();
    assert_eq!(receiver.unwrap().verifier().tolerance(), Some(minute));
}
