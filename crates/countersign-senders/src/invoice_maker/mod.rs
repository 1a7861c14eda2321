//! Invoice Maker, the invoicing service at onlineinvoicemaker.com.
//!
//! What this module knows is what the sender's pages say: the event types from
//! <https://www.onlineinvoicemaker.com/docs/webhooks/events>, the body from
//! <https://www.onlineinvoicemaker.com/docs/webhooks/payloads>, and the statuses and further fields
//! of an invoice from <https://www.onlineinvoicemaker.com/docs/api/invoices>.
//!
//! # Before acting on an event
//!
//! - **The type is signed.** Every body is an [`Envelope`] that names the event's id, type and
//!   time, and the signature covers it.
//! - **Amounts are decimal numbers** in the currency's major unit (`3109.88`), kept as they were
//!   sent; [`Decimal::to_minor_units`](crate::events::Decimal::to_minor_units) makes integers of
//!   them.
//! - **One action can send several events**: a run of a recurring invoice sends
//!   `recurring_invoice.generated` and `invoice.created`. Act on one of them.
//! - **Only the data of the invoice family is documented.** Quotation, customer, expense and
//!   recurring-invoice events have the same envelope, and their `data` is JSON to be read with
//!   care.
//!
//! ```
//! use countersign_senders::invoice_maker::{Event, InvoiceStatus};
//!
//! /// The invoice to mark as paid and the cents that came, in a currency with two decimals.
//! fn paid_invoice(event: &Event) -> Option<(&str, i64)> {
//!     let Event::InvoicePaid(event) = event else {
//!         return None;
//!     };
//!     let invoice = event.invoice()?;
//!     let paid = invoice.amount_paid.as_ref()?.to_minor_units(2)?;
//!     (invoice.status == Some(InvoiceStatus::Paid))
//!         .then_some((invoice.id.as_ref()?.as_str(), paid.get()))
//! }
//! ```

mod event;
mod payload;
mod scheme;

pub use self::{
    event::{Event, EventType},
    payload::{
        BusinessId, CustomerId, Envelope, EventId, Invoice, InvoiceData, InvoiceId, InvoiceStatus,
    },
    scheme::SCHEME,
};

#[cfg(test)]
mod tests;
