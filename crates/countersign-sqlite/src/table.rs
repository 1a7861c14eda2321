//! Rows, and the statements that read and write them.

use core::time::Duration;

use countersign_core::{DeliveryKey, Owner, Recurrence};
use rusqlite::{Connection, OptionalExtension, Row, Statement, params};

use crate::time::{Millis, left};

/// A delivery as it is in the table.
pub(crate) struct Delivery {
    /// The fence of the claim that holds it or completed it.
    pub(crate) id: i64,
    pub(crate) key: DeliveryKey,
    /// Until when it is remembered; negative while it is in flight.
    pub(crate) until: Millis,
    fingerprint: i64,
    hold: Option<Hold>,
}

/// Who runs a delivery.
#[derive(Clone, Copy)]
pub(crate) struct Hold {
    pub(crate) owner: Owner,
    pub(crate) since: Millis,
    pub(crate) until: Millis,
    pub(crate) attempt: u32,
    pub(crate) recurrence: Recurrence,
}

/// A delivery that has an alias, and the run that it was claimed in.
pub(crate) struct Named {
    pub(crate) delivery: Delivery,
    pub(crate) run: i64,
}

/// What was claimed last of an entity.
#[derive(Clone, Copy)]
pub(crate) struct Last {
    pub(crate) fingerprint: u64,
    pub(crate) run: i64,
}

/// What a delivery's row says at some moment.
pub(crate) enum State {
    /// In flight, and the lease runs.
    Held {
        hold: Hold,
        remaining: Duration,
        fingerprint: u64,
    },
    /// In flight, but the lease has run out.
    Lapsed {
        attempt: u32,
        recurrence: Recurrence,
    },
    /// Done and remembered.
    Completed { fingerprint: u64 },
    /// Past its time.
    Ended,
}

impl Delivery {
    pub(crate) fn state(&self, now: Millis) -> State {
        let fingerprint = self.fingerprint.cast_unsigned();
        if self.until > 0 {
            return if now < self.until {
                State::Completed { fingerprint }
            } else {
                State::Ended
            };
        }
        match self.hold {
            Some(hold) => {
                let remaining = hold.remaining(now);
                if remaining.is_zero() {
                    State::Lapsed {
                        attempt: hold.attempt,
                        recurrence: hold.recurrence,
                    }
                } else {
                    State::Held {
                        hold,
                        remaining,
                        fingerprint,
                    }
                }
            }
            None => State::Lapsed {
                attempt: 0,
                recurrence: Recurrence::None,
            },
        }
    }

    /// Whether the lease was given at a time that has not come yet: the clock was set back since.
    pub(crate) fn is_ahead(&self, now: Millis) -> bool {
        self.hold.is_some_and(|hold| now < hold.since)
    }

    /// From a row whose columns are those of [`COLUMNS`].
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let owner: Option<[u8; 16]> = row.get(4)?;
        let hold = match owner {
            None => None,
            Some(owner) => Some(Hold {
                owner: Owner::from_u128(u128::from_be_bytes(owner)),
                since: row.get(5)?,
                until: row.get(6)?,
                attempt: row.get(7)?,
                recurrence: recurrence(row.get(8)?),
            }),
        };
        Ok(Self {
            id: row.get(0)?,
            key: DeliveryKey::from_bytes(row.get(1)?),
            until: row.get(2)?,
            fingerprint: row.get(3)?,
            hold,
        })
    }
}

impl Hold {
    /// What is left of the lease. One that was given later than now has its whole length left.
    fn remaining(&self, now: Millis) -> Duration {
        left(now.max(self.since), self.until)
    }
}

macro_rules! columns {
    () => {
        "d.id, d.key, d.until, d.fingerprint, h.owner, h.since, h.until, h.attempt, h.recurrence"
    };
}

macro_rules! statements {
    ($($name:ident: $sql:expr;)+) => {
        /// All statements, prepared once.
        pub(crate) struct Table<'c> {
            $($name: Statement<'c>,)+
        }

        impl<'c> Table<'c> {
            pub(crate) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
                Ok(Self { $($name: connection.prepare($sql)?,)+ })
            }
        }
    };
}

