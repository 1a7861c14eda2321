//! The scenario table.

use core::time::Duration;

use countersign_core::{
    Clock, ConfigError, Keyring, KeyringSource, LookupError, Receiver, RejectionKind, Sleep,
    StoreError, SystemClock, Tenant, TenantAt, Timestamp,
    scheme::{IdenticalBodies, Scheme, SchemeBuilder},
};
use countersign_senders::{invoice_maker, rebill_za, stripe};
use countersign_testkit::{Sender, SignedDelivery};
use serde_json::{Value, json};

use crate::{
    notices::Notices,
    raw::{End, Request},
    servers::PATH,
    spy_store::SpyStore,
};

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
    /// Rebill, with a store that does not answer.
    StoreDown,
    /// Rebill, with a store that is full.
    StoreFull,
    /// Rebill, shutting down.
    Draining,
}

/// One scenario.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is.
    pub name: &'static str,
    /// The receiver.
    pub setup: Setup,
    /// What is sent, one after the other.
    pub steps: Vec<Step>,
    /// How often the handler runs in all.
    pub runs: u32,
    /// What the store is asked for in all.
    pub store: &'static [&'static str],
    /// The kinds of notices that are sent.
    pub told: &'static [&'static str],
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
}

/// A company's own sender. As it is, it does not build.
pub const OWN: SchemeBuilder = Scheme::body_hmac("X-Acme-Signature").prefix("sha256=");

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
        steps: vec![refusal(request, why)],
        runs: 0,
        store: NOTHING,
        told: NOTHING,
    }
}

