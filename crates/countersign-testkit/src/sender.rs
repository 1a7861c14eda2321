//! A sender under the test's control.

// docs/decisions.md: D78.

use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use std::sync::Arc;

use bytes::Bytes;
use countersign_core::{
    Clock, Secret, SecretError, Timestamp,
    scheme::{Compression, Location, Part, Place, Procedure, RetryTime, Scheme, Unproved},
};
use serde_json::{Map, Value};

use crate::{
    SignedDelivery, gzip,
    sign::{self, Signed},
};

/// Signs deliveries the way a scheme's sender does.
///
/// Its signing code is its own, apart from the code that checks signatures. Only which bytes are signed is asked of a
/// scheme's [`Procedure`], where it has one.
///
/// ```
/// use countersign_core::Verifier;
/// use countersign_senders::rebill_za;
/// use countersign_testkit::Sender;
/// use serde_json::json;
///
/// let sender = Sender::new(rebill_za::SCHEME);
/// let verifier = Verifier::builder(rebill_za::SCHEME).secret(sender.secret()?).build()?;
///
/// let paid = sender.delivery("invoice.paid", json!({"id": "inv_1", "status": "paid"}));
/// let now = sender.now();
/// assert!(verifier.verify(&paid.request(), paid.body().clone(), now).is_ok());
/// let tampered = paid.tampered();
/// assert!(verifier.verify(&tampered.request(), tampered.body().clone(), now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Sender {
    scheme: Scheme,
    secret: String,
    url: String,
    clock: Option<Arc<dyn Clock>>,
    skew: Skew,
    compresses: bool,
    numbers: Arc<AtomicU64>,
}

#[derive(Clone, Copy)]
enum Skew {
    Behind(Duration),
    Ahead(Duration),
}

impl Sender {
    /// A sender with a secret of its own; see [`secret`](Self::secret).
    #[must_use]
    pub fn new(scheme: Scheme) -> Self {
        Self::with_secret(scheme, sign::example_secret(&scheme))
    }

    /// A sender with the given secret, as text. Where the scheme's algorithm has a public key it is the
    /// private one: the seed of Ed25519 or the scalar of P-256 in hexadecimal, or an RSA key in PKCS#8, in
    /// base64.
    pub fn with_secret(scheme: Scheme, secret: impl Into<String>) -> Self {
        Self {
            scheme,
            secret: secret.into(),
            url: String::new(),
            clock: None,
            skew: Skew::Behind(Duration::ZERO),
            compresses: false,
            numbers: Arc::new(AtomicU64::new(1)),
        }
    }

    /// Stamps deliveries by this clock instead of the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Stamps deliveries this much in the past.
    #[must_use]
    pub const fn behind(mut self, by: Duration) -> Self {
        self.skew = Skew::Behind(by);
        self
    }

    /// Stamps deliveries this much in the future.
    #[must_use]
    pub const fn ahead(mut self, by: Duration) -> Self {
        self.skew = Skew::Ahead(by);
        self
    }

    /// Compresses its bodies with gzip, before or after it signs them, as the scheme says. Needs the feature
    /// `gzip`, without which nothing is compressed.
    #[must_use]
    pub const fn compressing(mut self) -> Self {
        self.compresses = true;
        self
    }

    /// Signs this URL, for schemes that sign one.
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// The secret, or the public key that belongs to it, for the receiver under test.
    ///
    /// # Errors
    ///
    /// When the text that the sender was given is refused.
    pub fn secret(&self) -> Result<Secret, SecretError> {
        Secret::new(sign::shared(&self.scheme, &self.secret))
    }

