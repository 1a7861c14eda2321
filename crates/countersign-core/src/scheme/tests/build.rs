//! What does not build, what does, and what a scheme then says of itself.

use core::time::Duration;
use std::collections::HashSet;

use super::super::*;

const DOT: Part = Part::Literal(".");
const BODY: Part = Part::Body;
const TIME: Part = Part::Timestamp;
const ID: Part = Part::Id;
const ONCE: &[EventRule] = &[EventRule::repeats("a"), EventRule::once("b")];
const BAD_PROOF: &[EventRule] = &[EventRule::once("a").when("status", &["b"])];

fn body() -> SchemeBuilder {
    Scheme::body_hmac("X-Signature")
}

/// A scheme over these parts, with a time and an id to go with them.
fn signing(parts: &'static [Part]) -> SchemeBuilder {
    body().signed(parts).id_header("X-Id").time_header("X-Time")
}

/// A scheme with a signed time.
fn timed() -> SchemeBuilder {
    signing(&[TIME, DOT, BODY])
}

/// A scheme without ids whose equal bodies are one delivery for so long.
fn copies(within: Duration) -> SchemeBuilder {
    body().identical_bodies(IdenticalBodies::Copies { within })
}

#[test]
fn what_cannot_be_right_does_not_build() {
    use IdenticalBodies::Events;
    use SchemeError::*;
    let five_minutes = Duration::from_secs(300);
    let (day, second) = (Duration::from_secs(86_400), Duration::from_secs(1));
    let long: &'static str = "a-name-of-64-bytes-is-one-longer-than-what-receivers-look-up-xxx";
    assert_eq!(long.len(), 64);
    let rows: &[(&str, SchemeBuilder, SchemeError)] = &[
        // A signature that does not cover the body proves nothing about it.
        ("nothing signed", body().signed(&[]), BodyNotSigned),
        ("time alone", signing(&[TIME, DOT]), BodyNotSigned),
        ("id alone", signing(&[ID, DOT]), BodyNotSigned),
        ("text alone", signing(&[DOT]), BodyNotSigned),
        ("body twice", signing(&[BODY, DOT, BODY]), BodySignedTwice),
        (
            "body twice, apart",
            signing(&[BODY, DOT, TIME, DOT, BODY]),
            BodySignedTwice,
        ),
        // Bytes could move from one part to the next under the same signature.
        (
            "{ts}{body}, as Discord",
            signing(&[TIME, BODY]),
            AmbiguousParts,
        ),
        (
            "{id}{ts}{body}, as Twitch",
            signing(&[ID, TIME, BODY]),
            AmbiguousParts,
        ),
        (
            "{id}.{ts}{body}",
            signing(&[ID, DOT, TIME, BODY]),
            AmbiguousParts,
        ),
        ("{id}{body}", signing(&[ID, BODY]), AmbiguousParts),
        (
            "{id}{url}.{body}",
            signing(&[ID, Part::Url, DOT, BODY]),
            AmbiguousParts,
        ),
        (
            "{header}{body}",
            signing(&[Part::Header("X-A"), BODY]),
            AmbiguousParts,
        ),
        (
            "empty separator",
            signing(&[ID, Part::Literal(""), BODY]),
            AmbiguousParts,
        ),
        (
            "empty, then a dot",
            signing(&[ID, Part::Literal(""), DOT, BODY]),
            AmbiguousParts,
        ),
        (
            "a digit after a time",
            signing(&[TIME, Part::Literal("0"), BODY]),
            AmbiguousParts,
        ),
        (
            "digits first",
            signing(&[TIME, Part::Literal("1."), BODY]),
            AmbiguousParts,
        ),
        (
            "{body}{ts}, as HubSpot",
            signing(&[BODY, TIME]),
            AmbiguousParts,
        ),
        ("{body}{id}", signing(&[BODY, ID]), AmbiguousParts),
        (
            "{body}.{id}{ts}",
            signing(&[BODY, DOT, ID, TIME]),
            AmbiguousParts,
        ),
        (
            "{body}.1{ts}",
            signing(&[BODY, Part::Literal(".1"), TIME]),
            AmbiguousParts,
        ),
        // A tolerance that anybody could meet by writing a new time.
        (
            "no time",
            body().tolerance(five_minutes),
            ToleranceWithoutTime,
        ),
        (
            "time not signed",
            body().time_header("X-Time").tolerance(five_minutes),
            TimeNotSigned,
        ),
        (
            "time key not signed",
            body()
                .pairs(',', &["v1"])
                .time_key("t")
                .tolerance(five_minutes),
            TimeNotSigned,
        ),
        (
            "no place of the time",
            body().signed(&[TIME, DOT, BODY]),
            TimeMissing,
        ),
        (
            "time in the body twice",
            body().signed(&[TIME, DOT, BODY]).time_pointer("/t"),
            TimeMissing,
        ),
        // An id that the application would take for proved.
        (
            "id said to be signed",
            body().signed_id_header("X-Id"),
            IdNotSigned,
        ),
        (
            "no place of the id",
            body().signed(&[ID, DOT, BODY]),
            IdNotSigned,
        ),
        (
            "id in the body instead",
            body().signed(&[ID, DOT, BODY]).id_pointer("/id"),
            IdNotSigned,
        ),
        (
            "another header signed",
            body()
                .signed(&[Part::Header("X-A"), DOT, BODY])
                .signed_id_header("X-Id"),
            IdNotSigned,
        ),
        ("copy of no id", body().id_copy("X-Copy"), CopyOfUnsigned),
        (
            "copy of an unsigned id",
            body().id_header("X-Id").id_copy("X-Copy"),
            CopyOfUnsigned,
        ),
        (
            "copy of no type",
            body().event_copy("X-Copy"),
            CopyOfUnsigned,
        ),
        (
            "copy of an unsigned type",
            body().event_header("X-Event").event_copy("X-Copy"),
            CopyOfUnsigned,
        ),
        (
            "time key in bare",
            body().time_key("t"),
            TimeKeyWithoutPairs,
        ),
        (
            "time key in versions",
            body().versioned(&["v1"]).time_key("t"),
            TimeKeyWithoutPairs,
        ),
        (
            "time key is a tag's",
            body().pairs(',', &["v1", "t"]).time_key("t"),
            TimeKeyWithoutPairs,
        ),
        (
            "or nearly",
            body().pairs(',', &["T"]).time_key("t"),
            TimeKeyWithoutPairs,
        ),
        ("no header name", Scheme::body_hmac(""), InvalidHeaderName),
        (
            "blank in a name",
            Scheme::body_hmac("X Signature"),
            InvalidHeaderName,
        ),
        (
            "line break in a name",
            Scheme::body_hmac("X-Signature\r\n"),
            InvalidHeaderName,
        ),
        (
            "not ASCII",
            Scheme::body_hmac("X-Sïgnature"),
            InvalidHeaderName,
        ),
        ("too long", Scheme::body_hmac(long), InvalidHeaderName),
        ("no names", body().any_header_of(&[]), InvalidHeaderName),
        (
            "one of two",
            body().any_header_of(&["X-A", "X:B"]),
            InvalidHeaderName,
        ),
        ("id", body().id_header(""), InvalidHeaderName),
        ("event", body().event_header(" "), InvalidHeaderName),
        ("time", body().time_header("X-Time:"), InvalidHeaderName),
        ("attempt", body().attempt_header(""), InvalidHeaderName),
        (
            "id copy",
            body().id_pointer("/id").id_copy(""),
            InvalidHeaderName,
        ),
        (
            "event copy",
            body().event_pointer("/type").event_copy(""),
            InvalidHeaderName,
        ),
        (
            "signed header",
            body().signed(&[Part::Header(""), DOT, BODY]),
            InvalidHeaderName,
        ),
        ("pointer to all", body().id_pointer(""), InvalidPointer),
        ("no slash", body().id_pointer("id"), InvalidPointer),
        ("slash alone", body().event_pointer("/"), InvalidPointer),
        (
            "slash at the end",
            body().event_pointer("/data/"),
            InvalidPointer,
        ),
        (
            "two slashes",
            body().time_pointer("/data//t"),
            InvalidPointer,
        ),
        ("escape", body().id_pointer("/a~1b"), InvalidPointer),
        ("proof", body().events(BAD_PROOF), InvalidPointer),
        ("empty prefix", body().prefix(""), InvalidGrammar),
        (
            "empty optional prefix",
            body().optional_prefix(""),
            InvalidGrammar,
        ),
        ("no tags", body().pairs(',', &[]), InvalidGrammar),
        ("empty tag", body().pairs(',', &["v1", ""]), InvalidGrammar),
        (
            "equals in a tag",
            body().pairs(',', &["v="]),
            InvalidGrammar,
        ),
        (
            "separator in a tag",
            body().pairs(',', &["a,b"]),
            InvalidGrammar,
        ),
        (
            "equals separates",
            body().pairs('=', &["v1"]),
            InvalidGrammar,
        ),
        (
            "a letter separates",
            body().pairs('a', &["v1"]),
            InvalidGrammar,
        ),
        (
            "plus separates, as in base64",
            body().pairs('+', &["v1"]),
            InvalidGrammar,
        ),
        (
            "not ASCII separates",
            body().pairs('·', &["v1"]),
            InvalidGrammar,
        ),
        (
            "empty time key",
            body().pairs(',', &["v1"]).time_key(""),
            InvalidGrammar,
        ),
        (
            "equals in the time key",
            body().pairs(',', &["v1"]).time_key("t="),
            InvalidGrammar,
        ),
        (
            "separator in the time key",
            body().pairs(';', &["v1"]).time_key("t;"),
            InvalidGrammar,
        ),
        ("no versions", body().versioned(&[]), InvalidGrammar),
        ("empty version", body().versioned(&[""]), InvalidGrammar),
        (
            "comma in a version",
            body().versioned(&["v1,"]),
            InvalidGrammar,
        ),
        (
            "blank in a version",
            body().versioned(&["v 1"]),
            InvalidGrammar,
        ),
        (
            "a public key for a MAC",
            signing(&[BODY]).key_format(KeyFormat::PublicKey),
            KeyFormatMismatch,
        ),
        (
            "the secret under a MAC",
            signing(&[Part::Secret, BODY]).json_body(),
            SecretNotSigned,
        ),
        (
            "a plain hash without the secret",
            signing(&[BODY])
                .json_body()
                .algorithm(Algorithm::PlainSha256),
            SecretNotSigned,
        ),
        (
            "a plain hash over more than text",
            signing(&[Part::Secret, BODY]).algorithm(Algorithm::PlainSha256),
            SecretNotSigned,
        ),
        (
            "a token that signs",
            Scheme::token("X-Token").signed(&[BODY]).id_header("X-Id"),
            TokenSignsNothing,
        ),
        // An honest event that would be dropped by rule.
        ("no id, and nothing said of it", body(), NoIdUndecided),
        (
            "a type without an id",
            body().event_header("X-Event").retry_span(day),
            NoIdUndecided,
        ),
        (
            "an id, and something said of none",
            body().id_header("X-Id").identical_bodies(Events),
            IdenticalBodiesWithId,
        ),
        (
            "copies for no time",
            copies(Duration::ZERO),
            CopiesShorterThanRetries,
        ),
        (
            "copies for less than the retries",
            copies(day - second).retry_span(day),
            CopiesShorterThanRetries,
        ),
        (
            "copies for less than a request verifies",
            copies(five_minutes * 2 - second)
                .signed(&[TIME, DOT, BODY])
                .time_header("X-Time")
                .tolerance(five_minutes),
            CopiesShorterThanRetries,
        ),
        (
            "once, of nothing",
            signing(&[BODY]).events(ONCE),
            OnceWithoutSubject,
        ),
        (
            "all others once, of nothing",
            signing(&[BODY]).unlisted_events_once(),
            OnceWithoutSubject,
        ),
        (
            "a retry of a day ago, refused",
            timed().tolerance(five_minutes).retry_span(day),
            LateRetriesRefused,
        ),
        (
            "a retry that keeps its time, refused",
            timed()
                .tolerances(day + five_minutes - second, five_minutes)
                .retry_time(RetryTime::Kept)
                .retry_span(day),
            LateRetriesRefused,
        ),
        (
            "subject",
            signing(&[BODY]).subject_pointer("id"),
            InvalidPointer,
        ),
        (
            "no body allowed",
            signing(&[BODY]).body_limit(0),
            InvalidLimit,
        ),
        (
            "no time to answer",
            signing(&[BODY]).response_budget(Duration::ZERO),
            InvalidLimit,
        ),
    ];
    for (name, builder, expected) in rows {
        assert_eq!(builder.build(), Err(*expected), "{name}");
    }
    let kinds: HashSet<_> = rows.iter().map(|(_, _, kind)| kind.to_string()).collect();
    assert_eq!(
        kinds.len(),
        21,
        "every kind has a row and a text of its own"
    );
}

