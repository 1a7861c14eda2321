//! Keeps what a receiver sent notice of.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::{EventName, Notice};

/// The notices of one receiver, in short.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    heard: Arc<Mutex<Vec<String>>>,
}

impl Notices {
    /// What to give to the receiver.
    pub fn listener(&self) -> impl Fn(&Notice<'_>) + Send + Sync + 'static {
        let heard = Arc::clone(&self.heard);
        move |notice| {
            let notice = in_short(notice);
            heard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(notice);
        }
    }

    /// What was heard since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        core::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn in_short(notice: &Notice<'_>) -> String {
    match notice {
        Notice::Ping(delivery) => format!("ping {}", delivery.endpoint()),
        Notice::Suppressed(delivery) => {
            let event = delivery.event_type().map(EventName::as_str);
            format!(
                "suppressed {:?} {event:?} {}",
                delivery.id(),
                delivery.body().len()
            )
        }
        Notice::KnownByBody(delivery) => format!("known by body {}", delivery.body().len()),
        Notice::FingerprintMismatch(delivery) => {
            format!("mismatch {:?} {}", delivery.id(), delivery.body().len())
        }
        Notice::Discarded(delivery) => format!("discarded {:?}", delivery.id()),
        Notice::FailureStreak(streak) => format!(
            "streak failed {} refused {} of {:?}",
            streak.failed, streak.refused, streak.limit
        ),
        Notice::ClaimLost(delivery) => format!("claim lost {:?}", delivery.id()),
        Notice::CompleteFailed { delivery, error } => {
            format!("complete failed {:?}: {error}", delivery.id())
        }
        Notice::StoreFailed(error) => format!("store failed: {error}"),
        Notice::LookupFailed(error) => format!("lookup failed: {error}"),
        _ => "unlisted".to_owned(),
    }
}
