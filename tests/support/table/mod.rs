//! The scenario table: what is sent, and what is due everywhere. Its rows are in files by what they are about.

use core::time::Duration;

use countersign_core::{
    Clock, ConfigError, Keyring, KeyringSource, LookupError, Receiver, RejectionKind, Sleep,
    StoreError, SystemClock, Tenant, TenantAt, Timestamp,
    scheme::{IdenticalBodies, Scheme, SchemeBuilder},
};
use countersign_senders::{github, invoice_maker, rebill_za, standard_webhooks, stripe};
use countersign_testkit::{Sender, SignedDelivery};
use serde_json::{Value, json};

use crate::{notices::Notices, raw::Request, servers::PATH, spy_store::SpyStore};

mod bodies;
mod copies;
mod heads;
mod honest;
mod outcomes;
mod signatures;
mod times;
mod typed;

/// What a row's receiver is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// Rebill.
    Rebill,
    /// Rebill with little time for bodies.
    Hasty,
    /// Invoice Maker.
    InvoiceMaker,
    /// Stripe.
    Stripe,
    /// Rebill with a keyring for each tenant; `anna` is the only one.
    Tenants,
    /// A company's own sender without ids, whose equal bodies are one delivery.
    OwnCopies,
    /// The same, whose equal bodies are an event each.
    OwnEvents,
    /// A company's own sender whose entity's id was taken for the event's.
    WrongId,
    /// Rebill, which discards what is not of the expected form; so do all below but the last three.
    Discarding,
    /// Invoice Maker.
    InvoiceMakerDiscarding,
    /// GitHub.
    GitHub,
    /// Standard Webhooks.
    StandardWebhooks,
    /// Svix.
    Svix,
    /// A company's own sender.
    Own,
    /// Rebill behind a gateway that renames headers, with Rebill's name and rules.
    Gateway,
    /// The same without the rules: nobody looks whether a body contradicts its type.
    GatewayWithoutRules,
    /// Rebill, with a store that does not answer.
    StoreDown,
    /// Rebill, with a store that is full.
    StoreFull,
    /// Rebill, shutting down.
    Draining,
}

/// What a row's handler reads of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The bytes.
    Bytes,
    /// Rebill's typed events.
    Rebill,
    /// Invoice Maker's typed events.
    InvoiceMaker,
    /// An application's own type.
    Own,
}

/// One scenario.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is.
    pub name: &'static str,
    /// The receiver.
    pub setup: Setup,
    /// What the handler reads.
    pub reads: Reads,
    /// What is sent, one after the other.
    pub steps: Vec<Step>,
    /// How often the handler runs in all.
    pub runs: u32,
    /// What the store is asked for in all.
    pub store: &'static [&'static str],
    /// The kinds of notices that are sent.
    pub told: &'static [&'static str],
    /// The senders that the log names, wanted and proved, each time when typed events are another's.
    pub confused: Option<(&'static str, &'static str)>,
}

impl Row {
    const fn telling(mut self, told: &'static [&'static str]) -> Self {
        self.told = told;
        self
    }
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is sent.
    pub request: Request,
    /// The status that is due.
    pub status: u16,
    /// The value of `countersign-dedup` that is due.
    pub dedup: Option<&'static str>,
    /// Why it is refused, as a log would say; none where it is not.
    pub refused: Option<&'static str>,
    /// What the handler read, when it ran and that is due.
    pub read: Option<&'static str>,
}

/// A company's own sender. As it is, it does not build.
pub const OWN: SchemeBuilder = Scheme::body_hmac("X-Acme-Signature").prefix("sha256=");

const GATEWAY: SchemeBuilder = Scheme::body_hmac("X-Gateway-Signature")
    .name(rebill_za::SCHEME.name())
    .id_header("X-Gateway-Id")
    .event_header("X-Gateway-Event");

const COPIES: IdenticalBodies = IdenticalBodies::Copies {
    within: Duration::from_secs(3 * 86_400),
};

/// A wall clock that stands still, with timers that run.
#[derive(Debug)]
struct Standing(SystemClock<fn(Duration) -> Sleep>);

/// What the standing clock shows.
pub const NOW: i64 = 1_775_000_000;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(NOW)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.0.sleep(duration)
    }
}

fn standing() -> Standing {
    Standing(SystemClock::new(|duration| {
        Box::pin(tokio::time::sleep(duration))
    }))
}

struct OnlyAnna(Keyring);

impl KeyringSource for OnlyAnna {
    async fn keyring(&self, tenant: &str) -> Result<Option<Tenant>, LookupError> {
        Ok((tenant == "anna").then(|| Tenant::new("tenant-1", self.0.clone())))
    }
}

