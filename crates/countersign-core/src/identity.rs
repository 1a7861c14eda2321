//! What a delivery is told apart by: its key, its aliases, its subject, and a mark of its body.

// docs/decisions.md: D5, D9, D12, D13, D60.

use core::time::Duration;

use smallvec::SmallVec;
use twox_hash::XxHash3_64;

use crate::{
    key::DeliveryKey,
    receiver::Received,
    scheme::{EventRule, IdenticalBodies},
    store::{OnRepeat, Subject},
};

/// For how long a delivery is remembered that no copy can be told of: long enough for its completion
/// to be repeated.
const NO_COPIES: Duration = Duration::from_secs(60);

/// Everything that a claim says of a delivery.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) key: DeliveryKey,
    /// The names under which the same bytes of the same type are recognised behind another id: one
    /// for each active key. None where the id is signed, because another id then needs another
    /// signature, and none where there are no ids.
    pub(crate) aliases: SmallVec<[DeliveryKey; 2]>,
    /// The entity, where there are aliases.
    pub(crate) subject: Option<Subject>,
    /// A mark of the body.
    pub(crate) fingerprint: u64,
}

impl Identity {
    /// `keep`: for how long what was claimed last of an entity is remembered.
    pub(crate) fn of(received: &Received, keep: Duration) -> Self {
        let aliases = aliases(received);
        let named = !aliases.is_empty();
        let entity = received.subject().filter(|_| named);
        Self {
            key: received.key(),
            subject: entity.map(|entity| {
                let key = DeliveryKey::for_subject(received.endpoint(), received.tenant(), entity);
                Subject::new(key, on_repeat(received), keep)
            }),
            aliases,
            fingerprint: mark(received),
        }
    }
}

/// Which delivery this is: the id, or what the scheme says of bodies, or of fields in them, where there is
/// none.
pub(crate) fn key(received: &Received) -> DeliveryKey {
    let (endpoint, tenant) = (received.endpoint(), received.tenant());
    match (received.id(), received.scheme().identical_bodies()) {
        (Some(id), _) => DeliveryKey::for_id(endpoint, tenant, id),
        (None, Some(IdenticalBodies::Events)) => {
            let request = received.receiver().new_owner().as_u128();
            DeliveryKey::for_request(endpoint, tenant, request)
        }
        (None, _) => {
            let pointers = received.receiver().content_key;
            let content = match pointers {
                [] => None,
                _ => received.content(pointers),
            };
            match content {
                Some(values) => DeliveryKey::for_content(endpoint, tenant, pointers, &values),
                None => DeliveryKey::for_body(endpoint, tenant, received.proved_or_body()),
            }
        }
    }
}

/// What two copies of one delivery have in common: the bytes; the key, where certain fields make it, because
/// the bytes of a retry differ then by design.
fn mark(received: &Received) -> u64 {
    match received.receiver().content_key {
        [] => fingerprint(received.proved_or_body()),
        _ => fingerprint(received.key().as_bytes()),
    }
}

/// Whether nothing but its body, or fields of it, tells a copy of the delivery.
pub(crate) fn is_known_by_body(received: &Received) -> bool {
    received.id().is_none() && received.scheme().identical_bodies() != Some(IdenticalBodies::Events)
}

/// For how long a completed delivery is remembered. `usual`: one with an id.
pub(crate) fn retention(received: &Received, usual: Duration) -> Duration {
    match received.scheme().identical_bodies() {
        Some(IdenticalBodies::Copies { within }) => within,
        Some(IdenticalBodies::Events) => NO_COPIES,
        None => usual,
    }
}

/// A mark of a body, to tell two bodies of one id apart, and the last of an entity from others. The
/// same in every process and version, and under every key. It proves nothing: only what was signed is
/// marked.
pub(crate) fn fingerprint(body: &[u8]) -> u64 {
    XxHash3_64::oneshot(body)
}

fn aliases(received: &Received) -> SmallVec<[DeliveryKey; 2]> {
    let signed = received.id_is_signed() && received.id().is_some();
    if signed || received.scheme().identical_bodies().is_some() {
        return SmallVec::new();
    }
    let (endpoint, tenant) = (received.endpoint(), received.tenant());
    let bucket = rule(received).map_or("", |rule| rule.name());
    let tags = received.tags().iter();
    tags.map(|tag| DeliveryKey::for_tag(endpoint, tenant, bucket, tag))
        .collect()
}

/// What a repeat means for this type of event.
fn on_repeat(received: &Received) -> OnRepeat {
    match rule(received) {
        Some(rule) if rule.once => OnRepeat::Suppress,
        None if received.scheme().unlisted_once => OnRepeat::Suppress,
        Some(_) | None => OnRepeat::Run,
    }
}

fn rule(received: &Received) -> Option<&'static EventRule> {
    let name = received.event_type()?;
    received.scheme().event_rule(name.as_str())
}
