//! The objects of Rebill's API reference, which its webhooks send bare.

use time::OffsetDateTime;

use crate::events::{
    BasisPoints, Body, Entity, EntityKind, MinorUnits, RawJson, id_types, object, open_enum,
};

object! {
    /// An invoice, as <https://help.rebill.co.za/api/invoices> describes it.
    ///
    /// The client is named by id and not embedded. The name of `deposit_value` is taken from the
    /// quote, where it is documented.
    pub struct Invoice {
        /// The invoice's id.
        pub id: Option<InvoiceId>,
        /// The short id in public payment links.
        pub public_id: Option<String>,
        /// When the invoice was created.
        pub created: Option<OffsetDateTime>,
        /// The number that people see, such as `INV0001`.
        pub number: Option<String>,
        /// The ISO 4217 code of the currency.
        pub currency: Option<String>,
        /// Where the invoice stands.
        pub status: Option<InvoiceStatus>,
        /// The client the invoice is for.
        pub client_id: Option<ClientId>,
        /// The date on the invoice.
        pub invoice_date: Option<OffsetDateTime>,
        /// When payment is due.
        pub due_date: Option<OffsetDateTime>,
        /// What is still to be paid; not what was paid, and not the total.
        pub amount_due: Option<MinorUnits>,
        /// The line items, whose fields are not documented.
        pub items: Option<RawJson>,
        /// Notes on the invoice.
        pub notes: Option<String>,
        /// Where to pay to.
        pub bank_details: Option<String>,
        /// How a deposit is counted, if one is asked for.
        pub deposit_type: Option<DepositType>,
        /// The deposit's number, whose unit hangs on the type; see [`deposit`](Self::deposit).
        pub deposit_value: Option<i64>,
    }
}

impl Invoice {
    /// The deposit with its unit, when the type and the number are both there.
    #[must_use]
    pub fn deposit(&self) -> Option<Deposit> {
        Deposit::new(self.deposit_type.as_ref()?, self.deposit_value?)
    }
}

impl Body for Invoice {
    fn entity(&self) -> Option<Entity<'_>> {
        Entity::new(EntityKind::Invoice, self.id.as_ref().map(InvoiceId::as_str))
    }
}

object! {
    /// A quote, as <https://help.rebill.co.za/api/quotes> describes it.
    pub struct Quote {
        /// The quote's id.
        pub id: Option<QuoteId>,
        /// The short id in public links.
        pub public_id: Option<String>,
        /// When the quote was created.
        pub created: Option<OffsetDateTime>,
        /// The number that people see, such as `Q0001`.
        pub number: Option<String>,
        /// The ISO 4217 code of the currency.
        pub currency: Option<String>,
        /// Where the quote stands.
        pub status: Option<QuoteStatus>,
        /// The client the quote is for.
        pub client_id: Option<ClientId>,
        /// The date on the quote.
        pub quote_date: Option<OffsetDateTime>,
        /// When the quote expires.
        pub expiry_date: Option<OffsetDateTime>,
        /// When the client accepted, if it did.
        pub accepted_at: Option<OffsetDateTime>,
        /// When the client declined, if it did.
        pub declined_at: Option<OffsetDateTime>,
        /// The total.
        pub amount: Option<MinorUnits>,
        /// The line items, whose fields are not documented.
        pub items: Option<RawJson>,
        /// Notes on the quote.
        pub notes: Option<String>,
        /// Where to pay to.
        pub bank_details: Option<String>,
        /// How a deposit is counted, if one is asked for.
        pub deposit_type: Option<DepositType>,
        /// The deposit's number, whose unit hangs on the type; see [`deposit`](Self::deposit).
        pub deposit_value: Option<i64>,
    }
}

impl Quote {
    /// The deposit with its unit, when the type and the number are both there.
    #[must_use]
    pub fn deposit(&self) -> Option<Deposit> {
        Deposit::new(self.deposit_type.as_ref()?, self.deposit_value?)
    }
}

impl Body for Quote {
    fn entity(&self) -> Option<Entity<'_>> {
        Entity::new(EntityKind::Quote, self.id.as_ref().map(QuoteId::as_str))
    }
}

