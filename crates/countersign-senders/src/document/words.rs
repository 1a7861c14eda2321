//! How a document says what the core's messages say in the builder's words.

use countersign_core::scheme::SchemeError;

/// What to write, where the builder's word is not the document's own.
pub(super) const fn in_a_document(error: SchemeError) -> Option<&'static str> {
    Some(match error {
        SchemeError::BodyNotSigned => "write `{body}` into `signed`",
        SchemeError::AmbiguousParts => {
            "literals are what stands between the braces of `signed`; `json_body = true`"
        }
        SchemeError::ToleranceWithoutTime | SchemeError::TimeMissing => {
            "`time` with one of `header`, `signature_key` and `pointer`"
        }
        SchemeError::TimeNotSigned => "write `{time}` into `signed`",
        SchemeError::IdNotSigned => {
            "`id = { header = \"..\", must_be_signed = true }`, and `{id}` in `signed`"
        }
        SchemeError::NoIdUndecided => {
            "`identical_bodies = { copies = \"3d\" }`, or `identical_bodies = \"events\"`, or `id` with \
             `header` or `pointer`"
        }
        SchemeError::CopiesShorterThanRetries => {
            "`identical_bodies.copies` is the one, `retry_span` and `time` the others"
        }
        SchemeError::OnceWithoutSubject => {
            "`subject = \"/order/id\"`, or leave the event's `once` out"
        }
        SchemeError::LateRetriesRefused => {
            "`time.retries = \"renewed\"`; else a larger `time.past`"
        }
        SchemeError::KeyFormatMismatch => {
            "`key.format` is `\"public\"` for `ed25519`, `ecdsa-p256-sha256` and `rsa-sha256`, and for no other"
        }
        SchemeError::SecretNotSigned => {
            "`{secret}` in `signed`, and `json_body = true`, with `sha256` and `sha1` only"
        }
        _ => return None,
    })
}
