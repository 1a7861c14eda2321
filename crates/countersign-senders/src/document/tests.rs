//! Documents that are schemes, and those that are not.

use countersign_core::scheme::Part;

use super::*;
use crate::all;

#[test]
fn every_preset_is_a_document_and_back() {
    for preset in all().filter(|preset| preset.scheme.procedure().is_none()) {
        let text = to_toml(&preset.scheme);
        let read =
            from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", preset.name));
        assert_eq!(read, preset.scheme, "{}", preset.name);
    }
}

/// Facts that no preset states.
#[test]
fn every_fact_is_written_and_read() {
    let copies = IdenticalBodies::Copies {
        within: core::time::Duration::from_secs(60),
    };
    let scheme = Scheme::body_hmac("X-Sig").identical_bodies(copies);
    let rows = [
        scheme.content_key(&["/event", "/payload/id"]),
        Scheme::body_hmac("X-Sig")
            .signed(&[Part::Id, Part::Timestamp, Part::Body])
            .signed_id_header("X-Id")
            .id_length(36)
            .time_header("X-Time")
            .time_digits(10),
        Scheme::token_in_body("/value/*/a")
            .batch("/value")
            .id_pointer("/id"),
        Scheme::token_in_body("/token").id_pointer("/id"),
        #[cfg(feature = "gzip")]
        scheme.gzip(Compression::SignedBefore),
        #[cfg(feature = "gzip")]
        scheme.gzip(Compression::SignedAfter),
    ];
    for scheme in rows {
        let scheme = scheme.build().unwrap();
        let text = to_toml(&scheme);
        assert_eq!(from_toml(&text).unwrap(), scheme, "{text}");
    }
}

const ACME: &str = r#"name = "acme"
signature = { header = "X-Acme-Signature", pairs = { separator = ",", tags = ["v1"] } }
signed = "{time}.{body}"
time = { signature_key = "t", past = "5m", future = "5m", retries = "renewed" }
id = { pointer = "/id" }
event = { pointer = "/type" }
subject = "/order/id"
retry_span = "24h"
events = [{ name = "order.paid", once = true, when = { pointer = "/status", values = ["paid"] } }]
"#;

#[test]
fn a_companys_sender_is_nine_lines() {
    let scheme = from_toml(ACME).unwrap();
    assert_eq!(ACME.lines().count(), 9);
    assert!(scheme.time_is_signed() && scheme.id_is_signed());
    assert!(scheme.event_rule("order.paid").unwrap().is_once());
}

/// Ten documents that are wrong, and what is said of each.
#[test]
fn wrong_documents_say_what_to_mend() {
    let change = |from: &str, to: &str| {
        assert!(ACME.contains(from), "{from}");
        ACME.replace(from, to)
    };
    let rows = [
        (
            change("retry_span", "retry_spam"),
            &["line 8", "retry_spam", "retry_span"][..],
        ),
        (
            change("\"24h\"", "\"24 hours\""),
            &["line 8", "24 hours", "\"3d\""],
        ),
        (
            change("{time}.{body}", "{time}.{bod}"),
            &["line 3", "{body}", "{header:Name}"],
        ),
        (
            change("{time}.{body}", "{time}{body}"),
            &["could trade bytes", "`json_body = true`"],
        ),
        (
            change("{time}.{body}", "{time}."),
            &["do not contain the body", "write `{body}` into `signed`"],
        ),
        (
            change(", future = \"5m\"", ""),
            &["`time.past` and `time.future` need each other"],
        ),
        (
            change("header = \"X-Acme-Signature\", ", ""),
            &["one of `header`, `first_of` and `all_of`"],
        ),
        (
            change(
                "id = { pointer = \"/id\" }",
                "id = { pointer = \"/id\", header = \"X\" }",
            ),
            &["`id` needs either"],
        ),
        (
            change("id = { pointer = \"/id\" }\n", ""),
            &[
                "no id: are two equal bodies a retry",
                "`identical_bodies = \"events\"`",
            ],
        ),
        (
            change("subject = \"/order/id\"\n", ""),
            &["subject_pointer", "`subject = \"/order/id\"`"],
        ),
        (
            change("retries = \"renewed\"", "retries = \"kept\""),
            &["refused as stale", "`time.retries = \"renewed\"`"],
        ),
        (change("name = \"acme\"\n", ""), &["name"]),
        (
            change("pairs =", "prefix = \"v1=\", pairs ="),
            &["takes one of"],
        ),
        (
            change("separator = \",\"", "separator = \"ab\""),
            &["line 2"],
        ),
        ("name = ".to_owned(), &["line 1"]),
    ];
    for (text, due) in rows {
        let message = from_toml(&text).unwrap_err().to_string();
        for part in due {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

/// What a message says to write is what mends the document.
#[test]
fn what_the_messages_say_to_write_is_understood() {
    let undecided = "name = \"acme\"\nsignature = { header = \"X-Sig\" }\n";
    assert!(from_toml(undecided).is_err());
    for line in [
        "identical_bodies = { copies = \"3d\" }",
        "identical_bodies = \"events\"",
        "id = { pointer = \"/id\" }",
        "signed = \"{id}.{body}\"\nid = { header = \"X-Id\", must_be_signed = true }",
    ] {
        let mended = from_toml(&format!("{undecided}{line}\n"));
        assert!(mended.is_ok(), "{line}: {mended:?}");
    }
}

#[test]
fn a_document_of_a_procedure_is_refused_and_becomes_no_other_scheme() {
    for scheme in all().map(|preset| preset.scheme) {
        let Some(procedure) = scheme.procedure() else {
            continue;
        };
        let text = to_toml(&scheme);
        let line = format!("procedure = \"{}\"", procedure.name());
        assert!(text.contains(&line), "{text}");
        let refused = from_toml(&text).unwrap_err().to_string();
        assert!(refused.contains("procedure"), "{refused}");
    }
}
