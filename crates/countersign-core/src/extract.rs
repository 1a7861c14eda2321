//! What is made of a delivery's body, and what is answered when it cannot be.

// docs/decisions.md: D28, D70.

mod handed;

use core::{error::Error, fmt};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::{
    answer::{Answer, Dedup},
    delivery::{Admitted, Delivery},
    rejection::{Rejection, RejectionKind},
    report,
    scheme::Scheme,
    verify::Verified,
};

pub use self::handed::{FromHanded, HandedBody};

/// The exact bytes of a delivery, for handlers that parse them on their own.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw(Bytes);

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}

impl Raw {
    /// The bytes that were proved.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// What can be made of a delivery's body: [`Raw`] bytes, the event of a preset, or anything that
/// serde can read from JSON.
///
/// Types of other crates that implement `serde::Deserialize`, such as those of `async-stripe-webhook`, need
/// nothing more. Where what is to be read also depends on the event's type, or is no JSON, implement this
/// for a type of your own:
///
/// ```
/// use countersign_core::{FromDelivery, PayloadError, Verified};
/// use serde_json::Value;
///
/// enum Acme {
///     Order(Value),
///     /// Rows of text.
///     Report(String),
/// }
///
/// impl FromDelivery for Acme {
///     fn from_delivery(verified: &Verified) -> Result<Self, PayloadError> {
///         let payload = verified.payload().ok_or_else(PayloadError::unexpected)?;
///         match verified.event_type().map(|name| name.as_str()) {
///             Some("order") => Ok(Self::Order(serde_json::from_slice(payload)?)),
///             Some("report") => std::str::from_utf8(payload)
///                 .map(|rows| Self::Report(rows.to_owned()))
///                 .map_err(|_| PayloadError::unexpected()),
///             _ => Err(PayloadError::unexpected()),
///         }
///     }
/// }
///
/// # use countersign_core::{Scheme, Secret, Timestamp, Verifier};
/// # const ACME: Scheme =
/// #     Scheme::body_hmac("X-Acme").id_header("X-Acme-Id").event_header("X-Acme-Event").declare();
/// # let verifier = Verifier::builder(ACME).secret(Secret::new("secret")?).build()?;
/// # let proved = |event: &str| {
/// #     let request = http::Request::post("/").header("X-Acme-Id", "1").header("X-Acme-Event", event);
/// #     let tag = "1069a1db850ebb76127371eac34ceb0c04389664ce0c4c59d162620a3fc5fc7a";
/// #     let request = request.header("X-Acme", tag).body(()).unwrap();
/// #     verifier.verify(&request, "a;b".into(), Timestamp::now())
/// # };
/// assert!(matches!(Acme::from_delivery(&proved("report")?), Ok(Acme::Report(rows)) if rows == "a;b"));
/// assert!(Acme::from_delivery(&proved("order")?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a delivery",
    note = "use `Raw`, a preset's `Event`, or a type that implements `serde::Deserialize`",
    note = "for a type of another crate that is read in another way, implement `FromDelivery` for a type \
            of your own around it"
)]
pub trait FromDelivery: Sized {
    /// Reads the body.
    ///
    /// # Errors
    ///
    /// When the body is not of the expected form.
    fn from_delivery(verified: &Verified) -> Result<Self, PayloadError>;
}

impl FromDelivery for Raw {
    fn from_delivery(verified: &Verified) -> Result<Self, PayloadError> {
        Ok(Self(verified.body().clone()))
    }
}

impl<T: DeserializeOwned> FromDelivery for T {
    fn from_delivery(verified: &Verified) -> Result<Self, PayloadError> {
        let payload = verified.payload().ok_or(PayloadError(Fault::Form))?;
        Ok(serde_json::from_slice(payload)?)
    }
}

/// A proved body cannot be read as what was asked for. It does not repeat any of it.
#[derive(Debug, PartialEq, Eq)]
pub struct PayloadError(Fault);

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Json(Category),
    /// What an implementation outside says.
    Unexpected,
    /// A form without the field that the scheme names, or with several.
    Form,
    /// A typed event of one sender behind a receiver for another.
    Sender {
        wanted: &'static str,
        proved: &'static str,
    },
    /// The same of a message, whose sender's name anybody may have written.
    HandedSender {
        wanted: &'static str,
    },
}

impl PayloadError {
    /// For a [`FromDelivery`] of your own: the body is not of the expected form. What serde_json says is
    /// turned into this error by `?`, without its text, which may repeat the body.
    #[must_use]
    pub const fn unexpected() -> Self {
        Self(Fault::Unexpected)
    }

    /// Whether a typed event was asked for whose sender is not the receiver's: a mistake in the
    /// application, whatever the body is.
    #[must_use]
    pub const fn is_wrong_sender(&self) -> bool {
        matches!(self.0, Fault::Sender { .. } | Fault::HandedSender { .. })
    }
}