statements! {
    begin: "BEGIN IMMEDIATE";
    commit: "COMMIT";
    find: concat!("SELECT ", columns!(), " FROM deliveries d LEFT JOIN holds h ON h.id = d.id \
        WHERE d.key = ?1");
    named: concat!("SELECT ", columns!(), ", a.run FROM aliases a \
        JOIN deliveries d ON d.id = a.id LEFT JOIN holds h ON h.id = d.id WHERE a.name = ?1");
    aliases_of: "SELECT aliases FROM deliveries WHERE id = ?1";
    held_aliases_of: "SELECT aliases FROM deliveries WHERE id = ?1 AND key = ?2 AND until < 0";
    insert: "INSERT INTO deliveries (id, key, until, fingerprint, aliases) \
        VALUES (?1, ?2, -?3, ?4, ?5) ON CONFLICT DO NOTHING";
    insert_hold: "INSERT INTO holds (id, owner, since, until, attempt, recurrence) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    move_delivery: "UPDATE deliveries SET id = ?2, fingerprint = ?3, aliases = ?4 WHERE id = ?1";
    move_alias: "UPDATE aliases SET id = ?3 WHERE name = ?1 AND id = ?2";
    name: "INSERT INTO aliases (name, id, run) VALUES (?1, ?2, ?3) \
        ON CONFLICT (name, id) DO UPDATE SET run = excluded.run";
    last: "SELECT fingerprint, run FROM subjects WHERE name = ?1 AND until > ?2";
    put_subject: "INSERT INTO subjects (name, fingerprint, run, until) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint, run = excluded.run, \
        until = max(until, excluded.until)";
    delete_subject: "DELETE FROM subjects WHERE name = ?1 RETURNING until";
    delete_subjects: "DELETE FROM subjects WHERE name IN \
        (SELECT name FROM subjects WHERE until <= ?1 ORDER BY until LIMIT ?2)";
    anchor: "UPDATE holds SET until = ?2 + (until - since), since = ?2 WHERE id = ?1";
    extend: "UPDATE holds SET since = ?3, until = ?4 WHERE id = ?1 AND EXISTS \
        (SELECT 1 FROM deliveries WHERE id = ?1 AND key = ?2 AND until < 0)";
    complete: "UPDATE deliveries SET until = ?4 WHERE id = ?1 AND key = ?2 \
        AND (until < 0 OR until > ?3)";
    delete: "DELETE FROM deliveries WHERE id = ?1";
    delete_hold: "DELETE FROM holds WHERE id = ?1";
    delete_alias: "DELETE FROM aliases WHERE name = ?1";
    delete_alias_of: "DELETE FROM aliases WHERE name = ?1 AND id = ?2";
    ended: "SELECT id FROM deliveries WHERE until > 0 AND until <= ?1 ORDER BY until LIMIT ?2";
    lapsed: "SELECT id FROM holds WHERE until <= ?1 LIMIT ?2";
    fence: "SELECT last FROM fence";
    set_fence: "UPDATE fence SET last = ?1";
    pages: "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count";
}