object! {
    /// A client, as <https://help.rebill.co.za/api/clients> describes it.
    pub struct Client {
        /// The client's id.
        pub id: Option<ClientId>,
        /// The short id in public links.
        pub public_id: Option<String>,
        /// The first name, or the company.
        pub name: Option<String>,
        /// The surname; may be empty.
        pub surname: Option<String>,
        /// The address for mail.
        pub email: Option<String>,
        /// The phone number, in E.164.
        pub phone: Option<String>,
        /// Where invoices go.
        pub billing_address: Option<Address>,
        /// Where goods go.
        pub shipping_address: Option<Address>,
        /// The account's own fields: an object with any keys.
        pub custom_fields: Option<RawJson>,
        /// The client's credit.
        pub credit_amount: Option<MinorUnits>,
        /// Whether the client's statement portal asks for a password.
        pub has_password: Option<bool>,
        /// What the numbers of the client's invoices begin with.
        pub invoice_prefix: Option<String>,
        /// How many invoices the client has.
        pub invoice_count: Option<u64>,
    }
}

impl Body for Client {
    fn entity(&self) -> Option<Entity<'_>> {
        Entity::new(EntityKind::Client, self.id.as_ref().map(ClientId::as_str))
    }
}

object! {
    /// A postal address of a [`Client`].
    pub struct Address {
        /// The first line.
        pub street_1: Option<String>,
        /// The second line.
        pub street_2: Option<String>,
        /// The city.
        pub city: Option<String>,
        /// The province.
        pub province: Option<String>,
        /// The postal code.
        pub postal_code: Option<String>,
        /// The country.
        pub country: Option<String>,
    }
}

open_enum! {
    /// Where an [`Invoice`] stands.
    ///
    /// ```
    /// use countersign_senders::rebill_za::InvoiceStatus;
    ///
    /// assert_eq!(InvoiceStatus::from("paid"), InvoiceStatus::Paid);
    /// // Not the same text, so not the same status.
    /// assert_ne!(InvoiceStatus::from("paid_partial"), InvoiceStatus::Paid);
    /// assert_ne!(InvoiceStatus::from("PAID"), InvoiceStatus::Paid);
    /// ```
    pub enum InvoiceStatus {
        /// Not sent yet.
        Draft = "draft",
        /// To be sent later.
        Scheduled = "scheduled",
        /// Sent to the client.
        Sent = "sent",
        /// Paid in full.
        Paid = "paid",
        /// Paid in part.
        PaidPartial = "paid_partial",
        /// Cancelled.
        Cancelled = "cancelled",
    }
}

open_enum! {
    /// Where a [`Quote`] stands.
    pub enum QuoteStatus {
        /// Not sent yet.
        Draft = "draft",
        /// Sent to the client.
        Sent = "sent",
        /// Accepted by the client.
        Accepted = "accepted",
        /// Declined by the client.
        Declined = "declined",
        /// Past its date.
        Expired = "expired",
        /// Converted.
        Converted = "converted",
    }
}

open_enum! {
    /// How a deposit is counted.
    pub enum DepositType {
        /// As an amount.
        Fixed = "fixed",
        /// As a percentage.
        Percentage = "percentage",
    }
}

/// A deposit with its unit, which <https://help.rebill.co.za/api/getting-started> makes hang on the
/// deposit's type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Deposit {
    /// An amount.
    Fixed(MinorUnits),
    /// A percentage.
    Percentage(BasisPoints),
}

impl Deposit {
    fn new(kind: &DepositType, value: i64) -> Option<Self> {
        match kind {
            DepositType::Fixed => Some(Self::Fixed(MinorUnits::new(value))),
            DepositType::Percentage => Some(Self::Percentage(BasisPoints::new(value))),
            DepositType::Other(_) => None,
        }
    }
}

id_types! {
    /// The id of an [`Invoice`].
    InvoiceId,
    /// The id of a [`Quote`].
    QuoteId,
    /// The id of a [`Client`].
    ClientId,
}
