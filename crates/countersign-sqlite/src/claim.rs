//! The one decision of a store: who gets a key.

use countersign_core::{Claim, Claimed, DeliveryKey, Fence, OnAlias};

use crate::{
    operation::Request,
    table::{Delivery, Hold, State, Table},
    time::{Millis, after},
};

/// What became of a claim, within a transaction that is not committed yet.
pub(crate) enum Decision {
    Answer(Claim),
    Claimed(Claimed),
    /// There is no room for another row. Nothing was written.
    Full,
}

/// What is under the claimed key, as far as a claim may overwrite it.
enum Own {
    Nothing,
    /// A done delivery past its time.
    Ended(i64),
    /// One in flight whose lease has run out, and its attempts so far.
    Lapsed(i64, u32),
}

/// What the aliases of a claim say.
struct Aliases {
    /// Those that may point to the claimed delivery.
    open: Vec<DeliveryKey>,
    known: bool,
}

/// The fences of one transaction. They are numbered over all deliveries, so those of a key grow even
/// after its row is gone.
#[derive(Default)]
pub(crate) struct Fences {
    last: Option<i64>,
    given: bool,
}

impl Fences {
    /// The fence of the next claim that is granted.
    fn next(&mut self, table: &mut Table<'_>) -> rusqlite::Result<i64> {
        let last = match self.last {
            Some(last) => last,
            None => *self.last.insert(table.fence()?),
        };
        Ok(last.saturating_add(1))
    }

    fn give(&mut self, fence: i64) {
        self.last = Some(fence);
        self.given = true;
    }

    /// Writes down which was the last.
    pub(crate) fn store(&self, table: &mut Table<'_>) -> rusqlite::Result<()> {
        match self.last {
            Some(last) if self.given => table.set_fence(last),
            _ => Ok(()),
        }
    }
}

/// Decides a claim and writes it. `room` says whether there is room for a row.
pub(crate) fn decide(
    table: &mut Table<'_>,
    request: &Request,
    now: Millis,
    fences: &mut Fences,
    room: impl Fn(&mut Table<'_>) -> rusqlite::Result<bool>,
) -> rusqlite::Result<Decision> {
    let fence = fences.next(table)?;
    let mut hold = Hold {
        owner: request.owner,
        since: now,
        until: after(now, request.lease),
        attempt: 1,
        alias_known: false,
    };
    let Request {
        key, fingerprint, ..
    } = request;
    // Most deliveries are new, which inserting finds out as well as looking does.
    if request.aliases.is_empty()
        && room(table)?
        && table.insert(fence, key, *fingerprint, &[], &hold)?
    {
        fences.give(fence);
        return Ok(Decision::Claimed(claimed(fence, &hold)));
    }
    let own = match own(table, request, now)? {
        Ok(own) => own,
        Err(answer) => return Ok(Decision::Answer(answer)),
    };
    let aliases = match look_at_aliases(table, request, now)? {
        Ok(aliases) => aliases,
        Err(answer) => return Ok(Decision::Answer(answer)),
    };
    if matches!(own, Own::Nothing) && !room(table)? {
        return Ok(Decision::Full);
    }
    if let Own::Lapsed(_, attempt) = own {
        hold.attempt = attempt.saturating_add(1);
    }
    hold.alias_known = aliases.known;
    match own {
        Own::Lapsed(id, _) => table.take_over(id, fence, *fingerprint, &aliases.open, &hold)?,
        Own::Ended(id) => {
            table.remove(id)?;
            table.insert(fence, key, *fingerprint, &aliases.open, &hold)?;
        }
        Own::Nothing => {
            table.insert(fence, key, *fingerprint, &aliases.open, &hold)?;
        }
    }
    fences.give(fence);
    Ok(Decision::Claimed(claimed(fence, &hold)))
}

/// Judges the row under the key itself: `Err` is an answer.
fn own(
    table: &mut Table<'_>,
    request: &Request,
    now: Millis,
) -> rusqlite::Result<Result<Own, Claim>> {
    let Some(delivery) = table.find(&request.key)? else {
        return Ok(Ok(Own::Nothing));
    };
    Ok(match state(table, &delivery, now)? {
        State::Held { hold, .. } if hold.owner == request.owner => {
            Err(Claim::Claimed(claimed(delivery.id, &hold)))
        }
        State::Held {
            remaining,
            fingerprint,
            ..
        } => Err(Claim::InFlight {
            on: request.key,
            remaining,
            fingerprint,
        }),
        State::Completed { fingerprint } => Err(Claim::Completed { fingerprint }),
        State::Lapsed { attempt } => Ok(Own::Lapsed(delivery.id, attempt)),
        State::Ended => Ok(Own::Ended(delivery.id)),
    })
}

/// Judges the deliveries that aliases point to: `Err` is an answer.
fn look_at_aliases(
    table: &mut Table<'_>,
    request: &Request,
    now: Millis,
) -> rusqlite::Result<Result<Aliases, Claim>> {
    let mut aliases = Aliases {
        open: Vec::new(),
        known: false,
    };
    let mut held = None;
    for alias in &request.aliases {
        let state = match table.find_alias(alias)? {
            Some((delivery, on)) if on != request.key => Some((state(table, &delivery, now)?, on)),
            _ => None,
        };
        match state {
            None | Some((State::Lapsed { .. } | State::Ended, _)) => aliases.open.push(*alias),
            Some(_) if request.on_alias == OnAlias::Run => aliases.known = true,
            // A completed delivery decides at once, one in flight only when there is no other.
            Some((State::Completed { .. }, _)) => return Ok(Err(Claim::Suppressed)),
            Some((
                State::Held {
                    remaining,
                    fingerprint,
                    ..
                },
                on,
            )) => {
                held.get_or_insert(Claim::InFlight {
                    on,
                    remaining,
                    fingerprint,
                });
            }
        }
    }
    Ok(held.map_or(Ok(aliases), Err))
}

/// What a row says. A lease that was given before the clock was set back is moved, so that it ends
/// one lease from now and not when the clock has caught up.
fn state(table: &mut Table<'_>, delivery: &Delivery, now: Millis) -> rusqlite::Result<State> {
    if delivery.is_ahead(now) {
        table.anchor(delivery.id, now)?;
    }
    Ok(delivery.state(now))
}

/// The claim as it was granted.
fn claimed(fence: i64, hold: &Hold) -> Claimed {
    Claimed {
        fence: Fence::from_u64(fence.cast_unsigned()),
        attempt: hold.attempt,
        takeover: hold.attempt > 1,
        alias_known: hold.alias_known,
    }
}
