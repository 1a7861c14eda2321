//! A claim, decided and written within one transaction.

// docs/decisions.md: D6, D7.

use countersign_core::{
    Claim, Claimed, DeliveryKey, Fence, Recurrence,
    store::{
        ROWS_OF_AN_ALIAS,
        rule::{Found, Rule},
    },
};

use crate::{
    operation::Request,
    table::{Delivery, Hold, Last, State, Table},
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
        aliases,
        ..
    } = request;
    // Most deliveries are new, which inserting finds out as well as looking does.
    if aliases.is_empty()
        && subject.is_none()
        && room(table)?
        && table.insert(fence, key, *fingerprint, &[], NO_RUN, &hold)?
    {
        fences.give(fence);
        return Ok(Decision::Claimed(claimed(fence, &hold)));
    }
    let own = table.find(key)?;
    let found = match &own {
        Some(own) => found(table, own, now)?,
        None => Found::Nothing,
    };
    let asked = request.as_claim();
    let mut rule = match Rule::new(&asked, found) {
        Ok(rule) => rule,
        Err(answer) => return Ok(Decision::Answer(answer)),
    };
    let last = match subject {
        Some(subject) => table.last(&subject.key, now)?,
        None => None,
    };
    if let Some(last) = last {
        rule.last_of_subject(last.fingerprint, last.run.cast_unsigned());
    }
    let surplus = look_at_aliases(table, request, now, &mut rule)?;
    let granted = match rule.decide() {
        Ok(granted) => granted,
        Err(answer) => return Ok(Decision::Answer(answer)),
    };
    let grows = own.is_none() || (subject.is_some() && last.is_none());
    if grows && !room(table)? {
        return Ok(Decision::Full);
    }
    hold.attempt = granted.attempt;
    hold.recurrence = granted.recurrence;
    for (alias, id) in surplus {
        table.remove_alias_of(&alias, id)?;
    }
    let run = match subject {
        Some(subject) => {
            let last = Last {
                fingerprint: *fingerprint,
                run: granted.run.map_or(fence, u64::cast_signed),
            };
            table.put_subject(&subject.key, last, after(now, subject.keep))?;
            last.run
        }
        None => NO_RUN,
    };
    match own {
        Some(own) if matches!(found, Found::Lapsed { .. }) => {
            table.take_over(own.id, fence, *fingerprint, aliases, run, &hold)?;
        }
        own => {
            if let Some(ended) = own {
                table.remove(ended.id)?;
            }
            table.insert(fence, key, *fingerprint, aliases, run, &hold)?;
        }
    }
    fences.give(fence);
    Ok(Decision::Claimed(claimed(fence, &hold)))
}

/// Judges the deliveries that have the aliases, and says which of them say no more than others.
fn look_at_aliases(
    table: &mut Table<'_>,
    request: &Request,
    now: Millis,
    rule: &mut Rule<'_>,
) -> rusqlite::Result<Vec<(DeliveryKey, i64)>> {
    let mut surplus = Vec::new();
    for alias in &request.aliases {
        let mut done = Vec::new();
        for named in table.named(alias)? {
            let found = found(table, &named.delivery, now)?;
            let run = (named.run != NO_RUN).then(|| named.run.cast_unsigned());
            rule.row_with_alias(run, found);
            if let Found::Completed { .. } = found {
                done.push((named.delivery.until, named.delivery.id));
            }
        }
        done.sort_unstable();
        done.truncate(done.len().saturating_sub(ROWS_OF_AN_ALIAS));
        surplus.extend(done.into_iter().map(|(_, id)| (*alias, id)));
    }
    Ok(surplus)
}

/// What a row says. A lease that was given before the clock was set back is moved, so that it ends
/// one lease from now and not when the clock has caught up.
fn found(table: &mut Table<'_>, delivery: &Delivery, now: Millis) -> rusqlite::Result<Found> {
    if delivery.is_ahead(now) {
        table.anchor(delivery.id, now)?;
    }
    Ok(match delivery.state(now) {
        State::Held {
            hold,
            remaining,
            fingerprint,
        } => Found::Held {
            key: delivery.key,
            owner: hold.owner,
            claimed: claimed(delivery.id, &hold),
            remaining,
            fingerprint,
        },
        State::Lapsed {
            attempt,
            recurrence,
        } => Found::Lapsed {
            attempt,
            recurrence,
        },
        State::Completed { fingerprint } => Found::Completed { fingerprint },
        State::Ended => Found::Nothing,
    })
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
