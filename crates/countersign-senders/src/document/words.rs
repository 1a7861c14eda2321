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
        SchemeError::ContentKeyOfEvents => "`identical_bodies = { copies = \"3d\" }`",
        SchemeError::TimeKeyWithoutPairs => {
            "the key is `time.signature_key`, the pairs are `signature.pairs`"
        }
        SchemeError::InvalidLength => "`id.length` and `time.digits`",
        SchemeError::FormsAtBoundary => "`time.digits` in place of `json_body`",
        SchemeError::CompressedJson => "`gzip = \"signed_before\"` if the sender signs the text",
        SchemeError::TokenSignsNothing => {
            "`signature.encoding` is `\"text\"`, `\"base64\"` or `\"base64url\"`"
        }
        SchemeError::TokenOfAnotherList => "`batch = \"/value\"`",
        SchemeError::CopiesAcrossTypes => {
            "`identical_bodies = \"events\"`, or `event = { pointer = \"/type\" }`"
        }
        SchemeError::BatchWithHeaders => {
            "`id` and `event` with `pointer`, no `id_copy`, no `event_copy`, and no `time.pointer`"
        }
        SchemeError::InvalidHandshake => {
            "the token of a scheme is in the body with `signature.token_in_body`"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use SchemeError::*;

    use super::*;

    /// Every error that a document can bring about. Those of features and of procedures are an application's.
    const ALL: [SchemeError; 34] = [
        BodyNotSigned,
        BodySignedTwice,
        AmbiguousParts,
        ToleranceWithoutTime,
        TimeNotSigned,
        TimeMissing,
        IdNotSigned,
        NoIdUndecided,
        IdenticalBodiesWithId,
        ContentKeyWithId,
        ContentKeyOfEvents,
        ContentKeyNotSigned,
        InvalidContentKey,
        CopiesShorterThanRetries,
        OnceWithoutSubject,
        LateRetriesRefused,
        CopyOfUnsigned,
        TimeKeyWithoutPairs,
        InvalidHeaderName,
        InvalidPointer,
        InvalidGrammar,
        InvalidLength,
        FormsAtBoundary,
        CompressedJson,
        KeyFormatMismatch,
        SecretNotSigned,
        TokenSignsNothing,
        TokenOfAnotherList,
        CopiesAcrossTypes,
        FormFieldWithoutForms,
        InvalidLimit,
        BatchWithHeaders,
        InvalidHandshake,
        HandshakeCouldSign,
    ];

    #[test]
    fn what_the_builder_calls_otherwise_has_a_documents_words() {
        let builders = ["::", "(", "id_length", "time_digits", "_pointer", "`pairs`"];
        let builders = |text: &str| builders.iter().any(|word| text.contains(word));
        let mut worded = 0;
        for error in ALL {
            let text = error.to_string();
            // What stands in brackets there is prose.
            let prose = error == OnceWithoutSubject || error == FormFieldWithoutForms;
            let words = in_a_document(error);
            assert!(
                words.is_some() || !builders(&text) || prose,
                "{error:?}: {text}"
            );
            if let Some(words) = words {
                assert!(
                    !words.contains("::") && !words.contains("()"),
                    "{error:?}: {words}"
                );
                worded += 1;
            }
        }
        assert!(worded > 20, "{worded}");
    }
}