impl From<serde_json::Error> for PayloadError {
    fn from(error: serde_json::Error) -> Self {
        Self(Fault::Json(error.classify()))
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fault::Json(Category::Data) => {
                f.write_str("the body is JSON, but not of the expected form")
            }
            Fault::Json(Category::Io | Category::Syntax | Category::Eof) => {
                f.write_str("the body is not JSON")
            }
            Fault::Unexpected => f.write_str("the body is not of the expected form"),
            Fault::Form => f.write_str("the form does not have the scheme's field exactly once"),
            Fault::Sender { wanted, proved } => write!(
                f,
                "the handler expects an event of `{wanted}`, but its receiver proves deliveries of \
                 `{proved}`"
            ),
            Fault::HandedSender { wanted } => write!(
                f,
                "an event of `{wanted}` is expected, and the message is of another sender"
            ),
        }
    }
}

impl Error for PayloadError {}

impl Verified {
    /// Refuses a delivery that was not proved under a sender's scheme. What reads typed events of that
    /// sender calls this first: under another scheme the same names and fields mean something else, and
    /// nobody checked what this sender's scheme says of them.
    ///
    /// Schemes are told apart by their [name](Scheme::name) and their [rules](Scheme::events). One of your
    /// own for the same sender (behind a gateway that renames headers) takes both from the preset: without
    /// the rules nobody has looked whether the body contradicts an unsigned type.
    ///
    /// # Errors
    ///
    /// When the delivery was proved under a scheme of another name or with other rules.
    pub fn expect_sender(&self, of: &Scheme) -> Result<(), PayloadError> {
        let (wanted, proved) = (of.name(), self.scheme().name());
        match wanted == proved && self.scheme().events() == of.events() {
            true => Ok(()),
            false => Err(PayloadError(Fault::Sender { wanted, proved })),
        }
    }
}

impl<T: FromDelivery> Delivery<T> {
    /// Reads the body of an admitted delivery.
    ///
    /// # Errors
    ///
    /// When the body is not of the expected form. The typed events of the presets fail only behind a
    /// receiver for another sender.
    pub fn read(admitted: Admitted) -> Result<Self, PayloadError> {
        let event = T::from_delivery(&admitted)?;
        Ok(Self::new(admitted, event))
    }

    /// What an extractor does with what the layer or middleware around its handler left in the
    /// request.
    ///
    /// # Errors
    ///
    /// When there is nothing, because nobody proved the request; and as [`read`](Self::read) does.
    pub fn extract(admitted: Option<&Admitted>) -> Result<Self, DeliveryRejection> {
        let admitted = admitted.ok_or(DeliveryRejection::NotAdmitted)?;
        Self::read(admitted.clone()).map_err(|error| DeliveryRejection::Unreadable {
            answer: Box::new(admitted.unreadable(&error)),
            error,
        })
    }
}

impl Admitted {
    /// What a request is answered with whose body could not be read: 422, or 200 where the receiver was
    /// told to discard such deliveries; 500 where the fault is the application's.
    fn unreadable(&self, error: &PayloadError) -> Answer {
        let receiver = self.receiver();
        let kind = match error.0 {
            Fault::Sender { wanted, proved } => {
                report::wrong_sender(self, wanted, proved);
                RejectionKind::WrongSender
            }
            Fault::Json(_) | Fault::Form | Fault::Unexpected | Fault::HandedSender { .. }
                if receiver.discard_unexpected =>
            {
                report::discarded(receiver, self);
                return receiver.done(Dedup::Discarded);
            }
            Fault::Json(_) | Fault::Form | Fault::Unexpected | Fault::HandedSender { .. } => {
                RejectionKind::UnexpectedBody
            }
        };
        let rejection = Rejection::new(kind);
        report::refused(receiver, self.tenant(), &rejection);
        receiver.answer(rejection)
    }
}

/// Why a handler does not get its [`Delivery`]. Adapters wrap it into the error of their framework.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliveryRejection {
    /// No receiver's layer or middleware is around the handler, so that nobody proved the request. A
    /// mistake in the application.
    NotAdmitted,
    /// The body is not what the handler expects.
    #[non_exhaustive]
    Unreadable {
        /// What is answered.
        answer: Box<Answer>,
        /// In what way it is not.
        error: PayloadError,
    },
}

impl DeliveryRejection {
    /// What is answered; none where nothing was proved, which is 500 with this error's text.
    #[must_use]
    pub const fn answer(&self) -> Option<&Answer> {
        match self {
            Self::NotAdmitted => None,
            Self::Unreadable { answer, .. } => Some(answer),
        }
    }
}

impl fmt::Display for DeliveryRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAdmitted => {
                "`Delivery` needs `ReceiverLayer` (in actix-web `ReceiverMiddleware`) around the handler"
            }
            Self::Unreadable { .. } => "the delivery's body cannot be read",
        })
    }
}

impl Error for DeliveryRejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotAdmitted => None,
            Self::Unreadable { error, .. } => Some(error),
        }
    }
}