#[test]
fn what_is_right_builds() {
    let (day, second) = (Duration::from_secs(86_400), Duration::from_secs(1));
    let five_minutes = Duration::from_secs(300);
    let rows: &[(&str, SchemeBuilder)] = &[
        ("{ts}.{body}", signing(&[TIME, DOT, BODY])),
        ("{id}.{ts}.{body}", signing(&[ID, DOT, TIME, DOT, BODY])),
        ("{url}{body}", signing(&[Part::Url, BODY])),
        ("{body}{url}", signing(&[BODY, Part::Url])),
        ("{body}.{ts}", signing(&[BODY, DOT, TIME])),
        ("{ts}.1{body}", signing(&[TIME, Part::Literal(".1"), BODY])),
        ("{body}1.{ts}", signing(&[BODY, Part::Literal("1."), TIME])),
        ("{id}0{body}", signing(&[ID, Part::Literal("0"), BODY])),
        (
            "id by its header",
            signing(&[Part::Header("x-id"), DOT, BODY]).signed_id_header("X-Id"),
        ),
        (
            "time in the body",
            copies(second).time_pointer("/t").tolerance(Duration::ZERO),
        ),
        (
            "unsigned time, not judged",
            copies(second).time_header("X-Time"),
        ),
        (
            "copies for as long as the retries",
            copies(day).retry_span(day),
        ),
        (
            "events, whatever the retries",
            body()
                .identical_bodies(IdenticalBodies::Events)
                .retry_span(day),
        ),
        (
            "once, of something",
            signing(&[BODY])
                .subject_pointer("/id")
                .events(ONCE)
                .unlisted_events_once(),
        ),
        (
            "retries that are stamped anew",
            timed()
                .tolerance(five_minutes)
                .retry_time(RetryTime::Renewed)
                .retry_span(day),
        ),
        (
            "no retries",
            timed().tolerance(second).retry_time(RetryTime::Kept),
        ),
        (
            "late retries",
            timed()
                .tolerances(day + five_minutes, five_minutes)
                .retry_span(day),
        ),
        (
            "copies of the body",
            body()
                .id_pointer("/a")
                .id_copy("X-A")
                .event_pointer("/b")
                .event_copy("X-B"),
        ),
    ];
    for (name, builder) in rows {
        assert!(builder.build().is_ok(), "{name}: {:?}", builder.build());
    }
}

#[test]
fn a_scheme_says_what_is_signed() {
    let standard = samples::BASE64_KEY;
    assert!(standard.id_is_signed() && standard.event_is_signed() && standard.time_is_signed());
    let github = samples::BODY_ONLY;
    assert!(!github.id_is_signed() && !github.event_is_signed() && !github.time_is_signed());
    let stripe = samples::PREFIXED_KEY;
    assert!(stripe.id_is_signed() && stripe.event_is_signed() && stripe.time_is_signed());
    let unsigned_time = copies(Duration::from_secs(1))
        .time_header("X-Time")
        .build()
        .unwrap();
    assert!(!unsigned_time.time_is_signed() && !unsigned_time.id_is_signed());
}