/// The handler runs and the delivery is completed.
fn accepted(name: &'static str, setup: Setup, request: Request) -> Row {
    Row {
        name,
        setup,
        steps: vec![step(request, 200, Some("fresh"))],
        runs: 1,
        store: RAN,
        told: NOTHING,
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
    let mut rows = Vec::new();
    rows.extend(signature_rows());
    rows.extend(candidate_rows());
    rows.extend(time_rows());
    rows.extend(body_rows());
    rows.extend(head_rows());
    rows.extend(identity_rows());
    rows.extend(honest_rows());
    rows.extend(outcome_rows());
    rows
}

fn signature_rows() -> Vec<Row> {
    use Setup::{InvoiceMaker, Rebill};
    let good = rebill(paid());
    let name = good.signature_header().to_owned();
    let value = good.header(&name).unwrap_or_default().to_owned();
    let hex = value.trim_start_matches("sha256=").to_owned();
    let with = |value: &str| Request::of(&good.with_header(&name, value));
    let bare = good.unsigned();
    let line = |value: &[u8]| {
        let mut line = format!("{name}: ").into_bytes();
        line.extend_from_slice(value);
        Request::lines(&bare, &[&line])
    };
    let mut latin = b"sha256=".to_vec();
    latin.extend_from_slice(&[0xe9; 64]);
    let other = |setup: Setup, delivery: &SignedDelivery| {
        let sender = Sender::with_secret(setup.scheme(), "another secret").with_clock(standing());
        Request::of(&sender.stamp(delivery.clone()))
    };
    vec![
        accepted("Rebill, valid", Rebill, Request::of(&good)),
        accepted(
            "Invoice Maker, valid",
            InvoiceMaker,
            Request::of(&invoice()),
        ),
        refused(
            "Rebill, tampered",
            Rebill,
            "no key matches the signature",
            Request::of(&good.tampered()),
        ),
        refused(
            "Invoice Maker, tampered",
            InvoiceMaker,
            "no key matches the signature",
            Request::of(&invoice().tampered()),
        ),
        refused(
            "Rebill, wrong secret",
            Rebill,
            "no key matches the signature",
            other(Rebill, &good),
        ),
        refused(
            "Invoice Maker, wrong secret",
            InvoiceMaker,
            "no key matches the signature",
            other(InvoiceMaker, &invoice()),
        ),
        refused(
            "signature missing",
            Rebill,
            "header is missing: X-Rebill-Signature",
            Request::of(&bare),
        ),
        refused(
            "signature repeated",
            Rebill,
            "header is repeated: X-Rebill-Signature: it occurs more than once",
            Request::of(&good.with_added_header(&name, &value)),
        ),
        refused(
            "signature empty",
            Rebill,
            "header is malformed: X-Rebill-Signature: the value is empty",
            with(""),
        ),
        refused(
            "signature only its prefix",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 0 characters where 64 hexadecimal digits are due",
            with("sha256="),
        ),
        refused(
            "signature not ASCII",
            Rebill,
            "header is malformed: X-Rebill-Signature: the value holds other bytes than visible ASCII",
            line(&latin),
        ),
        refused(
            "signature of 9 KiB",
            Rebill,
            "header is malformed: X-Rebill-Signature: the value is longer than 8192 bytes",
            line(&[b'a'; 9 * 1024]),
        ),
        refused(
            "wrong prefix",
            Rebill,
            "header is malformed: X-Rebill-Signature: expected \"sha256=\" before the tag",
            with(&format!("sha512={hex}")),
        ),
        refused(
            "sha1 prefix",
            Rebill,
            "header is malformed: X-Rebill-Signature: expected \"sha256=\" before the tag",
            with("sha1=126f2c800419c60137ce748d7672e77b65cf16d6"),
        ),
        refused(
            "no prefix",
            Rebill,
            "header is malformed: X-Rebill-Signature: expected \"sha256=\" before the tag",
            with(&hex),
        ),
        refused(
            "62 digits",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 62 characters where 64 hexadecimal digits are due",
            with(&value[..value.len() - 2]),
        ),
        refused(
            "odd digits",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 63 characters where 64 hexadecimal digits are due",
            with(&value[..value.len() - 1]),
        ),
        refused(
            "66 digits",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 66 characters where 64 hexadecimal digits are due",
            with(&format!("{value}00")),
        ),
        accepted(
            "upper-case digits",
            Rebill,
            with(&format!("sha256={}", hex.to_ascii_uppercase())),
        ),
        refused(
            "base64 where hex is due",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 44 characters where 64 hexadecimal digits are due",
            with("sha256=dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc="),
        ),
        refused(
            "white space in the signature",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 65 characters where 64 hexadecimal digits are due",
            with(&format!("sha256= {hex}")),
        ),
        refused(
            "white space in the digits",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 65 characters where 64 hexadecimal digits are due",
            with(&format!("sha256={} {}", &hex[..32], &hex[32..])),
        ),
    ]
}

fn candidate_rows() -> Vec<Row> {
    use Setup::Stripe;
    let good = stripe();
    let name = good.signature_header().to_owned();
    let value = good.header(&name).unwrap_or_default().to_owned();
    let with = |value: &str| Request::of(&good.with_header(&name, value));
    let wrong = format!("v1={}", "0".repeat(64));
    let many = |count: usize| format!("t={NOW},{}", vec![wrong.as_str(); count].join(","));
    vec![
        accepted("Stripe, valid", Stripe, Request::of(&good)),
        accepted(
            "the right one among wrong ones",
            Stripe,
            with(&value.replacen(',', &format!(",{wrong},"), 1)),
        ),
        accepted(
            "an unlisted version beside",
            Stripe,
            with(&format!("{value},v0=abc")),
        ),
        refused(
            "the right tag under an unlisted version",
            Stripe,
            "header is malformed: Stripe-Signature: the list has no tag under \"v1\"",
            with(&value.replace("v1=", "v0=")),
        ),
        refused(
            "33 candidates",
            Stripe,
            "too many signatures: Stripe-Signature",
            with(&format!("{},{value}", many(33))),
        ),
        refused(
            "10,000 candidates",
            Stripe,
            "header is malformed: Stripe-Signature: the value is longer than 8192 bytes",
            with(&format!("t={NOW}{}", ",v1=a".repeat(10_000))),
        ),
        refused(
            "two times",
            Stripe,
            "header is malformed: Stripe-Signature: expected a list of key=value, parted by \",\", each key once",
            with(&format!("t={NOW},{value}")),
        ),
        refused(
            "a pair without a value",
            Stripe,
            "header is malformed: Stripe-Signature: expected a list of key=value, parted by \",\", each key once",
            with(&format!("{value},v1=")),
        ),
        refused(
            "a word without a pair",
            Stripe,
            "header is malformed: Stripe-Signature: expected a list of key=value, parted by \",\", each key once",
            with(&format!("{value},v1")),
        ),
        refused(
            "no time in the signature",
            Stripe,
            "header is malformed: Stripe-Signature: the list has no time under \"t\"",
            with(value.split_once(',').unwrap_or_default().1),
        ),
    ]
}

fn time_rows() -> Vec<Row> {
    use Setup::{InvoiceMaker, Stripe};
    let paid_at = |offset: i64| {
        let time = (NOW + offset).to_string();
        Request::of(&Stripe.sender().sign_with_time(&stripe(), &time))
    };
    let sender = InvoiceMaker.sender();
    let delivery = invoice();
    // All of these are signed with the time that they carry.
    let at = |text: &str| Request::of(&sender.sign_with_time(&delivery, text));
    let seconds = |offset: i64| at(&(NOW + offset).to_string());
    let header = "X-Webhook-Timestamp";
    let refuse = |name, why, request| refused(name, InvoiceMaker, why, request);
    vec![
        refuse(
            "time empty",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at(""),
        ),
        refuse(
            "time negative",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("-1775000000"),
        ),
        refuse(
            "time +5",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("+5"),
        ),
        refuse(
            "time with a blank",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("1775000000 0"),
        ),
        refuse(
            "time not a number",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("soon"),
        ),
        refuse(
            "time with a fraction",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("1775000000.5"),
        ),
        refuse(
            "time 2^63",
            "signed time is in the future: X-Webhook-Timestamp: by 9223370261854775 s (allowed 300)",
            at("9223372036854775808"),
        ),
        refuse(
            "time i64::MIN",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("-9223372036854775808"),
        ),
        refuse(
            "time of 30 digits",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at(&"9".repeat(30)),
        ),
        refuse(
            "time in milliseconds",
            "signed time is in the future: X-Webhook-Timestamp: the time has 13 digits: milliseconds where seconds are due",
            at(&format!("{NOW}000")),
        ),
        refused(
            "stamped anew, and 301 s old",
            Stripe,
            "signed time is too old: Stripe-Signature: by 301 s (allowed 300)",
            paid_at(-301),
        ),
        accepted("stamped anew, and 300 s old", Stripe, paid_at(-300)),
        accepted("301 s old, perhaps a retry", InvoiceMaker, seconds(-301)),
        refuse(
            "301 s ahead",
            "signed time is in the future: X-Webhook-Timestamp: by 301 s (allowed 300)",
            seconds(301),
        ),
        accepted("300 s old", InvoiceMaker, seconds(-300)),
        accepted("300 s ahead", InvoiceMaker, seconds(300)),
        accepted(
            "time with a leading zero, signed as sent",
            InvoiceMaker,
            at(&format!("0{NOW}")),
        ),
        refuse(
            "time missing",
            "header is missing: X-Webhook-Timestamp",
            Request::of(&delivery.without_header(header)),
        ),
        refuse(
            "time repeated",
            "header is repeated: X-Webhook-Timestamp: it occurs more than once",
            Request::of(&delivery.with_added_header(header, &NOW.to_string())),
        ),
        refuse(
            "time changed after signing",
            "no key matches the signature",
            Request::of(&delivery.with_header(header, &(NOW + 1).to_string())),
        ),
    ]
}

fn body_rows() -> Vec<Row> {
    use Setup::{Hasty, InvoiceMaker, Rebill};
    const LIMIT: usize = 1024 * 1024;
    let good = rebill(paid());
    let length = u64::try_from(good.body().len()).unwrap_or_default();
    let over = bytes(vec![b'x'; LIMIT + 1]);
    let deep = format!(
        r#"{{"x":{}{},"id":"evt_1","type":"invoice.updated"}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let every = bytes((0..=255).cycle().take(10_000).collect::<Vec<u8>>());
    let twice = r#"{"id":"evt_1","id":"evt_2","type":"invoice.updated"}"#;
    let mut trailing = Request::chunked(&good, 8, false);
    trailing
        .body
        .extend_from_slice(b"0\r\nx-trailer: 1\r\n\r\n");
    let mut cut = Request::chunked(&good, 8, false);
    cut.end = End::HalfClose;
    vec![
        accepted("body empty, signed", Rebill, Request::of(&bytes(""))),
        refused(
            "body empty, signature of another",
            Rebill,
            "no key matches the signature",
            Request::of(&good.with_body("")),
        ),
        accepted(
            "body as long as allowed",
            Rebill,
            Request::of(&bytes(vec![b'x'; LIMIT])),
        ),
        refused(
            "body a byte over the limit, declared",
            Rebill,
            "body is over the limit: more than 1048576 bytes",
            Request::declaring(&over, LIMIT as u64 + 1, b"", End::Wait),
        ),
        refused(
            "body a byte over the limit, in chunks",
            Rebill,
            "body is over the limit: more than 1048576 bytes",
            Request::chunked(&over, LIMIT + 1, false),
        ),
        refused(
            "declared longer than it is",
            Rebill,
            "body could not be read",
            Request::declaring(&good, length + 100, good.body(), End::HalfClose),
        ),
        refused(
            "declared shorter than it is",
            Rebill,
            "no key matches the signature",
            Request::declaring(&good, length - 1, good.body(), End::Wait),
        ),
        accepted(
            "in chunks of a byte",
            Rebill,
            Request::chunked(&good, 1, true),
        ),
        accepted(
            "in chunks of 7 bytes",
            Rebill,
            Request::chunked(&every, 7, true),
        ),
        accepted(
            "in chunks of 4,096 bytes",
            Rebill,
            Request::chunked(&every, 4_096, true),
        ),
        accepted(
            "in one chunk",
            Rebill,
            Request::chunked(&every, 10_000, true),
        ),
        refused(
            "in chunks of 7 bytes, tampered",
            Rebill,
            "no key matches the signature",
            Request::chunked(&every.tampered(), 7, true),
        ),
        accepted("with trailers", Rebill, trailing),
        refused(
            "cut off in the middle",
            Rebill,
            "body could not be read",
            cut,
        ),
        refused(
            "never ending",
            Hasty,
            "body was not read in time",
            Request::chunked(&good, 8, false),
        ),
        refused(
            "declared and never sent",
            Hasty,
            "body was not read in time",
            Request::declaring(&good, length, b"", End::Wait),
        ),
        accepted(
            "not UTF-8",
            Rebill,
            Request::of(&bytes(vec![0xff, 0xfe, 0])),
        ),
        accepted(
            "not JSON",
            InvoiceMaker,
            Request::of(&invoice_bytes("not JSON")),
        ),
        accepted(
            "nested 100,000 deep",
            InvoiceMaker,
            Request::of(&invoice_bytes(deep)),
        ),
        accepted(
            "duplicate keys",
            InvoiceMaker,
            Request::of(&invoice_bytes(twice)),
        ),
    ]
}

fn head_rows() -> Vec<Row> {
    use Setup::Rebill;
    let good = rebill(paid());
    let typed = |value: &str| Request::of(&good.with_header("content-type", value));
    let encoded = |value: &str| Request::of(&good.with_header("content-encoding", value));
    let tenant = |path: &str| {
        let sender = Setup::Tenants.sender();
        Request::of(&sender.delivery("invoice.paid", paid()).to(path))
    };
    vec![
        refused(
            "GET",
            Rebill,
            "method is not POST",
            Request::method(&good, "GET"),
        ),
        refused(
            "HEAD",
            Rebill,
            "method is not POST",
            Request::method(&good, "HEAD"),
        ),
        refused(
            "PUT",
            Rebill,
            "method is not POST",
            Request::method(&good, "PUT"),
        ),
        refused(
            "text/plain",
            Rebill,
            "content type is not the scheme's: it is not among \"application/json\"",
            typed("text/plain"),
        ),
        accepted(
            "content type with a parameter",
            Rebill,
            typed("application/json; charset=utf-8"),
        ),
        accepted(
            "content type with a suffix",
            Rebill,
            typed("application/vnd.acme.v2+json"),
        ),
        accepted(
            "content type with a suffix and a parameter",
            Rebill,
            typed("application/cloudevents+json; charset=utf-8"),
        ),
        refused(
            "content type with another suffix",
            Rebill,
            "content type is not the scheme's: it is not among \"application/json\"",
            typed("application/vnd.acme.v2+jsonp"),
        ),
        accepted(
            "content type in upper case",
            Rebill,
            typed("Application/JSON"),
        ),
        accepted(
            "no content type",
            Rebill,
            Request::of(&good.without_header("content-type")),
        ),
        refused(
            "gzip",
            Rebill,
            "content encoding is not identity",
            encoded("gzip"),
        ),
        accepted("identity", Rebill, encoded("identity")),
        accepted("known tenant", Setup::Tenants, tenant("/hook/anna")),
        refused(
            "unknown tenant",
            Setup::Tenants,
            "tenant is unknown",
            tenant("/hook/ben"),
        ),
        refused(
            "no tenant",
            Setup::Tenants,
            "tenant is unknown",
            tenant("/hook"),
        ),
        refused(
            "draining",
            Setup::Draining,
            "receiver is draining",
            Request::of(&good),
        ),
    ]
}

fn identity_rows() -> Vec<Row> {
    use Setup::{InvoiceMaker, Rebill};
    let sender = Rebill.sender();
    let good = rebill(paid());
    let id = "X-Rebill-Delivery";
    let event = "X-Rebill-Event";
    let again = |name, setup, first: &SignedDelivery, second: &SignedDelivery, dedup, runs| Row {
        name,
        setup,
        steps: vec![
            step(Request::of(first), 200, Some("fresh")),
            step(Request::of(second), 200, Some(dedup)),
        ],
        runs,
        store: if runs == 1 {
            &["claim", "complete", "claim"]
        } else {
            &["claim", "complete", "claim", "complete"]
        },
        told: match dedup {
            "suppressed" => &["suppressed"],
            _ => NOTHING,
        },
    };
    let updated = sender
        .delivery_with_id("invoice.updated", "dlv_1", paid())
        .to(PATH);
    let no_id = good.without_header(id);
    let stamped_later = InvoiceMaker
        .sender()
        .ahead(Duration::from_secs(60))
        .retry(&invoice());
    let mut latin = format!("{id}: ").into_bytes();
    latin.extend_from_slice(&[0xe9, 0xe9]);
    let other = sender.stamp(good.with_body(r#"{"id":"inv_2","status":"paid"}"#));
    // The mark is signed, and stands before what names the entity.
    let marked = sender.stamp(good.with_body("\u{feff}{\"id\":\"inv_1\",\"status\":\"paid\"}"));
    let ping = sender.delivery("ping", json!({})).to(PATH);
    vec![
        again("the same again", Rebill, &good, &good, "duplicate", 1),
        again(
            "a retry, stamped anew",
            InvoiceMaker,
            &invoice(),
            &stamped_later,
            "duplicate",
            1,
        ),
        again(
            "a replay under a new id",
            Rebill,
            &good,
            &good.with_header(id, "dlv_2"),
            "suppressed",
            1,
        ),
        again(
            "a byte order mark, and its replay under a new id",
            Rebill,
            &marked,
            &marked.with_header(id, "dlv_2"),
            "suppressed",
            1,
        ),
        again(
            "a replay without an id",
            Rebill,
            &good,
            &no_id,
            "suppressed",
            1,
        ),
        again(
            "a repeat of an update under a new id runs",
            Rebill,
            &updated,
            &updated.with_header(id, "dlv_2"),
            "fresh",
            2,
        ),
        again(
            "other bytes under a known id",
            Rebill,
            &good,
            &other,
            "duplicate",
            1,
        )
        .telling(&["mismatch"]),
        again(
            "delivery id missing",
            Rebill,
            &no_id,
            &no_id,
            "duplicate",
            1,
        )
        .telling(&["known by body"]),
        again(
            "event missing",
            Rebill,
            &good.without_header(event),
            &good.without_header(event),
            "duplicate",
            1,
        ),
        refused(
            "delivery id empty",
            Rebill,
            "header is malformed: X-Rebill-Delivery: the value is empty",
            Request::of(&good.with_header(id, "")),
        ),
        refused(
            "delivery id of 257 characters",
            Rebill,
            "header is malformed: X-Rebill-Delivery: the value is longer than 256 bytes",
            Request::of(&good.with_header(id, &"x".repeat(257))),
        ),
        refused(
            "delivery id repeated",
            Rebill,
            "header is repeated: X-Rebill-Delivery: it occurs more than once",
            Request::of(&good.with_added_header(id, "dlv_2")),
        ),
        refused(
            "delivery id not ASCII",
            Rebill,
            "header is malformed: X-Rebill-Delivery: the value holds other bytes than visible ASCII",
            Request::lines(&no_id, &[&latin]),
        ),
        refused(
            "event empty",
            Rebill,
            "header is malformed: X-Rebill-Event: the value is empty",
            Request::of(&good.with_header(event, "")),
        ),
        refused(
            "event repeated",
            Rebill,
            "header is repeated: X-Rebill-Event: it occurs more than once",
            Request::of(&good.with_added_header(event, "invoice.sent")),
        ),
        refused(
            "id in header and body disagree",
            InvoiceMaker,
            "header disagrees with the signed body: X-Webhook-Event-ID",
            Request::of(&invoice().with_header("X-Webhook-Event-ID", "evt_2")),
        ),
        refused(
            "type in header and body disagree",
            InvoiceMaker,
            "header disagrees with the signed body: X-Webhook-Event",
            Request::of(&invoice().with_header("X-Webhook-Event", "invoice.created")),
        ),
        Row {
            name: "ping",
            setup: Rebill,
            steps: vec![step(Request::of(&ping), 200, Some("ping"))],
            runs: 0,
            store: NOTHING,
            told: &["ping"],
        },
    ]
}

/// Honest events that a rule could drop.
fn honest_rows() -> Vec<Row> {
    use Setup::{InvoiceMaker, OwnCopies, OwnEvents, Rebill, WrongId};
    const TWO: &[&str] = &["claim", "complete", "claim", "complete"];
    let rebill = |event: &str, id: &str, due: u32| {
        let status = if due == 0 { "paid" } else { "sent" };
        let body = json!({"id": "inv_1", "status": status, "amount_due": due});
        let sender = Rebill.sender();
        let delivery = sender.delivery_with_id(event, id, body).to(PATH);
        step(Request::of(&delivery), 200, Some("fresh"))
    };
    let suppressed = |step: Step| Step {
        dedup: Some("suppressed"),
        ..step
    };
    let own = |setup: Setup, body: Value, dedup| {
        let delivery = setup.sender().delivery("changed", body).to(PATH);
        step(Request::of(&delivery), 200, Some(dedup))
    };
    let constant = || json!({"event": "prices.changed"});
    let entity = |event: &str| json!({"event": event, "data": {"id": "inv_1"}});
    let aged = |by| {
        let sender = InvoiceMaker.sender().behind(Duration::from_secs(by));
        Request::of(&sender.retry(&invoice()))
    };
    vec![
        Row {
            name: "paid, marked unpaid, and paid again with the first bytes",
            setup: Rebill,
            steps: vec![
                rebill("invoice.paid", "dlv_1", 0),
                rebill("invoice.updated", "dlv_2", 300),
                rebill("invoice.paid", "dlv_3", 0),
                suppressed(rebill("invoice.paid", "dlv_4", 0)),
            ],
            runs: 3,
            store: &[
                "claim", "complete", "claim", "complete", "claim", "complete", "claim",
            ],
            told: &["suppressed"],
        },
        Row {
            name: "two events of one payment with one body, twice",
            setup: Rebill,
            steps: vec![
                rebill("payment.received", "dlv_1", 0),
                rebill("invoice.paid", "dlv_2", 0),
                rebill("invoice.updated", "dlv_3", 300),
                rebill("payment.received", "dlv_4", 0),
                rebill("invoice.paid", "dlv_5", 0),
            ],
            runs: 5,
            store: &[
                "claim", "complete", "claim", "complete", "claim", "complete", "claim", "complete",
                "claim", "complete",
            ],
            told: NOTHING,
        },
        Row {
            name: "bodies that are copies",
            setup: OwnCopies,
            steps: vec![
                own(OwnCopies, constant(), "fresh"),
                own(OwnCopies, constant(), "duplicate"),
            ],
            runs: 1,
            store: &["claim", "complete", "claim"],
            told: &["known by body"],
        },
        Row {
            name: "bodies that are events",
            setup: OwnEvents,
            steps: vec![
                own(OwnEvents, constant(), "fresh"),
                own(OwnEvents, constant(), "fresh"),
            ],
            runs: 2,
            store: TWO,
            told: NOTHING,
        },
        Row {
            name: "an entity's id taken for the event's",
            setup: WrongId,
            steps: vec![
                own(WrongId, entity("created"), "fresh"),
                own(WrongId, entity("paid"), "duplicate"),
            ],
            runs: 1,
            store: &["claim", "complete", "claim"],
            told: &["mismatch"],
        },
        accepted("a retry of a day ago", InvoiceMaker, aged(26 * 3_600)),
        refused(
            "older than any retry",
            InvoiceMaker,
            "signed time is too old: X-Webhook-Timestamp: by 100800 s (allowed 97500)",
            aged(28 * 3_600),
        ),
    ]
}

fn outcome_rows() -> Vec<Row> {
    use Setup::Rebill;
    let told = |word: &str| {
        let body = json!({"id": "inv_1", "status": "paid", "told": word});
        Request::of(&rebill(body))
    };
    let twice = |name, word: &str, status, dedup, store| Row {
        name,
        setup: Rebill,
        steps: vec![
            step(told(word), status, dedup),
            step(told(word), 200, Some("fresh")),
        ],
        runs: 2,
        store,
        told: NOTHING,
    };
    const RETRIED: &[&str] = &["claim", "release", "claim", "complete"];
    let store = |name, setup, why| Row {
        name,
        setup,
        steps: vec![refusal(Request::of(&rebill(paid())), why)],
        runs: 0,
        store: &["claim"],
        told: &["store failed"],
    };
    vec![
        twice(
            "the handler fails, the next copy runs",
            "do:fail",
            500,
            Some("fresh"),
            RETRIED,
        ),
        Row {
            name: "the handler panics, the next copy runs",
            setup: Rebill,
            steps: vec![
                refusal(told("do:panic"), "handler panicked"),
                step(told("do:panic"), 200, Some("fresh")),
            ],
            runs: 2,
            store: RETRIED,
            told: NOTHING,
        },
        Row {
            name: "the handler answers 404",
            setup: Rebill,
            steps: vec![step(told("do:404"), 404, Some("fresh"))],
            runs: 1,
            store: &["claim", "release"],
            told: NOTHING,
        },
        Row {
            name: "the handler discards",
            setup: Rebill,
            steps: vec![
                step(told("do:discard"), 200, Some("discarded")),
                step(told("do:discard"), 200, Some("duplicate")),
            ],
            runs: 1,
            store: &["claim", "complete", "claim"],
            told: NOTHING,
        },
        Row {
            name: "the handler asks for a retry",
            setup: Rebill,
            steps: vec![refusal(told("do:retry"), "handler asked for a retry")],
            runs: 1,
            store: &["claim", "release"],
            told: NOTHING,
        },
        store("store down", Setup::StoreDown, "deduplication store failed"),
        store(
            "store full",
            Setup::StoreFull,
            "deduplication store is full",
        ),
    ]
}
