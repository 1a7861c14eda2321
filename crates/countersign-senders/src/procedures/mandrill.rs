//! Mandrill, which signs its address and a form of one field, put together.

use countersign_core::scheme::{Procedure, Signed, Unproved, Unreadable};

use crate::forms;

pub(super) const SIGNATURE: &str = "X-Mandrill-Signature";
pub(super) const FIELD: &str = "mandrill_events";

#[derive(Debug)]
pub(super) struct Mandrill;

impl Procedure for Mandrill {
    fn name(&self) -> &'static str {
        "mandrill"
    }

    fn headers(&self) -> &'static [&'static str] {
        &[SIGNATURE]
    }

    fn signs_url(&self) -> bool {
        true
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let tag = request.header(SIGNATURE);
        let tag = tag.ok_or(Unreadable("X-Mandrill-Signature is missing"))?;
        let fields = forms::fields(request.body(), 2)?;
        // Nothing parts the names from the values, so with one field of a known name alone the signed bytes have
        // one reading. Mandrill sends one.
        let [(name, value)] = fields.as_slice() else {
            return Err(Unreadable("the form does not have one field"));
        };
        if name != FIELD.as_bytes() {
            return Err(Unreadable("the form's field is not mandrill_events"));
        }
        let message = [request.url().as_bytes(), name, value].concat();
        signed.prove(message, tag)
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::{RejectionKind, Secret, Timestamp, Verifier};

    use super::super::MANDRILL;

    const URL: &str = "https://example.com/hooks";
    /// `https://example.com/hooksmandrill_events[{"event":"send","_id":"a"}]`, with the key `key`.
    const TAG: &str = "Oj4i/567SR7HjGMYhpPfJferevg=";

    fn judge(body: &str) -> Result<usize, RejectionKind> {
        let verifier = Verifier::builder(MANDRILL).secret(Secret::new("key").unwrap());
        let verifier = verifier.url(URL).build().unwrap();
        let request = http::Request::post("/").header(super::SIGNATURE, TAG);
        let request = request.body(()).unwrap();
        let now = Timestamp::from_unix_seconds(0);
        let judged = verifier.verify(&request, body.to_owned().into(), now);
        let items = judged.and_then(|verified| verified.into_items(10));
        items
            .map(|items| items.len())
            .map_err(|refused| refused.kind())
    }

    #[test]
    fn one_field_is_all_that_is_proved() {
        const EVENTS: &str = "%5B%7B%22event%22%3A%22send%22%2C%22_id%22%3A%22a%22%7D%5D";
        assert_eq!(judge(&format!("mandrill_events={EVENTS}")), Ok(1));
        let mismatch = Err(RejectionKind::SignatureMismatch);
        for other in [
            // The same characters, cut otherwise, and fields beside the one.
            format!("mandrill_event=s{EVENTS}"),
            format!("mandrill_events%5B={}", EVENTS.trim_start_matches("%5B")),
            format!("mandrill_events={EVENTS}&mandrill_events="),
            format!("mandrill_events={EVENTS}&x="),
            format!("&mandrill_events{EVENTS}"),
            format!("mandrill_events={}", EVENTS.replace("send", "open")),
            String::new(),
        ] {
            assert_eq!(judge(&other), mismatch, "{other}");
        }
    }
}
