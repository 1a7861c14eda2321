//! The one decision of a store: who gets a key.

use countersign_core::{Claim, Claimed, DeliveryKey, Fence, OnRepeat, Recurrence};

use crate::{
    operation::Request,
    table::{Delivery, Hold, Lapsed, Last, Open, Pointer, State, Table},
    time::{Millis, after},
};

/// The run of an alias that was claimed without a subject. Fences begin at 1.
const NO_RUN: i64 = 0;

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
    /// One in flight whose lease has run out.
    Lapsed(i64, Lapsed),
}

/// What the aliases of a claim say.
#[derive(Default)]
struct Aliases {
    /// Those that are to point to the claimed delivery.
    open: Vec<Open>,
    recurrence: Recurrence,
}

impl Aliases {
    fn known(&mut self, repeats: bool) {
        if repeats {
            self.recurrence = Recurrence::Repeat;
        } else if self.recurrence == Recurrence::None {
            self.recurrence = Recurrence::Return;
        }
    }
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
        recurrence: Recurrence::None,
    };
    let Request {
        key,
        fingerprint,
        subject,
        ..
    } = request;
    // Most deliveries are new, which inserting finds out as well as looking does.
    if request.aliases.is_empty()
        && subject.is_none()
        && room(table)?
        && table.insert(fence, key, *fingerprint, &[], NO_RUN, &hold)?
    {
        fences.give(fence);
        return Ok(Decision::Claimed(claimed(fence, &hold)));
    }
    let own = match own(table, request, now)? {
        Ok(own) => own,
        Err(answer) => return Ok(Decision::Answer(answer)),
    };
    let last = match subject {
        Some(subject) => table.last(&subject.key, now)?,
        None => None,
    };
    // The run of the subject, if this claim goes on with it.
    let run = last
        .filter(|last| last.fingerprint == *fingerprint)
        .map(|last| last.run);
    let aliases = match look_at_aliases(table, request, run, now)? {
        Ok(aliases) => aliases,
        Err(answer) => return Ok(Decision::Answer(answer)),
    };
    let grows = matches!(own, Own::Nothing) || (subject.is_some() && last.is_none());
    if grows && !room(table)? {
        return Ok(Decision::Full);
    }
    hold.recurrence = aliases.recurrence;
    if let Own::Lapsed(_, lapsed) = own {
        hold.attempt = lapsed.attempt.saturating_add(1);
        if hold.recurrence == Recurrence::None {
            hold.recurrence = lapsed.recurrence;
        }
    }
    let run = match subject {
        Some(subject) => {
            let last = Last {
                fingerprint: *fingerprint,
                run: run.unwrap_or(fence),
            };
            table.put_subject(&subject.key, last, after(now, subject.keep))?;
            last.run
        }
        None => NO_RUN,
    };
    let open = &aliases.open;
    match own {
        Own::Lapsed(id, _) => table.take_over(id, fence, *fingerprint, open, run, &hold)?,
        Own::Ended(id) => {
            table.remove(id)?;
            table.insert(fence, key, *fingerprint, open, run, &hold)?;
        }
        Own::Nothing => {
            table.insert(fence, key, *fingerprint, open, run, &hold)?;
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
        State::Lapsed(lapsed) => Ok(Own::Lapsed(delivery.id, lapsed)),
        State::Ended => Ok(Own::Ended(delivery.id)),
    })
}

/// Judges the deliveries that aliases point to: `Err` is an answer. `run`: that of the subject, if the
/// claim goes on with it.
fn look_at_aliases(
    table: &mut Table<'_>,
    request: &Request,
    run: Option<i64>,
    now: Millis,
) -> rusqlite::Result<Result<Aliases, Claim>> {
    let suppresses = request
        .subject
        .is_some_and(|subject| subject.on_repeat == OnRepeat::Suppress);
    let mut aliases = Aliases::default();
    let mut held = None;
    for name in &request.aliases {
        let Some(pointer) = table.find_alias(name)? else {
            aliases.open.push(open(*name, None));
            continue;
        };
        let Pointer {
            delivery,
            on,
            run: claimed,
            was,
        } = pointer;
        let state = state(table, &delivery, now)?;
        if on == request.key {
            aliases.open.push(Open {
                own: matches!(state, State::Lapsed(_)),
                ..open(*name, None)
            });
            continue;
        }
        let was = match was {
            Some(was) if table.is_done(was, now)? => Some(was),
            Some(_) | None => None,
        };
        let (answer, done) = match state {
            State::Ended => {
                aliases.open.push(open(*name, None));
                continue;
            }
            State::Lapsed(_) => {
                if was.is_some() {
                    aliases.known(request.subject.is_none());
                }
                aliases.open.push(open(*name, was));
                continue;
            }
            State::Completed { .. } => (None, Some(delivery.id)),
            State::Held {
                remaining,
                fingerprint,
                ..
            } => {
                let in_flight = Claim::InFlight {
                    on,
                    remaining,
                    fingerprint,
                };
                (Some(in_flight), was)
            }
        };
        let repeats = request.subject.is_none() || run == Some(claimed);
        aliases.known(repeats);
        match answer {
            // A completed delivery decides at once, one in flight only when there is no other.
            None if repeats && suppresses => return Ok(Err(Claim::Suppressed)),
            Some(answer) if repeats && suppresses => {
                held.get_or_insert(answer);
            }
            _ if repeats => {}
            _ => aliases.open.push(open(*name, done)),
        }
    }
    Ok(held.map_or(Ok(aliases), Err))
}

const fn open(name: DeliveryKey, was: Option<i64>) -> Open {
    Open {
        name,
        was,
        own: false,
    }
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
        recurrence: hold.recurrence,
    }
}
