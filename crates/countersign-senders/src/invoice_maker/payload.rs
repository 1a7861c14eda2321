//! The envelope of every event, and the data of the invoice family.

use serde_json::value::RawValue;
use time::{Date, OffsetDateTime};

use crate::events::{
    Body, Decimal, Entity, EntityKind, FromJson, Object, RawJson, id_types, object, open_enum,
};

/// What every body is: who, what and when, around data that depends on the event's family.
///
/// Source: <https://www.onlineinvoicemaker.com/docs/webhooks/payloads>. All of it is covered by
/// the signature.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Envelope<D> {
    /// The event's id, which stays the same when a delivery is tried again.
    pub id: Option<EventId>,
    /// The name of the event's type, `/type` in the body.
    pub event_type: Option<String>,
    /// When the event happened.
    pub created_at: Option<OffsetDateTime>,
    /// The business that owns the event.
    pub business_id: Option<BusinessId>,
    /// The object the event is about, and more.
    pub data: Option<D>,
}

// Not derived: an empty envelope needs no empty data.
impl<D> Default for Envelope<D> {
    fn default() -> Self {
        Self {
            id: None,
            event_type: None,
            created_at: None,
            business_id: None,
            data: None,
        }
    }
}

impl Envelope<InvoiceData> {
    /// The full invoice, `/data/invoice`.
    #[must_use]
    pub fn invoice(&self) -> Option<&Invoice> {
        self.data.as_ref()?.invoice.as_ref()
    }
}

impl<D: FromJson> FromJson for Envelope<D> {
    fn from_json(json: &RawValue) -> Option<Self> {
        const NAMES: &[&str] = &["id", "type", "created_at", "business_id", "data"];
        let object = Object::parse(json, NAMES)?;
        Some(Self {
            id: object.get("id"),
            event_type: object.get("type"),
            created_at: object.get("created_at"),
            business_id: object.get("business_id"),
            data: object.get("data"),
        })
    }
}

impl Body for Envelope<InvoiceData> {
    fn entity(&self) -> Option<Entity<'_>> {
        let data = self.data.as_ref()?;
        let inner = self.invoice().and_then(|invoice| invoice.id.as_ref());
        let id = match (&data.id, inner) {
            (Some(outer), Some(inner)) if outer != inner => None,
            (outer, inner) => outer.as_ref().or(inner),
        };
        Entity::new(EntityKind::Invoice, id.map(InvoiceId::as_str))
    }

    fn occurred_at(&self) -> Option<OffsetDateTime> {
        self.created_at
    }
}

impl Body for Envelope<RawJson> {
    fn occurred_at(&self) -> Option<OffsetDateTime> {
        self.created_at
    }
}

object! {
    /// The data of an `invoice.*` event: what changed, and the full invoice.
    pub struct InvoiceData {
        /// The invoice's id.
        pub id: Option<InvoiceId>,
        /// The number that people see, such as `INV-00001`.
        pub invoice_number: Option<String>,
        /// The total, in the currency's major unit.
        pub total: Option<Decimal>,
        /// Where the invoice stands now.
        pub status: Option<InvoiceStatus>,
        /// Where the invoice stood before.
        pub previous_status: Option<InvoiceStatus>,
        /// The full invoice.
        pub invoice: Option<Invoice>,
    }
}

object! {
    /// An invoice. Amounts are in the currency's major unit.
    ///
    /// The fields up to `notes` are in the sender's sample of a webhook. Those after it are known
    /// from the REST API only, <https://www.onlineinvoicemaker.com/docs/api/invoices>, and may not
    /// be sent.
    pub struct Invoice {
        /// The invoice's id.
        pub id: Option<InvoiceId>,
        /// The number that people see, such as `INV-00001`.
        pub invoice_number: Option<String>,
        /// Where the invoice stands.
        pub status: Option<InvoiceStatus>,
        /// The date on the invoice.
        pub issue_date: Option<Date>,
        /// When payment is due.
        pub due_date: Option<Date>,
        /// The ISO 4217 code of the currency.
        pub currency: Option<String>,
        /// The sum of the lines.
        pub subtotal: Option<Decimal>,
        /// The tax.
        pub tax_amount: Option<Decimal>,
        /// The discount.
        pub discount_amount: Option<Decimal>,
        /// The total.
        pub total: Option<Decimal>,
        /// What was paid so far.
        pub amount_paid: Option<Decimal>,
        /// Notes on the invoice.
        pub notes: Option<String>,
        /// The customer the invoice is for. Known from the REST API.
        pub customer_id: Option<CustomerId>,
        /// The terms on the invoice. Known from the REST API.
        pub terms: Option<String>,
        /// When the invoice was created. Known from the REST API.
        pub created_at: Option<OffsetDateTime>,
        /// When the invoice was last changed. Known from the REST API.
        pub updated_at: Option<OffsetDateTime>,
    }
}

open_enum! {
    /// Where an [`Invoice`] stands.
    ///
    /// ```
    /// use countersign_senders::invoice_maker::InvoiceStatus;
    ///
    /// assert_eq!(InvoiceStatus::from("paid"), InvoiceStatus::Paid);
    /// assert_eq!(InvoiceStatus::from("written_off").as_str(), "written_off");
    /// assert_ne!(InvoiceStatus::from("Paid"), InvoiceStatus::Paid);
    /// ```
    pub enum InvoiceStatus {
        /// Not sent yet.
        Draft = "draft",
        /// Sent to the customer.
        Sent = "sent",
        /// Paid.
        Paid = "paid",
        /// Past its due date.
        Overdue = "overdue",
        /// Cancelled.
        Cancelled = "cancelled",
    }
}

id_types! {
    /// The id of an event, such as `evt_80e0a4bcb0534c21967f50c54602433e`.
    EventId,
    /// The id of a business, a UUID.
    BusinessId,
    /// The id of an [`Invoice`], a UUID.
    InvoiceId,
    /// The id of a customer, a UUID.
    CustomerId,
}
