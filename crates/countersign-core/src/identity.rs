//! What a delivery is told apart by: its key, its aliases, its subject, and a mark of its body.

use core::time::Duration;

use smallvec::SmallVec;
use twox_hash::XxHash3_64;

use crate::{
    DeliveryKey, OnRepeat, Subject, Verified,
    scheme::{EventRule, IdenticalBodies},
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
    pub(crate) fn of(verified: &Verified, keep: Duration) -> Self {
        let aliases = aliases(verified);
        let named = !aliases.is_empty();
        let entity = verified.subject().filter(|_| named);
        Self {
            key: verified.key(),
            subject: entity.map(|entity| {
                let key = DeliveryKey::for_subject(verified.endpoint(), verified.tenant(), entity);
                Subject::new(key, on_repeat(verified), keep)
            }),
            aliases,
            fingerprint: fingerprint(verified.body()),
        }
    }
}

/// Which delivery this is: the id, or what the scheme says of bodies where there is none.
pub(crate) fn key(verified: &Verified) -> DeliveryKey {
    let (endpoint, tenant) = (verified.endpoint(), verified.tenant());
    match (verified.id(), verified.scheme().identical_bodies()) {
        (Some(id), _) => DeliveryKey::for_id(endpoint, tenant, id),
        (None, Some(IdenticalBodies::Events)) => {
            DeliveryKey::for_request(endpoint, tenant, verified.receiver().new_owner())
        }
        (None, _) => DeliveryKey::for_body(endpoint, tenant, verified.body()),
    }
}

/// Whether nothing but its body tells a copy of the delivery.
pub(crate) fn is_known_by_body(verified: &Verified) -> bool {
    verified.id().is_none() && verified.scheme().identical_bodies() != Some(IdenticalBodies::Events)
}

/// For how long a completed delivery is remembered. `usual`: one with an id.
pub(crate) fn retention(verified: &Verified, usual: Duration) -> Duration {
    match verified.scheme().identical_bodies() {
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

fn aliases(verified: &Verified) -> SmallVec<[DeliveryKey; 2]> {
    let signed = verified.id_is_signed() && verified.id().is_some();
    if signed || verified.scheme().identical_bodies().is_some() {
        return SmallVec::new();
    }
    let (endpoint, tenant) = (verified.endpoint(), verified.tenant());
    let bucket = rule(verified).map_or("", |rule| rule.name());
    let tags = verified.tags().iter();
    tags.map(|tag| DeliveryKey::for_tag(endpoint, tenant, bucket, tag))
        .collect()
}

/// What a repeat means for this type of event.
fn on_repeat(verified: &Verified) -> OnRepeat {
    match rule(verified) {
        Some(rule) if rule.once => OnRepeat::Suppress,
        None if verified.scheme().unlisted_once => OnRepeat::Suppress,
        Some(_) | None => OnRepeat::Run,
    }
}

fn rule(verified: &Verified) -> Option<&'static EventRule> {
    let name = verified.event_type()?;
    verified.scheme().event_rule(name.as_str())
}