    /// How it signs.
    #[must_use]
    pub const fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The time that deliveries are stamped with now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self
            .clock
            .as_ref()
            .map_or_else(Timestamp::now, |clock| clock.now());
        match self.skew {
            Skew::Ahead(by) => now.saturating_add(by),
            Skew::Behind(by) => {
                let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_unix_millis(now.unix_millis().saturating_sub(by))
            }
        }
    }

    /// The same, as a header has it.
    fn stamp_text(&self) -> String {
        sign::time_text(&self.scheme, self.now())
    }

    /// The same, as a JSON body has it.
    fn stamp_value(&self) -> Value {
        let text = self.stamp_text();
        text.parse::<i64>()
            .map_or_else(|_| Value::from(text), Value::from)
    }

    /// A delivery of an event, with a new id.
    ///
    /// Where the scheme has its id, type or time in the body, they are written there unless `body`
    /// has them already. Of a batch it is the first item that gets them; a token, every item.
    #[must_use]
    pub fn delivery(&self, event: &str, body: Value) -> SignedDelivery {
        let id = self.number("test");
        self.delivery_with_id(event, &id, body)
    }

    /// A delivery of an event with a given id.
    #[must_use]
    pub fn delivery_with_id(&self, event: &str, id: &str, mut body: Value) -> SignedDelivery {
        let first_item = self.scheme.batch().map(|items| format!("{items}/0"));
        let at = first_item.unwrap_or_default();
        if let Some(described) = body.pointer_mut(&at) {
            if let Some(Place::Body(pointer)) = self.scheme.id() {
                fill(described, pointer, id);
            }
            if let Some(Place::Body(pointer)) = self.scheme.event() {
                fill(described, pointer, event);
            }
        }
        if let Some(pointer) = self.scheme.time_pointer() {
            fill(&mut body, pointer, self.stamp_value());
        }
        let procedure = self.scheme.procedure();
        if let Some(pointer) = procedure.and_then(Procedure::url_pointer) {
            fill(&mut body, pointer, self.url.as_str());
        }
        if let (Location::Body(pointer), None) = (self.scheme.location(), procedure) {
            self.fill_tokens(&mut body, pointer);
        }
        self.raw(event, id, self.written(&body))
    }

    /// A delivery of exactly these bytes. A [procedure](Procedure)'s signature that is in the body is written there.
    #[must_use]
    pub fn raw(&self, event: &str, id: &str, body: impl Into<Bytes>) -> SignedDelivery {
        let body = body.into();
        let mut headers = vec![("content-type".to_owned(), self.content_type())];
        let mut header = |name: Option<&str>, value: &str| {
            let set = |name: &str| headers.iter().any(|(known, _)| known == name);
            if let Some(name) = name
                && !set(name)
            {
                headers.push((name.to_owned(), value.to_owned()));
            }
        };
        let in_header = |place: Option<Place>| match place {
            Some(Place::Header(name)) => Some(name),
            _ => None,
        };
        header(in_header(self.scheme.id()), id);
        header(in_header(self.scheme.event()), event);
        header(self.scheme.id_copy(), id);
        header(self.scheme.event_copy(), event);
        header(self.scheme.attempt_header(), &self.number("attempt"));
        for part in self.scheme.signed() {
            if let Part::Header(name) = part {
                header(Some(name), "test");
            }
        }
        let delivery = SignedDelivery::new(headers, body);
        self.stamp(match self.compresses {
            true => gzip::compressed(&delivery),
            false => delivery,
        })
    }

    /// The sender's next attempt at a delivery: the same event, stamped and signed anew. A time in the
    /// body is the first one again where the scheme says that retries keep it.
    #[must_use]
    pub fn retry(&self, delivery: &SignedDelivery) -> SignedDelivery {
        let mut next = delivery.clone();
        if let Some(name) = self.scheme.attempt_header() {
            next = next.with_header(name, &self.number("attempt"));
        }
        if let Some(pointer) = self.scheme.time_pointer()
            && self.scheme.retry_time() != RetryTime::Kept
            && let Ok(mut body) = serde_json::from_slice::<Value>(next.body())
            && let Some(time) = body.pointer_mut(pointer)
        {
            *time = self.stamp_value();
            next = next.with_body(body.to_string());
        }
        self.stamp(next)
    }

    /// Sets time and signature, replacing what is there: for a delivery whose headers or body were
    /// changed and that is to be right all the same.
    #[must_use]
    pub fn stamp(&self, mut delivery: SignedDelivery) -> SignedDelivery {
        let time = self.stamp_text();
        if let Some(name) = self.scheme.time_header() {
            delivery = delivery.with_header(name, &time);
        }
        self.sign_with_time(&delivery, &time)
    }

    /// Signs a delivery with whatever text as its time, also one that no clock would show.
    #[must_use]
    pub fn sign_with_time(&self, delivery: &SignedDelivery, time: &str) -> SignedDelivery {
        let mut delivery = delivery.clone();
        if let Some(name) = self.scheme.time_header() {
            delivery = delivery.with_header(name, time);
        }
        let key = sign::key(&self.scheme, &self.secret).unwrap_or_default();
        if let Some(procedure) = self.scheme.procedure() {
            return self.sign_by(procedure, delivery, &key);
        }
        if matches!(self.scheme.location(), Location::Body(_)) {
            return delivery;
        }
        let id = match self.scheme.id() {
            Some(Place::Header(name)) => delivery.header(name).unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        let signed = Signed {
            time,
            id: &id,
            url: &self.url,
            headers: delivery.headers(),
            body: &self.signed_body(&delivery),
        };
        let message = sign::message(&self.scheme, &key, &signed);
        let value = sign::header_value(&self.scheme, &key, &message, time);
        let name = match self.scheme.location() {
            Location::Numbered(stem) => format!("{stem}1"),
            _ => self.scheme.signature_header().to_owned(),
        };
        delivery.with_header(&name, &value).signed_by(name.clone())
    }

    /// Signs what a procedure says is signed, and puts the signatures where they go.
    fn sign_by(
        &self,
        procedure: &dyn Procedure,
        delivery: SignedDelivery,
        key: &[u8],
    ) -> SignedDelivery {
        let in_body = match self.scheme.location() {
            Location::Body(pointer) => {
                let body = serde_json::from_slice::<Value>(delivery.body()).ok();
                body.map(|body| (pointer, body))
            }
            _ => None,
        };
        let mut delivery = delivery;
        if let Some((pointer, mut body)) = in_body.clone() {
            set_all(&mut body, pointer, core::iter::repeat(String::new()));
            delivery = delivery.with_body(body.to_string());
        }
        let headers: Vec<_> = (procedure.headers().iter())
            .map(|name| {
                let value = delivery.header(name).unwrap_or_default();
                (*name, value.to_owned())
            })
            .collect();
        let body = delivery.body().clone();
        // The request goes to the address, with its query.
        let of_url = self.url.split_once('?').map(|(_, query)| query);
        let added = procedure.query_to_add(&Unproved::new(&self.url, of_url, &headers, &body));
        let query: Vec<&str> = of_url.into_iter().chain(added.as_deref()).collect();
        let query = (!query.is_empty()).then(|| query.join("&"));
        let request = Unproved::new(&self.url, query.as_deref(), &headers, &body);
        // What cannot be read is not signed, which fails the test that asked.
        let messages = self.scheme.messages(&request).unwrap_or_default();
        let tag = |message: &Vec<u8>| sign::header_value(&self.scheme, key, message, "");
        let mut tags = messages.iter().map(tag);
        delivery = delivery.with_query(query);
        match in_body {
            Some((pointer, mut body)) => {
                set_all(&mut body, pointer, tags);
                delivery.with_body(body.to_string())
            }
            None => {
                let name = self.scheme.signature_header();
                let tag = tags.next().unwrap_or_default();
                delivery.with_header(name, &tag).signed_by(name.to_owned())
            }
        }
    }

    /// A body as this sender writes it: JSON, a form of its fields, or a form with the JSON in one field.
    fn written(&self, body: &Value) -> String {
        let is_form = self.content_type() == "application/x-www-form-urlencoded";
        match (body, self.scheme.form_field()) {
            (body, Some(field)) if is_form => {
                let text = Value::from(body.to_string());
                sign::form(&Map::from_iter([(field.to_owned(), text)]))
            }
            (Value::Object(fields), None) if is_form => sign::form(fields),
            _ => body.to_string(),
        }
    }

    /// Writes the secret into the body, or into each item of its list.
    fn fill_tokens(&self, body: &mut Value, pointer: &str) {
        let Some((list, field)) = pointer.split_once("/*") else {
            return fill(body, pointer, self.secret.as_str());
        };
        let items = body.pointer_mut(list).and_then(Value::as_array_mut);
        for item in items.into_iter().flatten() {
            fill(item, field, self.secret.as_str());
        }
    }

    /// What of the body is signed: what it was compressed of, where the sender signs that.
    fn signed_body(&self, delivery: &SignedDelivery) -> Bytes {
        let of_text = self.scheme.compression() == Some(Compression::SignedBefore);
        let labelled = delivery.header("content-encoding") == Some("gzip");
        let text = match of_text && labelled {
            true => gzip::text(delivery.body()),
            false => None,
        };
        text.unwrap_or_else(|| delivery.body().clone())
    }

    fn content_type(&self) -> String {
        let types = self.scheme.content_types();
        types
            .first()
            .copied()
            .unwrap_or("application/json")
            .to_owned()
    }

    fn number(&self, what: &str) -> String {
        format!("{what}-{}", self.numbers.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("scheme", &self.scheme.name())
            .finish_non_exhaustive()
    }
}

/// Writes a value at a pointer of object keys unless something is there.
fn fill(body: &mut Value, pointer: &str, value: impl Into<Value>) {
    let (mut at, value) = (body, value.into());
    let mut steps = pointer.split('/').skip(1).peekable();
    while let Some(step) = steps.next() {
        let Value::Object(object) = at else {
            return;
        };
        let default = match steps.peek() {
            Some(_) => Value::Object(Map::new()),
            None => value.clone(),
        };
        at = object.entry(step).or_insert(default);
    }
}

/// Sets a text at a pointer, in each item where the pointer has a `*`.
fn set_all(body: &mut Value, pointer: &str, texts: impl IntoIterator<Item = String>) {
    let (list, field) = pointer.split_once("/*").unwrap_or(("", pointer));
    let items: Vec<&mut Value> = match body.pointer_mut(list) {
        Some(Value::Array(items)) if pointer.contains("/*") => items.iter_mut().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for (item, text) in items.into_iter().zip(texts) {
        fill(item, field, "");
        if let Some(place) = item.pointer_mut(field) {
            *place = text.into();
        }
    }
}
