//! FreshBooks, which sends a form and signs it as Python would write it in JSON.

use std::collections::BTreeSet;

use countersign_core::scheme::{Procedure, Signed, Unproved, Unreadable};

use crate::forms;

pub(super) const SIGNATURE: &str = "X-FreshBooks-Hmac-SHA256";
/// Its forms have eight.
const MAX_FIELDS: usize = 64;

#[derive(Debug)]
pub(super) struct FreshBooks;

impl Procedure for FreshBooks {
    fn name(&self) -> &'static str {
        "freshbooks"
    }

    fn headers(&self) -> &'static [&'static str] {
        &[SIGNATURE]
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let tag = request.header(SIGNATURE);
        let tag = tag.ok_or(Unreadable("X-FreshBooks-Hmac-SHA256 is missing"))?;
        let fields = forms::fields(request.body(), MAX_FIELDS)?;
        let mut names = BTreeSet::new();
        let mut message = String::from("{");
        for (name, value) in &fields {
            // Of a name that is there twice, one reader takes the first value and another one the last.
            if !names.insert(name) {
                return Err(Unreadable("a field of the form is there twice"));
            }
            if message.len() > 1 {
                message.push_str(", ");
            }
            push_text(&mut message, forms::text(name)?);
            message.push_str(": ");
            push_text(&mut message, forms::text(value)?);
        }
        message.push('}');
        signed.prove(message, tag)
    }
}

/// A text as `json.dumps` writes it: ASCII, with UTF-16 for everything else.
fn push_text(to: &mut String, text: &str) {
    to.push('"');
    for letter in text.chars() {
        match letter {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            '\u{8}' => to.push_str("\\b"),
            '\u{c}' => to.push_str("\\f"),
            ' '..='~' => to.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    to.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    to.push('"');
}

#[cfg(test)]
mod tests {
    use countersign_core::{RejectionKind, Secret, Timestamp, Verified, Verifier};

    use super::{super::FRESHBOOKS, Unproved};

    // Made by Python's `json.dumps` and `hmac`, as FreshBooks' pages say.
    const BODY: &str = "name=invoice.create&object_id=1234567&account_id=6BApk&business_id=6543&identity_id=1234&user_id=1";
    const TAG: &str = "/S03vyYmI7CekM4YXBHUhs9o5rnMtqGLrW3aA8S9gPc=";
    const ODD: &str = "name=client.update&note=Zo%C3%AB%20%F0%9F%90%A6%20%22%5C%2F%3C%0A%09%7F%00";
    const ODD_TAG: &str = "msYUij/+ws904KCVb3E3CXil7YvmnjmP2rLVBOj/f1M=";

    fn judge(body: &str, tag: &str) -> Result<Verified, RejectionKind> {
        let verifier = Verifier::builder(FRESHBOOKS)
            .secret(Secret::new("scADVVi5QuKuj5qTjVkbJNYQe7V7USpGd").unwrap());
        let verifier = verifier.build().unwrap();
        let request = http::Request::post("/").header(super::SIGNATURE, tag);
        let request = request.body(()).unwrap();
        let now = Timestamp::from_unix_seconds(0);
        let judged = verifier.verify(&request, body.to_owned().into(), now);
        judged.map_err(|refused| refused.kind())
    }

    #[test]
    fn a_form_is_proved_as_python_writes_it() {
        let proved = judge(BODY, TAG).unwrap();
        let message = proved.proved_message().unwrap();
        let fields: serde_json::Value = serde_json::from_slice(message).unwrap();
        assert_eq!(fields["name"], "invoice.create");
        assert!(proved.body_is_signed());
        judge(ODD, ODD_TAG).unwrap();
    }

    #[test]
    fn no_field_can_be_changed_added_or_moved() {
        for (from, to) in [
            ("invoice", "client"),
            ("object_id", "object_ie"),
            ("&user_id=1", ""),
            ("&user_id=1", "&user_id=1&user_id=1"),
            ("&user_id=1", "&user_id=1&user_id=2"),
            ("&user_id=1", "&user_id=1&x="),
            ("&user_id=1", "&user_id=1%22%2C+%22x%22%3A+%22"),
            (
                "name=invoice.create&object_id=1234567",
                "object_id=1234567&name=invoice.create",
            ),
        ] {
            let other = BODY.replace(from, to);
            assert_ne!(other, BODY);
            let judged = judge(&other, TAG).err();
            assert_eq!(judged, Some(RejectionKind::SignatureMismatch), "{other}");
        }
        // What has two readings is not even looked at.
        let headers = [(super::SIGNATURE, String::new())];
        for unclear in ["name=a&name=b", "name=a&n%61me=b", "name=%FF", "name=%4"] {
            let request = Unproved::new("", None, &headers, unclear.as_bytes());
            assert!(FRESHBOOKS.messages(&request).is_err(), "{unclear}");
        }
        let clear = Unproved::new("", None, &headers, b"name=a&n%62me=b");
        let due = br#"{"name": "a", "nbme": "b"}"#.to_vec();
        assert_eq!(FRESHBOOKS.messages(&clear), Ok(vec![due]));
    }
}
