//! The 19 event types of <https://help.rebill.co.za/api/webhooks>.

use time::OffsetDateTime;

use super::{Client, Invoice, Quote};
use crate::events::{Entity, RawJson, events};

events! {
    /// A type of event that Rebill documents.
    ///
    /// ```
    /// use countersign_senders::rebill_za::EventType;
    ///
    /// assert_eq!(EventType::from_name("quote.accepted"), Some(EventType::QuoteAccepted));
    /// assert_eq!(EventType::QuoteAccepted.as_str(), "quote.accepted");
    /// assert_eq!(EventType::from_name("quote.approved"), None);
    /// assert_eq!(EventType::ALL.len(), 19);
    /// ```
    pub enum EventType;

    /// An event from Rebill.
    ///
    /// Decoding cannot fail: what is not understood is [`Unknown`](Self::Unknown), with its bytes.
    /// The [module](crate::rebill_za) says what the type of an event proves, and what not.
    pub enum Event {
        /// An invoice was created.
        InvoiceCreated(Invoice) = "invoice.created",
        /// An invoice was changed.
        InvoiceUpdated(Invoice) = "invoice.updated",
        /// An invoice was sent to the client.
        InvoiceSent(Invoice) = "invoice.sent",
        /// An invoice was paid in full.
        InvoicePaid(Invoice) = "invoice.paid",
        /// A payment of an invoice was recorded, in part or in full.
        InvoicePaymentReceived(Invoice) = "invoice.payment_received",
        /// An invoice was cancelled.
        InvoiceCancelled(Invoice) = "invoice.cancelled",
        /// An invoice was deleted.
        InvoiceDeleted(Invoice) = "invoice.deleted",
        /// A quote was created.
        QuoteCreated(Quote) = "quote.created",
        /// A quote was changed.
        QuoteUpdated(Quote) = "quote.updated",
        /// A quote was sent to the client.
        QuoteSent(Quote) = "quote.sent",
        /// The client accepted a quote.
        QuoteAccepted(Quote) = "quote.accepted",
        /// The client declined a quote.
        QuoteDeclined(Quote) = "quote.declined",
        /// A quote expired.
        QuoteExpired(Quote) = "quote.expired",
        /// A quote was converted.
        QuoteConverted(Quote) = "quote.converted",
        /// A quote was deleted.
        QuoteDeleted(Quote) = "quote.deleted",
        /// A client was created.
        ClientCreated(Client) = "client.created",
        /// A client was changed.
        ClientUpdated(Client) = "client.updated",
        /// A client was deleted.
        ClientDeleted(Client) = "client.deleted",
        /// A payment came through a payment gateway.
        ///
        /// No page describes the object, not even whether it is the payment or the invoice, so it
        /// is left as JSON.
        PaymentReceived(RawJson) = "payment.received",
    }
}

impl Event {
    /// The invoice, quote or client that the event is about.
    ///
    /// None when the body has no id, and for `payment.received`, whose object is not documented.
    #[must_use]
    pub fn entity(&self) -> Option<Entity<'_>> {
        self.payload()?.entity()
    }

    /// When the event happened: always none, because Rebill does not say.
    ///
    /// An entity's `created` is when the entity was made, which is something else, and there is no
    /// timestamp header. The method is there so that events of all senders read alike.
    #[must_use]
    pub fn occurred_at(&self) -> Option<OffsetDateTime> {
        self.payload()?.occurred_at()
    }
}
