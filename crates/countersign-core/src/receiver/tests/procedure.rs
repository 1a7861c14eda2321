//! What tells deliveries apart whose signed bytes a procedure reads, and what such a scheme may not say.

use super::*;
use crate::{
    identity::Identity,
    scheme::{IdenticalBodies, Procedure, SchemeError, Signed, Unproved, Unreadable},
};

const KEEP: Duration = Duration::from_secs(7);

/// Signs the first line. A body of `twice` names it twice, and an empty one nothing.
#[derive(Debug)]
struct FirstLine;

impl Procedure for FirstLine {
    fn name(&self) -> &'static str {
        "first-line"
    }

    fn headers(&self) -> &'static [&'static str] {
        &["X-Sig"]
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let tag = request.header("x-sig").ok_or(Unreadable("no tag"))?;
        let line = request.body().split(|byte| *byte == b'\n').next();
        let line = line.unwrap_or_default();
        if line == b"nothing" {
            return Ok(());
        }
        if line == b"twice" {
            signed.prove(line, tag)?;
        }
        signed.prove(line, tag)
    }
}

const fn scheme() -> SchemeBuilder {
    Scheme::signed_by(&FirstLine).identical_bodies(IdenticalBodies::Copies {
        within: Duration::from_secs(60),
    })
}

fn take(body: &str, signed: &str) -> Option<Identity> {
    let scheme = scheme().content_types(&["application/json", "text/plain"]);
    let receiver = builder(scheme.declare()).accept_unsigned_body();
    let receiver = receiver.build().unwrap();
    let request = Request::new(body.to_owned()).with("X-Sig", tag(signed.as_bytes()));
    let received = received(&receiver, &request).ok()?;
    Some(Identity::of(&received, KEEP))
}

#[test]
fn what_is_not_signed_makes_no_other_delivery() {
    let first = take("paid\nnote", "paid").unwrap();
    let other_note = take("paid\nanother note", "paid").unwrap();
    assert_eq!(other_note.key, first.key);
    assert_eq!(other_note.fingerprint, first.fingerprint);
    assert!(first.aliases.is_empty() && first.subject.is_none());
    assert_ne!(take("open\nnote", "open").unwrap().key, first.key);
}

#[test]
fn nothing_is_proved_by_what_is_not_named_once_and_signed() {
    assert!(take("open\nnote", "paid").is_none());
    for named in ["", "nothing", "twice"] {
        assert!(take(named, named).is_none(), "{named}");
    }
}

#[test]
fn a_procedure_goes_with_nothing_that_it_does_not_prove() {
    for wrong in [
        scheme().id_header("X-Id"),
        scheme().id_pointer("/id"),
        scheme().subject_pointer("/id"),
        scheme().time_header("X-Time"),
        scheme().time_pointer("/time"),
        scheme().event_header("X-Event"),
        scheme().batch(""),
        scheme().form_field("payload"),
        scheme().json_body(),
        scheme().signed(&[Part::Body]),
        scheme().any_header_of(&["X-Sig"]),
        scheme().algorithm(crate::Algorithm::Token),
        scheme().algorithm(crate::Algorithm::PlainSha256),
        scheme().encoding(crate::scheme::Encoding::Text),
    ] {
        assert_eq!(wrong.build().unwrap_err(), SchemeError::NotOfProcedure);
    }
}
