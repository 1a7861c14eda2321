//! The 19 event types of <https://help.rebill.co.za/api/webhooks>.

use time::OffsetDateTime;

use super::{Client, Invoice, Quote, SCHEME};
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
        InvoiceCreated(Invoice) = once("invoice.created"),
        /// An invoice was changed.
        InvoiceUpdated(Invoice) = repeats("invoice.updated"),
        /// An invoice was sent to the client.
        InvoiceSent(Invoice) = repeats("invoice.sent"),
        /// An invoice was paid in full.
        InvoicePaid(Invoice) = once("invoice.paid").when("/status", &["paid"]),
        /// A payment of an invoice was recorded, in part or in full.
        InvoicePaymentReceived(Invoice) = once("invoice.payment_received"),
        /// An invoice was cancelled.
        InvoiceCancelled(Invoice) = once("invoice.cancelled"),
        /// An invoice was deleted.
        InvoiceDeleted(Invoice) = once("invoice.deleted"),
        /// A quote was created.
        QuoteCreated(Quote) = once("quote.created"),
        /// A quote was changed.
        QuoteUpdated(Quote) = repeats("quote.updated"),
        /// A quote was sent to the client.
        QuoteSent(Quote) = repeats("quote.sent"),
        /// The client accepted a quote.
        QuoteAccepted(Quote) = once("quote.accepted").when("/status", &["accepted"]),
        /// The client declined a quote.
        QuoteDeclined(Quote) = once("quote.declined"),
        /// A quote expired.
        QuoteExpired(Quote) = once("quote.expired"),
        /// A quote was converted.
        QuoteConverted(Quote) = once("quote.converted"),
        /// A quote was deleted.
        QuoteDeleted(Quote) = once("quote.deleted"),
        /// A client was created.
        ClientCreated(Client) = once("client.created"),
        /// A client was changed.
        ClientUpdated(Client) = repeats("client.updated"),
        /// A client was deleted.
        ClientDeleted(Client) = once("client.deleted"),
        /// A payment came through a payment gateway.
        ///
        /// No page describes the object, not even whether it is the payment or the invoice, so it
        /// is left as JSON.
        PaymentReceived(RawJson) = once("payment.received"),
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
