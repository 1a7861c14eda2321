//! An invoice that lives: it goes back and forth, and looks as it looked before when it does.

use serde_json::{Value, json};

/// What somebody does to an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is sent to the customer.
    Send,
    /// A part of it is paid.
    PayPart,
    /// The rest of it is paid: three events with one body.
    PayAll,
    /// The payments are taken back.
    Unmark,
    /// It is cancelled.
    Cancel,
    /// It is as it was before it was cancelled.
    Restore,
    /// It is deleted.
    Delete,
}

impl Change {
    /// What happens, as often as it does.
    pub(super) const OFTEN: [Self; 12] = [
        Self::Send,
        Self::Send,
        Self::PayPart,
        Self::PayAll,
        Self::PayAll,
        Self::PayAll,
        Self::Unmark,
        Self::Unmark,
        Self::Unmark,
        Self::Cancel,
        Self::Restore,
        Self::Delete,
    ];

    /// The events that Rebill sends of it.
    pub(super) const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Send => &["invoice.sent"],
            Self::PayPart => &["payment.received", "invoice.payment_received"],
            Self::PayAll => &[
                "payment.received",
                "invoice.payment_received",
                "invoice.paid",
            ],
            Self::Unmark | Self::Restore => &["invoice.updated"],
            Self::Cancel => &["invoice.cancelled"],
            Self::Delete => &["invoice.deleted"],
        }
    }
}

/// An invoice of 300.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    id: String,
    due: u32,
    sent: bool,
    cancelled: bool,
    deleted: bool,
}

impl Entity {
    pub(super) fn new(number: usize) -> Self {
        Self {
            id: format!("inv_{number}"),
            due: 300,
            sent: false,
            cancelled: false,
            deleted: false,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Makes a change; false when it cannot be made.
    pub(super) fn change(&mut self, change: Change) -> bool {
        let open = !self.deleted && !self.cancelled;
        match change {
            Change::Send if open && !self.sent => self.sent = true,
            Change::PayPart if open && self.sent && self.due > 100 => self.due -= 100,
            Change::PayAll if open && self.sent && self.due > 0 => self.due = 0,
            Change::Unmark if open && self.due < 300 => self.due = 300,
            Change::Cancel if open => self.cancelled = true,
            Change::Restore if !self.deleted && self.cancelled => self.cancelled = false,
            Change::Delete if !self.deleted => self.deleted = true,
            _ => return false,
        }
        true
    }

    /// Nothing in it tells two times apart at which it stood the same.
    pub(super) fn body(&self) -> Value {
        let status = match self {
            Self {
                cancelled: true, ..
            } => "cancelled",
            Self { due: 0, .. } => "paid",
            Self {
                due: 300,
                sent: true,
                ..
            } => "sent",
            Self { sent: true, .. } => "paid_partial",
            _ => "draft",
        };
        json!({"id": self.id, "status": status, "amount_due": self.due, "deleted": self.deleted})
    }
}
