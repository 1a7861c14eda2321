//! Keeps the spans and events of a test.

use core::{cell::RefCell, fmt};
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// A span or an event, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `span` or `event`.
    pub kind: &'static str,
    /// Its level.
    pub level: Level,
    /// Its target.
    pub target: String,
    /// The span's name or the event's message.
    pub name: String,
    /// Everything else.
    pub fields: Vec<(String, String)>,
    /// The span that it happened in.
    pub within: Option<String>,
}

thread_local! {
    /// Each test has a runtime of its own on a thread of its own.
    static LOG: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// What all threads logged, in a process with a test that wants that.
static EVERYWHERE: OnceLock<Mutex<Vec<Entry>>> = OnceLock::new();

#[derive(Default)]
struct Fields(Vec<(String, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name().to_owned(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name().to_owned(), value.to_owned()));
    }
}

struct Capture;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let metadata = attributes.metadata();
        note(metadata, "span", metadata.name().to_owned(), fields, None);
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        LOG.with_borrow_mut(|log| {
            if let Some(last) = log.last_mut() {
                last.fields.extend(fields.0);
            }
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.iter().find(|(name, _)| name == "message");
        let name = message.map(|(_, text)| text.clone()).unwrap_or_default();
        fields.0.retain(|(name, _)| name != "message");
        let within = context.lookup_current().map(|span| span.name().to_owned());
        note(event.metadata(), "event", name, fields, within);
    }
}

fn note(
    metadata: &tracing::Metadata<'_>,
    kind: &'static str,
    name: String,
    fields: Fields,
    within: Option<String>,
) {
    let entry = Entry {
        kind,
        level: *metadata.level(),
        target: metadata.target().to_owned(),
        name,
        fields: fields.0,
        within,
    };
    if let Some(everywhere) = EVERYWHERE.get() {
        let mut everywhere = everywhere.lock().unwrap_or_else(PoisonError::into_inner);
        everywhere.push(entry.clone());
    }
    LOG.with_borrow_mut(|log| log.push(entry));
}

/// What this test's thread logged since the last time, of countersign and its handlers.
#[must_use]
pub fn log() -> Vec<Entry> {
    let ours = |entry: &Entry| entry.target.starts_with("countersign") || entry.target == "handler";
    let mut entries = LOG.take();
    entries.retain(ours);
    entries
}

/// Begins to capture what this test's thread logs.
///
/// # Panics
///
/// When somebody else has set a subscriber.
pub fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = Registry::default().with(Capture);
        assert!(tracing::subscriber::set_global_default(subscriber).is_ok());
    });
    LOG.take();
}

/// Begins to capture what all threads of the process log, for a test that is alone in it.
///
/// # Panics
///
/// When somebody else has set a subscriber.
pub fn capture_everywhere() {
    EVERYWHERE.get_or_init(Mutex::default);
    capture();
}

/// What all threads logged since the last time, of countersign.
#[must_use]
pub fn everywhere() -> Vec<Entry> {
    let entries = EVERYWHERE.get().map(|everywhere| {
        let mut everywhere = everywhere.lock().unwrap_or_else(PoisonError::into_inner);
        core::mem::take(&mut *everywhere)
    });
    let mut entries = entries.unwrap_or_default();
    entries.retain(|entry| entry.target.starts_with("countersign"));
    entries
}

impl Entry {
    /// A field's value.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(field, _)| field == name)?;
        Some(value)
    }

    /// The names of all fields.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Level, name, and one field.
    ///
    /// # Panics
    ///
    /// When the target is another.
    #[must_use]
    pub fn says(&self, field: &str) -> (Level, &str, Option<&str>) {
        assert_eq!(self.target, "countersign", "{self:?}");
        (self.level, &self.name, self.field(field))
    }
}
