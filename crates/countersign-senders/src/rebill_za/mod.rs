//! Rebill, the South African invoicing service at rebill.co.za.
//!
//! Not the company of the same name in Latin America (rebill.com), whose requests look alike and
//! are signed in another way.
//!
//! What this module knows is what the sender's pages say: the headers and event types from
//! <https://help.rebill.co.za/api/webhooks>, the objects from the API reference beside it
//! (<https://help.rebill.co.za/api/invoices>, `/quotes` and `/clients`, with the conventions of
//! `/getting-started`).
//!
//! # Before acting on an event
//!
//! - **The type is not signed.** It comes in the `X-Rebill-Event` header, and the signature covers
//!   the body alone. Whoever captured the body of an `invoice.updated` can send it again as
//!   `invoice.paid`, and the signature is right. Where the body's `status` denies the claimed type,
//!   the event is [`Event::Unproved`]; where it is silent, nothing can tell. Look at the entity's
//!   own fields, or fetch the entity, before money moves.
//! - **One payment can send three events**: `payment.received`, `invoice.payment_received` and
//!   `invoice.paid`. Each is a delivery of its own and each runs the handler. Act on one of them.
//! - **`invoice.payment_received` is sent for part payments too.** Only `invoice.paid` means that
//!   nothing is left to pay.
//! - **The body is the bare entity.** There is no envelope, no event id and no time of the event.
//! - **The pages disagree** about some field names, and show no body of a webhook at all. Every
//!   field is therefore optional; [`Event::raw`] has what really came.
//!
//! ```
//! use countersign_senders::rebill_za::{Event, InvoiceStatus};
//!
//! /// The invoice to mark as paid, if this event says so and its body agrees.
//! fn paid_invoice(event: &Event) -> Option<&str> {
//!     match event {
//!         Event::InvoicePaid(invoice) if invoice.status == Some(InvoiceStatus::Paid) => {
//!             Some(invoice.id.as_ref()?.as_str())
//!         }
//!         // `Event::PaymentReceived` and `Event::InvoicePaymentReceived` tell of the same money.
//!         _ => None,
//!     }
//! }
//! ```

mod event;
mod payload;
mod scheme;

pub use self::{
    event::{Event, EventType},
    payload::{
        Address, Client, ClientId, Deposit, DepositType, Invoice, InvoiceId, InvoiceStatus, Quote,
        QuoteId, QuoteStatus,
    },
    scheme::SCHEME,
};

#[cfg(test)]
mod tests;
