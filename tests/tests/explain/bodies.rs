//! What happens to bodies.

use std::io::Write;

use countersign_core::explain::Cause;
use flate2::{Compression, write::GzEncoder};

use crate::{BODY, Case, EIGHT, GO, PHP, PRETTY, PYTHON, Seed};

pub(crate) fn of_bodies(seeds: &mut Vec<Seed>) {
    let crlf = PRETTY.replace('\n', "\r\n");
    let latin: Vec<u8> = BODY
        .chars()
        .map(|at| u8::try_from(u32::from(at)).unwrap())
        .collect();
    let twice: String = BODY.bytes().map(char::from).collect();
    let low: Vec<u8> = BODY
        .chars()
        .map(|at| u32::from(at).to_le_bytes()[0])
        .collect();
    let question_marks = BODY.replace(|at: char| !at.is_ascii(), "?");
    let left_out = BODY.replace(|at: char| !at.is_ascii(), "");
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(BODY.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let quoted = serde_json::to_string(BODY).unwrap();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, BODY);
    let with = |parts: [&[u8]; 2]| parts.concat();
    // What was signed, and what is checked.
    let rows: Vec<(&str, Vec<u8>, Vec<u8>, Cause)> = vec![
        (
            "indented",
            BODY.into(),
            PRETTY.into(),
            Cause::BodyReserialised,
        ),
        (
            "by Python",
            BODY.into(),
            PYTHON.into(),
            Cause::BodyReserialised,
        ),
        (
            "Python's, by JavaScript",
            PYTHON.into(),
            BODY.into(),
            Cause::BodyReserialised,
        ),
        (
            "PHP's, by JavaScript",
            PHP.into(),
            BODY.into(),
            Cause::BodyReserialised,
        ),
        (
            "Go's, by JavaScript",
            GO.into(),
            BODY.into(),
            Cause::BodyReserialised,
        ),
        (
            "indented, made compact",
            PRETTY.into(),
            BODY.into(),
            Cause::BodyReserialised,
        ),
        (
            "a line break more",
            BODY.into(),
            with([BODY.as_bytes(), b"\n"]),
            Cause::BodyLineBreakAdded,
        ),
        (
            "a line break less",
            with([BODY.as_bytes(), b"\n"]),
            BODY.into(),
            Cause::BodyLineBreakLost,
        ),
        (
            "CR LF for LF",
            PRETTY.into(),
            crlf.clone().into(),
            Cause::BodyLineEnds,
        ),
        (
            "LF for CR LF",
            crlf.into(),
            PRETTY.into(),
            Cause::BodyLineEnds,
        ),
        (
            "a mark more",
            BODY.into(),
            with([b"\xef\xbb\xbf", BODY.as_bytes()]),
            Cause::BodyMarkAdded,
        ),
        (
            "a mark less",
            with([b"\xef\xbb\xbf", BODY.as_bytes()]),
            BODY.into(),
            Cause::BodyMarkLost,
        ),
        ("in Latin-1", BODY.into(), latin, Cause::BodyCharset),
        (
            "encoded twice",
            BODY.into(),
            twice.into(),
            Cause::BodyCharset,
        ),
        ("cut to low bytes", low, BODY.into(), Cause::BodyCharset),
        (
            "question marks",
            question_marks.into(),
            BODY.into(),
            Cause::BodyCutToAscii,
        ),
        (
            "left out",
            left_out.into(),
            BODY.into(),
            Cause::BodyCutToAscii,
        ),
        ("gzip", BODY.into(), packed, Cause::BodyCompressed),
        ("as a string", BODY.into(), quoted.into(), Cause::BodyQuoted),
        ("in base64", BODY.into(), encoded.into(), Cause::BodyBase64),
        (
            "white space",
            BODY.into(),
            format!("  {BODY}  ").into(),
            Cause::BodyWhiteSpace,
        ),
    ];
    for name in EIGHT {
        let case = Case::of(name);
        for (what, signed, checked, due) in &rows {
            let delivery = case.signed(signed.clone()).with_body(checked.clone());
            seeds.push(case.seed(format!("body: {what}"), &case.question(&delivery), &[*due]));
        }
    }
    let github = Case::of("github");
    let form: String = form_of(BODY);
    let of_form = github.signed(form.clone()).with_body(BODY);
    seeds.push(github.seed(
        "body: the field of a form",
        &github.question(&of_form),
        &[Cause::BodyFormField],
    ));
    let of_field = github.signed(BODY).with_body(form);
    seeds.push(github.seed(
        "body: the form of a field",
        &github.question(&of_field),
        &[Cause::BodyFormField],
    ));
    let multibyte = &BODY[..BODY.chars().count()];
    let cut = github.signed(multibyte).with_body(BODY);
    seeds.push(github.seed(
        "body: as many bytes as characters",
        &github.question(&cut),
        &[Cause::BodyCutToAscii],
    ));
}

fn form_of(body: &str) -> String {
    let mut form = String::from("payload=");
    for byte in body.bytes() {
        match byte {
            b' ' => form.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                form.push(char::from(byte))
            }
            _ => form.push_str(&format!("%{byte:02X}")),
        }
    }
    form
}
