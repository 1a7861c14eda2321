//! Texts and lists that live as long as the program, each kept once.
//!
//! A scheme holds `'static` data. Reading a document leaks what is new in it; reading it again, as a reload
//! does, leaks nothing.

use core::hash::Hash;
use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex, PoisonError},
};

use countersign_core::scheme::{EventRule, Handshake, Part};

struct Kept<T: ?Sized + 'static>(Mutex<HashSet<&'static T>>);

impl<T: ?Sized + Eq + Hash> Kept<T> {
    fn keep(&self, value: &T, leak: impl FnOnce() -> &'static T) -> &'static T {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(value) {
            return known;
        }
        let leaked = leak();
        kept.insert(leaked);
        leaked
    }
}

static TEXTS: LazyLock<Kept<str>> = LazyLock::new(|| Kept(Mutex::default()));
static LISTS: LazyLock<Kept<[&'static str]>> = LazyLock::new(|| Kept(Mutex::default()));

/// A text, kept once.
pub(super) fn text(value: &str) -> &'static str {
    TEXTS.keep(value, || Box::leak(value.into()))
}

/// A list of texts, kept once.
pub(super) fn texts(values: &[String]) -> &'static [&'static str] {
    let values: Vec<_> = values.iter().map(|value| text(value)).collect();
    LISTS.keep(&values, || Box::leak(values.clone().into()))
}

static PARTS: Mutex<Vec<&'static [Part]>> = Mutex::new(Vec::new());
static EVENTS: Mutex<Vec<&'static [EventRule]>> = Mutex::new(Vec::new());
static HANDSHAKES: Mutex<Vec<&'static [Handshake]>> = Mutex::new(Vec::new());

/// Signed parts, kept once.
pub(super) fn parts(values: Vec<Part>) -> &'static [Part] {
    list(&PARTS, values)
}

/// Rules of events, kept once.
pub(super) fn events(values: Vec<EventRule>) -> &'static [EventRule] {
    list(&EVENTS, values)
}

/// Handshakes, kept once.
pub(super) fn handshakes(values: Vec<Handshake>) -> &'static [Handshake] {
    list(&HANDSHAKES, values)
}

/// There are as many as schemes that differ in them: few.
fn list<T: PartialEq>(kept: &Mutex<Vec<&'static [T]>>, values: Vec<T>) -> &'static [T] {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.iter().find(|known| ***known == *values) {
        return known;
    }
    let leaked: &'static [T] = Box::leak(values.into());
    kept.push(leaked);
    leaked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_again_is_not_kept_again() {
        let first = text("X-Interned-Header");
        let again = String::from("X-Interned-Header");
        assert!(core::ptr::eq(first, text(&again)));
        let list = ["a", "b"].map(str::to_owned);
        assert!(core::ptr::eq(texts(&list), texts(&list)));
        let signed = || vec![Part::Literal("interned"), Part::Body];
        assert!(core::ptr::eq(parts(signed()), parts(signed())));
        let rules = || vec![EventRule::once("interned")];
        assert!(core::ptr::eq(events(rules()), events(rules())));
    }
}
