//! Writing the core's answers out as responses of actix-web.

use core::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use countersign_core::Answer;

/// An answer that [`ReceiverMiddleware`](crate::ReceiverMiddleware) gives while the handler has the
/// request: it is still running, panicked, ran too long, or left the decision to an
/// [`Outcome`](countersign_core::Outcome).
///
/// A response of actix-web needs the request, and the handler has it. So these answers come out of
/// the middleware as an `Err`, which actix-web makes a response of. To an outer middleware that
/// looks at results, this type says what happened; the
/// [`Rejection`](countersign_core::Rejection) is in the extensions of the response, too.
///
/// ```
/// use countersign_actix::AnswerError;
///
/// /// What an outer middleware might log.
/// fn reason(error: &actix_web::Error) -> Option<String> {
///     Some(error.as_error::<AnswerError>()?.answer().rejection()?.to_string())
/// }
/// assert_eq!(reason(&actix_web::error::ErrorBadGateway("not ours")), None);
/// ```
#[derive(Clone, Debug)]
pub struct AnswerError(Answer);

impl AnswerError {
    pub(crate) const fn new(answer: Answer) -> Self {
        Self(answer)
    }

    /// What is answered.
    #[must_use]
    pub const fn answer(&self) -> &Answer {
        &self.0
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.rejection() {
            Some(rejection) => rejection.fmt(f),
            None => f.write_str(String::from_utf8_lossy(&self.0.body()).trim_end()),
        }
    }
}

// The rejection is what is displayed, so it is no source besides.
impl core::error::Error for AnswerError {}

impl ResponseError for AnswerError {
    fn status_code(&self) -> StatusCode {
        status(&self.0)
    }

    fn error_response(&self) -> HttpResponse {
        respond(&self.0)
    }
}

/// The response that says what an answer says, with the rejection in its extensions.
pub(crate) fn respond(answer: &Answer) -> HttpResponse {
    let mut response = HttpResponse::build(status(answer));
    for (name, value) in answer.headers() {
        response.insert_header((name, value.to_string()));
    }
    if let Some(rejection) = answer.rejection() {
        response.extensions_mut().insert(rejection.clone());
    }
    response.body(answer.body())
}

/// The status of an answer. The core only has valid ones; anything else would be a fault of ours.
pub(crate) fn status(answer: &Answer) -> StatusCode {
    StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
