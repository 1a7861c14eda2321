//! Rules about subjects: what was claimed last of an entity, and what that makes of the same bytes.

use countersign_core::{
    Claim, ClaimRequest, Claimed, DedupStore, DeliveryKey, KeyState, OnRepeat, Subject,
};

use super::{
    Fixture,
    helpers::{Outcome, granted, new_key, owner},
    report::{Stop, ensure_eq},
};

mod returns;
mod spans;

pub(super) use self::{returns::*, spans::*};

/// An event: the name of its bytes and type, and the mark of its bytes.
#[derive(Clone, Copy)]
struct Event {
    alias: DeliveryKey,
    bytes: u64,
}

/// Two events about one entity, with other bytes each.
struct Entity {
    key: DeliveryKey,
    paid: Event,
    unmarked: Event,
}

impl Event {
    fn new(bytes: u64) -> Self {
        Self {
            alias: new_key(),
            bytes,
        }
    }
}

impl Entity {
    fn new() -> Self {
        Self {
            key: new_key(),
            paid: Event::new(1),
            unmarked: Event::new(2),
        }
    }
}

impl<S: DedupStore> Fixture<S> {
    fn about(&self, of: DeliveryKey, on_repeat: OnRepeat) -> Subject {
        Subject::new(of, on_repeat, self.units(5_000))
    }

    async fn tell(
        &self,
        subject: Option<Subject>,
        event: Event,
        key: DeliveryKey,
        by: u128,
    ) -> Result<Claim, Stop> {
        let aliases = [event.alias];
        let request = ClaimRequest::new(key, owner(by), self.units(10))
            .with_aliases(&aliases)
            .with_subject(subject)
            .with_fingerprint(event.bytes);
        Ok(self.store.claim(request).await?)
    }

    /// Claims an event of a type that happens once.
    async fn once(&self, of: &Entity, event: Event, key: DeliveryKey) -> Result<Claim, Stop> {
        let subject = self.about(of.key, OnRepeat::Suppress);
        self.tell(Some(subject), event, key, 1).await
    }

    /// The same, which must be granted, and is completed.
    async fn handled(&self, of: &Entity, event: Event) -> Result<Claimed, Stop> {
        let key = new_key();
        let claimed = granted(self.once(of, event, key).await?)?;
        let _ = self.complete(&key, claimed.fence, 1_000).await?;
        Ok(claimed)
    }

    async fn suppressed(&self, of: &Entity, event: Event, what: &'static str) -> Outcome {
        let key = new_key();
        ensure_eq!(
            self.once(of, event, key).await?,
            Claim::Suppressed,
            "{what}"
        );
        ensure_eq!(self.state(&key).await?, KeyState::Absent, "{what}");
        Ok(())
    }
}