impl Setup {
    fn scheme(self) -> Scheme {
        match self {
            Self::InvoiceMaker => invoice_maker::SCHEME,
            Self::Stripe => stripe::SCHEME,
            Self::OwnCopies => OWN.identical_bodies(COPIES).declare(),
            Self::OwnEvents => OWN.identical_bodies(IdenticalBodies::Events).declare(),
            Self::InvoiceMakerDiscarding => invoice_maker::SCHEME,
            Self::GitHub => github::SCHEME,
            Self::StandardWebhooks => standard_webhooks::SCHEME,
            Self::Svix => standard_webhooks::SVIX,
            Self::Own => OWN.id_header("X-Acme-Delivery").declare(),
            Self::Gateway => GATEWAY
                .subject_pointer("/id")
                .events(rebill_za::SCHEME.events())
                .declare(),
            Self::GatewayWithoutRules => GATEWAY.declare(),
            Self::WrongId => OWN.id_pointer("/data/id").declare(),
            _ => rebill_za::SCHEME,
        }
    }

    /// The sender that the receiver trusts.
    #[must_use]
    pub fn sender(self) -> Sender {
        Sender::new(self.scheme()).with_clock(standing())
    }

    /// The receiver.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work.
    pub fn receiver(
        self,
        store: &SpyStore,
        notices: &Notices,
    ) -> Result<Receiver, Box<dyn std::error::Error>> {
        let scheme = self.scheme();
        let secret = self.sender().secret()?;
        let builder = Receiver::builder(scheme)
            .endpoint("test")
            .store(store.clone())
            .on_notice(notices.listener())
            .clock(standing());
        let builder = match self {
            Self::Tenants => {
                let source = OnlyAnna(Keyring::new(&scheme, secret)?);
                builder.tenants(TenantAt::LastPathSegment, source)
            }
            Self::Hasty => builder
                .secret(secret)
                .limits(|limits| limits.read_time = Duration::from_millis(150)),
            Self::Discarding
            | Self::InvoiceMakerDiscarding
            | Self::GitHub
            | Self::StandardWebhooks
            | Self::Svix
            | Self::Own
            | Self::Gateway
            | Self::GatewayWithoutRules => builder.secret(secret).discard_unexpected_bodies(),
            _ => builder.secret(secret),
        };
        match self {
            Self::StoreDown => store.fail("claim", || StoreError::unavailable("down")),
            Self::StoreFull => store.fail("claim", StoreError::full),
            _ => {}
        }
        let receiver: Result<Receiver, ConfigError> = builder.build();
        Ok(receiver?)
    }
}

const NOTHING: &[&str] = &[];
const RAN: &[&str] = &["claim", "complete"];

fn step(request: Request, status: u16, dedup: Option<&'static str>) -> Step {
    Step {
        request,
        status,
        dedup,
        refused: None,
        read: None,
    }
}

/// A request that is refused, and why; its status is that of the kind.
fn refusal(request: Request, why: &'static str) -> Step {
    let kind = RejectionKind::ALL
        .iter()
        .find(|kind| why.starts_with(kind.as_str()));
    Step {
        refused: Some(why),
        ..step(request, kind.map_or(0, |kind| kind.status()), None)
    }
}

/// The handler does not run and the store is not touched.
fn refused(name: &'static str, setup: Setup, why: &'static str, request: Request) -> Row {
    Row {
        name,
        setup,
        reads: Reads::Bytes,
        steps: vec![refusal(request, why)],
        runs: 0,
        store: NOTHING,
        told: NOTHING,
        confused: None,
    }
}

/// The handler runs and the delivery is completed.
fn accepted(name: &'static str, setup: Setup, request: Request) -> Row {
    Row {
        name,
        setup,
        reads: Reads::Bytes,
        steps: vec![step(request, 200, Some("fresh"))],
        runs: 1,
        store: RAN,
        told: NOTHING,
        confused: None,
    }
}

fn paid() -> Value {
    json!({"id": "inv_1", "status": "paid", "amount_due": 0})
}

fn rebill(body: Value) -> SignedDelivery {
    let sender = Setup::Rebill.sender();
    sender
        .delivery_with_id("invoice.paid", "dlv_1", body)
        .to(PATH)
}

fn invoice() -> SignedDelivery {
    let body = json!({"data": {"id": "inv_1", "status": "paid"}});
    let sender = Setup::InvoiceMaker.sender();
    sender
        .delivery_with_id("invoice.paid", "evt_1", body)
        .to(PATH)
}

fn stripe() -> SignedDelivery {
    let sender = Setup::Stripe.sender();
    sender
        .delivery_with_id("invoice.paid", "evt_1", json!({"object": "event"}))
        .to(PATH)
}

/// Bytes signed by Rebill.
fn bytes(body: impl Into<bytes::Bytes>) -> SignedDelivery {
    let sender = Setup::Rebill.sender();
    sender.raw("invoice.updated", "dlv_1", body).to(PATH)
}

/// Bytes signed by Invoice Maker, without the headers that repeat id and type.
fn invoice_bytes(body: impl Into<bytes::Bytes>) -> SignedDelivery {
    let sender = Setup::InvoiceMaker.sender();
    sender
        .raw("invoice.updated", "evt_1", body)
        .without_header("X-Webhook-Event-ID")
        .without_header("X-Webhook-Event")
        .to(PATH)
}

/// Every scenario.
#[must_use]
pub fn rows() -> Vec<Row> {
    let rows = [
        signatures::rows(),
        times::rows(),
        bodies::rows(),
        heads::rows(),
        copies::rows(),
        honest::rows(),
        outcomes::rows(),
        typed::rows(),
    ];
    rows.concat()
}