impl Table<'_> {
    pub(crate) fn begin(&mut self) -> rusqlite::Result<()> {
        self.begin.execute([]).map(drop)
    }

    pub(crate) fn commit(&mut self) -> rusqlite::Result<()> {
        self.commit.execute([]).map(drop)
    }

    pub(crate) fn find(&mut self, key: &DeliveryKey) -> rusqlite::Result<Option<Delivery>> {
        let key = key.as_bytes();
        self.find.query_row([key], Delivery::read).optional()
    }

    /// The deliveries that have an alias.
    pub(crate) fn named(&mut self, alias: &DeliveryKey) -> rusqlite::Result<Vec<Named>> {
        self.named
            .query_map([alias.as_bytes()], |row| {
                Ok(Named {
                    delivery: Delivery::read(row)?,
                    run: row.get(9)?,
                })
            })?
            .collect()
    }

    /// What was claimed last of an entity, while that is remembered.
    pub(crate) fn last(
        &mut self,
        name: &DeliveryKey,
        now: Millis,
    ) -> rusqlite::Result<Option<Last>> {
        self.last
            .query_row(params![name.as_bytes(), now], |row| {
                Ok(Last {
                    fingerprint: row.get::<_, i64>(0)?.cast_unsigned(),
                    run: row.get(1)?,
                })
            })
            .optional()
    }

    /// Writes down what is claimed of an entity, remembered at least until a time.
    pub(crate) fn put_subject(
        &mut self,
        name: &DeliveryKey,
        last: Last,
        until: Millis,
    ) -> rusqlite::Result<()> {
        let Last { fingerprint, run } = last;
        self.put_subject
            .execute(params![
                name.as_bytes(),
                fingerprint.cast_signed(),
                run,
                until
            ])
            .map(drop)
    }

    /// Forgets what was claimed last of an entity. Until when it was remembered.
    pub(crate) fn remove_subject(
        &mut self,
        name: &DeliveryKey,
    ) -> rusqlite::Result<Option<Millis>> {
        self.delete_subject
            .query_row([name.as_bytes()], |row| row.get(0))
            .optional()
    }

    /// Deletes subjects past their time, and says how many.
    pub(crate) fn remove_subjects(&mut self, now: Millis, limit: i64) -> rusqlite::Result<usize> {
        self.delete_subjects.execute([now, limit])
    }

    pub(crate) fn aliases_of(&mut self, id: i64) -> rusqlite::Result<Vec<DeliveryKey>> {
        let names: Option<Option<Vec<u8>>> = self
            .aliases_of
            .query_row([id], |row| row.get(0))
            .optional()?;
        Ok(split(names.flatten().as_deref()))
    }

    /// Puts a key in flight; false when the key is in the table already.
    pub(crate) fn insert(
        &mut self,
        id: i64,
        key: &DeliveryKey,
        fingerprint: u64,
        aliases: &[DeliveryKey],
        run: i64,
        hold: &Hold,
    ) -> rusqlite::Result<bool> {
        let fingerprint = fingerprint.cast_signed();
        let inserted = self.insert.execute(params![
            id,
            key.as_bytes(),
            hold.until.max(1),
            fingerprint,
            joined(aliases)
        ])?;
        if inserted == 0 {
            return Ok(false);
        }
        self.insert_hold(id, hold)?;
        self.name_all(id, aliases, run)?;
        Ok(true)
    }

    /// Hands a delivery in flight to another holder, together with its aliases and some more.
    pub(crate) fn take_over(
        &mut self,
        from: i64,
        to: i64,
        fingerprint: u64,
        more: &[DeliveryKey],
        run: i64,
        hold: &Hold,
    ) -> rusqlite::Result<()> {
        let mut aliases = self.aliases_of(from)?;
        for alias in &aliases {
            self.move_alias
                .execute(params![alias.as_bytes(), from, to])?;
        }
        for alias in more {
            if !aliases.contains(alias) {
                aliases.push(*alias);
            }
        }
        let fingerprint = fingerprint.cast_signed();
        self.move_delivery
            .execute(params![from, to, fingerprint, joined(&aliases)])?;
        self.delete_hold.execute([from])?;
        self.insert_hold(to, hold)?;
        self.name_all(to, more, run)
    }

    /// Lets a lease that was given ahead of `now` run its length from now.
    pub(crate) fn anchor(&mut self, id: i64, now: Millis) -> rusqlite::Result<()> {
        self.anchor.execute([id, now]).map(drop)
    }

    pub(crate) fn extend(
        &mut self,
        id: i64,
        key: &DeliveryKey,
        now: Millis,
        until: Millis,
    ) -> rusqlite::Result<bool> {
        let changed = self
            .extend
            .execute(params![id, key.as_bytes(), now, until])?;
        Ok(changed > 0)
    }

    pub(crate) fn complete(
        &mut self,
        id: i64,
        key: &DeliveryKey,
        now: Millis,
        until: Millis,
    ) -> rusqlite::Result<bool> {
        let changed = self
            .complete
            .execute(params![id, key.as_bytes(), now, until.max(1)])?;
        if changed > 0 {
            self.delete_hold.execute([id])?;
        }
        Ok(changed > 0)
    }

    /// Gives a claim back.
    pub(crate) fn release(&mut self, id: i64, key: &DeliveryKey) -> rusqlite::Result<bool> {
        let names: Option<Option<Vec<u8>>> = self
            .held_aliases_of
            .query_row(params![id, key.as_bytes()], |row| row.get(0))
            .optional()?;
        let Some(names) = names else {
            return Ok(false);
        };
        self.remove_with(id, &split(names.as_deref()))?;
        Ok(true)
    }

    /// Deletes a delivery with its aliases.
    pub(crate) fn remove(&mut self, id: i64) -> rusqlite::Result<()> {
        let aliases = self.aliases_of(id)?;
        self.remove_with(id, &aliases)
    }

    /// Takes an alias from all deliveries.
    pub(crate) fn remove_alias(&mut self, name: &DeliveryKey) -> rusqlite::Result<()> {
        self.delete_alias.execute([name.as_bytes()]).map(drop)
    }

    /// Takes an alias from one delivery.
    pub(crate) fn remove_alias_of(&mut self, name: &DeliveryKey, id: i64) -> rusqlite::Result<()> {
        let params = params![name.as_bytes(), id];
        self.delete_alias_of.execute(params).map(drop)
    }

    /// Deliveries past their retention, soonest first.
    pub(crate) fn ended(&mut self, now: Millis, limit: i64) -> rusqlite::Result<Vec<i64>> {
        self.ended
            .query_map([now, limit], |row| row.get(0))?
            .collect()
    }

    /// Deliveries in flight whose lease ended before a time.
    pub(crate) fn lapsed(&mut self, before: Millis, limit: i64) -> rusqlite::Result<Vec<i64>> {
        self.lapsed
            .query_map([before, limit], |row| row.get(0))?
            .collect()
    }

    pub(crate) fn fence(&mut self) -> rusqlite::Result<i64> {
        self.fence.query_row([], |row| row.get(0))
    }

    pub(crate) fn set_fence(&mut self, last: i64) -> rusqlite::Result<()> {
        self.set_fence.execute([last]).map(drop)
    }

    /// How many pages of the database are in use.
    pub(crate) fn pages(&mut self) -> rusqlite::Result<i64> {
        self.pages.query_row([], |row| row.get(0))
    }

    fn insert_hold(&mut self, id: i64, hold: &Hold) -> rusqlite::Result<()> {
        let owner = hold.owner.as_u128().to_be_bytes();
        self.insert_hold
            .execute(params![
                id,
                owner,
                hold.since,
                hold.until,
                hold.attempt,
                number(hold.recurrence)
            ])
            .map(drop)
    }

    fn name_all(&mut self, id: i64, aliases: &[DeliveryKey], run: i64) -> rusqlite::Result<()> {
        for name in aliases {
            self.name.execute(params![name.as_bytes(), id, run])?;
        }
        Ok(())
    }

    fn remove_with(&mut self, id: i64, aliases: &[DeliveryKey]) -> rusqlite::Result<()> {
        for alias in aliases {
            self.remove_alias_of(alias, id)?;
        }
        self.delete_hold.execute([id])?;
        self.delete.execute([id]).map(drop)
    }
}

const fn number(recurrence: Recurrence) -> i64 {
    match recurrence {
        Recurrence::Repeat => 1,
        Recurrence::Return => 2,
        _ => 0,
    }
}

const fn recurrence(number: i64) -> Recurrence {
    match number {
        1 => Recurrence::Repeat,
        2 => Recurrence::Return,
        _ => Recurrence::None,
    }
}

fn joined(aliases: &[DeliveryKey]) -> Option<Vec<u8>> {
    let bytes = aliases.iter().flat_map(DeliveryKey::as_bytes).copied();
    (!aliases.is_empty()).then(|| bytes.collect())
}

fn split(names: Option<&[u8]>) -> Vec<DeliveryKey> {
    let (names, _rest) = names.unwrap_or_default().as_chunks::<32>();
    names.iter().copied().map(DeliveryKey::from_bytes).collect()
}
