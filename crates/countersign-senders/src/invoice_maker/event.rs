//! The 25 event types of <https://www.onlineinvoicemaker.com/docs/webhooks/events>.

use time::OffsetDateTime;

use super::{Envelope, InvoiceData, SCHEME};
use crate::events::{Entity, RawJson, events};

events! {
    /// A type of event that Invoice Maker documents.
    ///
    /// ```
    /// use countersign_senders::invoice_maker::EventType;
    ///
    /// assert_eq!(EventType::from_name("invoice.paid"), Some(EventType::InvoicePaid));
    /// assert_eq!(EventType::InvoicePaid.as_str(), "invoice.paid");
    /// // There is no such type.
    /// assert_eq!(EventType::from_name("quotation.deleted"), None);
    /// assert_eq!(EventType::ALL.len(), 25);
    /// ```
    pub enum EventType;

    /// An event from Invoice Maker.
    ///
    /// Decoding cannot fail: what is not understood is [`Unknown`](Self::Unknown), with its bytes.
    pub enum Event {
        /// An invoice was created.
        InvoiceCreated(Envelope<InvoiceData>) = once("invoice.created"),
        /// An invoice was changed.
        InvoiceUpdated(Envelope<InvoiceData>) = repeats("invoice.updated"),
        /// An invoice was sent to the customer.
        InvoiceSent(Envelope<InvoiceData>) = repeats("invoice.sent"),
        /// An invoice was paid.
        InvoicePaid(Envelope<InvoiceData>) = once("invoice.paid"),
        /// An invoice is past its due date.
        InvoiceOverdue(Envelope<InvoiceData>) = once("invoice.overdue"),
        /// An invoice was cancelled.
        InvoiceCancelled(Envelope<InvoiceData>) = once("invoice.cancelled"),
        /// An invoice was deleted.
        InvoiceDeleted(Envelope<InvoiceData>) = once("invoice.deleted"),
        /// A quotation was created.
        QuotationCreated(Envelope<RawJson>) = once("quotation.created"),
        /// A quotation was changed.
        QuotationUpdated(Envelope<RawJson>) = repeats("quotation.updated"),
        /// A quotation was sent to the customer.
        QuotationSent(Envelope<RawJson>) = repeats("quotation.sent"),
        /// A quotation was accepted.
        QuotationAccepted(Envelope<RawJson>) = once("quotation.accepted"),
        /// A quotation was rejected.
        QuotationRejected(Envelope<RawJson>) = once("quotation.rejected"),
        /// A quotation expired.
        QuotationExpired(Envelope<RawJson>) = once("quotation.expired"),
        /// A quotation was converted.
        QuotationConverted(Envelope<RawJson>) = once("quotation.converted"),
        /// A customer was created.
        CustomerCreated(Envelope<RawJson>) = once("customer.created"),
        /// A customer was changed.
        CustomerUpdated(Envelope<RawJson>) = repeats("customer.updated"),
        /// A customer was deleted.
        CustomerDeleted(Envelope<RawJson>) = once("customer.deleted"),
        /// An expense was created.
        ExpenseCreated(Envelope<RawJson>) = once("expense.created"),
        /// An expense was changed.
        ExpenseUpdated(Envelope<RawJson>) = repeats("expense.updated"),
        /// An expense was approved.
        ExpenseApproved(Envelope<RawJson>) = once("expense.approved"),
        /// An expense was paid.
        ExpensePaid(Envelope<RawJson>) = once("expense.paid"),
        /// An expense was deleted.
        ExpenseDeleted(Envelope<RawJson>) = once("expense.deleted"),
        /// A recurring invoice made an invoice, which sends `invoice.created` as well.
        RecurringInvoiceGenerated(Envelope<RawJson>) = once("recurring_invoice.generated"),
        /// A run of a recurring invoice failed.
        RecurringInvoiceFailed(Envelope<RawJson>) = once("recurring_invoice.failed"),
        /// A recurring invoice was completed.
        RecurringInvoiceCompleted(Envelope<RawJson>) = once("recurring_invoice.completed"),
    }
}

impl Event {
    /// The invoice that the event is about.
    ///
    /// None when the body has no id of an invoice, when its two ids of the invoice differ, and for
    /// all other families, whose data is not documented.
    #[must_use]
    pub fn entity(&self) -> Option<Entity<'_>> {
        self.payload()?.entity()
    }

    /// When the event happened: `/created_at` of the body, which the signature covers.
    ///
    /// Events can arrive out of order, for a failed delivery is tried again for a day. Compare this
    /// time before an older state replaces a newer one.
    #[must_use]
    pub fn occurred_at(&self) -> Option<OffsetDateTime> {
        self.payload()?.occurred_at()
    }
}
