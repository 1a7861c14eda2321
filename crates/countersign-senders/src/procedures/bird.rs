//! Bird, and MessageBird before it, which sign a time, an address or a query, and the body's hash, a line each.

use countersign_core::scheme::{Procedure, Signed, Unproved, Unreadable};

pub(super) const SIGNATURE: &str = "messagebird-signature";
pub(super) const TIME: &str = "messagebird-request-timestamp";

const HEADERS: &[&str] = &[SIGNATURE, TIME];

/// The time is digits and neither an address nor a query holds a line break, so the lines have one reading; the
/// hash behind the last of them is 32 bytes.
fn prove(request: &Unproved<'_>, middle: &str, signed: &mut Signed) -> Result<(), Unreadable> {
    let (time, tag) = (request.header(TIME), request.header(SIGNATURE));
    let (Some(time), Some(tag)) = (time, tag) else {
        return Err(Unreadable("the time or the signature is missing"));
    };
    let hash = request.body_sha256();
    let lines = [time.as_bytes(), middle.as_bytes(), &hash];
    signed.prove(lines.join(&b'\n'), tag)
}

/// The address as it was given to Bird.
#[derive(Debug)]
pub(super) struct Bird;

impl Procedure for Bird {
    fn name(&self) -> &'static str {
        "bird"
    }

    fn headers(&self) -> &'static [&'static str] {
        HEADERS
    }

    fn signs_url(&self) -> bool {
        true
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        if request.url().contains('\n') {
            return Err(Unreadable("the configured address has a line break"));
        }
        prove(request, request.url(), signed)
    }
}

/// The query's pairs, sorted by name.
#[derive(Debug)]
pub(super) struct MessageBird;

impl Procedure for MessageBird {
    fn name(&self) -> &'static str {
        "messagebird"
    }

    fn headers(&self) -> &'static [&'static str] {
        HEADERS
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let query = request.query().unwrap_or_default();
        if query.contains('\n') {
            return Err(Unreadable("the query has a line break"));
        }
        let mut pairs: Vec<&str> = query.split('&').collect();
        pairs.sort_by_key(|pair| pair.split('=').next());
        prove(request, &pairs.join("&"), signed)
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::{RejectionKind, Scheme, Secret, Timestamp, Verifier};

    use super::super::{BIRD, MESSAGEBIRD};

    // From MessageBird's Ruby library, `spec/signed_request_spec.rb`.
    const KEY: &str = "PlLrKaqvZNRR5zAjm42ZT6q1SQxgbbGd";
    const NOW: i64 = 1_547_198_231;
    const QUERY: &str = "recipient=31612345678&reference=FOO&statusDatetime=2019-01-11T09%3A17%3A11%2B00%3A00&id=eef0ab57a9e049be946f3821568c2b2e&status=delivered&mccmnc=20408&ported=1";
    const BODY: &str = r#"{"foo":"bar"}"#;
    const TAG: &str = "2bl+38H4oHVg03pC3bk2LvCB0IHFgfC4cL5HPQ0LdmI=";
    const TAG_WITHOUT_BODY: &str = "KVBdcVdz2lYMwcBLZCRITgxUfA/WkwSi+T3Wxl2HL6w=";

    fn judge(
        scheme: Scheme,
        (time, query, tag, body): (i64, &str, &str, &str),
        now: i64,
    ) -> Result<(), RejectionKind> {
        let mut verifier = Verifier::builder(scheme).secret(Secret::new(KEY).unwrap());
        if scheme.signs_url() {
            verifier = verifier.url("https://example.com/bird");
        }
        let request = http::Request::post(format!("/?{query}"))
            .header(super::SIGNATURE, tag)
            .header(super::TIME, time.to_string());
        let request = request.body(()).unwrap();
        let now = Timestamp::from_unix_seconds(now);
        let judged = verifier
            .build()
            .unwrap()
            .verify(&request, body.to_owned().into(), now);
        judged.map(drop).map_err(|refused| refused.kind())
    }

    #[test]
    fn published_requests_are_proved_and_nothing_of_them_can_be_changed() {
        let judge = |request| judge(MESSAGEBIRD, request, NOW);
        assert_eq!(judge((NOW, QUERY, TAG, BODY)), Ok(()));
        assert_eq!(judge((NOW, QUERY, TAG_WITHOUT_BODY, "")), Ok(()));
        let mismatch = Err(RejectionKind::SignatureMismatch);
        assert_eq!(judge((NOW, QUERY, TAG, r#"{"foo":"baz"}"#)), mismatch);
        assert_eq!(judge((NOW, QUERY, TAG_WITHOUT_BODY, BODY)), mismatch);
        assert_eq!(judge((NOW - 1, QUERY, TAG, BODY)), mismatch);
        let other = QUERY.replace("FOO", "BAR");
        assert_eq!(judge((NOW, &other, TAG, BODY)), mismatch);
        assert_eq!(judge((NOW, "", TAG, BODY)), mismatch);
        // Another order is the same query.
        let (first, rest) = QUERY.split_once('&').unwrap();
        assert_eq!(judge((NOW, &format!("{rest}&{first}"), TAG, BODY)), Ok(()));
    }

    #[test]
    fn its_time_is_judged_before_anything_else() {
        let request = (NOW, QUERY, "AAAA", BODY);
        for (scheme, past) in [(BIRD, 86_400), (MESSAGEBIRD, 86_400)] {
            let at = |now| judge(scheme, request, NOW + now);
            assert_eq!(at(past), Err(RejectionKind::SignatureMismatch));
            assert_eq!(at(past + 301), Err(RejectionKind::TimestampStale));
            assert_eq!(at(-301), Err(RejectionKind::TimestampFuture));
        }
    }
}
