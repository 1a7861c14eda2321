//! Which values may stand in a place of the signed text.

use super::super::*;

const DOT: Part = Part::Literal(".");

fn signing(parts: &'static [Part]) -> SchemeBuilder {
    Scheme::body_hmac("X-Signature")
        .signed(parts)
        .id_header("X-Id")
        .time_header("X-Time")
}

// A value beside a separator may not hold the separator's byte, else the signed text has two
// readings.
#[test]
fn values_keep_clear_of_their_separator() {
    const ID: Part = Part::Id;
    let rows: &[(&'static [Part], &[u8], bool)] = &[
        (&[ID, DOT, Part::Body], b"evt_1", true),
        (&[ID, DOT, Part::Body], b"evt.1", false),
        (&[ID, Part::Literal("--"), Part::Body], b"evt-1", false),
        (&[ID, Part::Literal(".-"), Part::Body], b"evt-1", true),
        // Behind the body it is the last byte of the separator that counts.
        (&[Part::Body, Part::Literal(".-"), ID], b"evt-1", false),
        (&[Part::Body, Part::Literal("-."), ID], b"evt-1", true),
        (
            &[Part::Timestamp, Part::Literal(":"), ID, DOT, Part::Body],
            b"a:b",
            true,
        ),
        (
            &[Part::Timestamp, Part::Literal(":"), ID, DOT, Part::Body],
            b"a.b",
            false,
        ),
        (
            &[ID, DOT, ID, Part::Literal(":"), Part::Body],
            b"a:b",
            false,
        ),
    ];
    for (parts, value, apart) in rows {
        let scheme = signing(parts).build().unwrap();
        let value_text = String::from_utf8_lossy(value);
        assert_eq!(
            scheme.keeps_apart(ID, value),
            *apart,
            "{parts:?} {value_text}"
        );
    }
}
