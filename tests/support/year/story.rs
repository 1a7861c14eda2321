//! What happens in a year, written down before it happens, so that it can be told again with less.

use core::{fmt, time::Duration};

use super::{entity::Change, senders::House};

/// Random numbers from a seed: the same everywhere and for ever.
#[derive(Clone, Debug)]
pub(super) struct Luck {
    seed: u64,
    /// From here on nothing happens by chance.
    stopped: bool,
}

impl Luck {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            seed,
            stopped: false,
        }
    }

    pub(super) const fn stop(&mut self) {
        self.stopped = true;
    }

    /// SplitMix64.
    pub(super) const fn next(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(super) const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent && !self.stopped
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap_or(0)]
    }
}

/// A year of one sender.
#[derive(Clone, Debug)]
pub struct Story {
    /// Who sends.
    pub house: House,
    pub(super) acts: Vec<Act>,
}

/// Something that somebody does at some time. Whatever chance decides about it hangs on its own
/// number, so that leaving others out changes nothing about it.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) at: Duration,
    pub(super) what: What,
    pub(super) luck: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Somebody changes an entity, and the sender tells of it.
    Change(usize, Change),
    /// The operator gives the receiver and the sender a new key; the old one is accepted for as long
    /// as the sender retries.
    Rotate,
    /// The store answers no claims for so many seconds.
    Outage(u64),
    /// The process dies in the middle of what it runs.
    Crash,
    /// The operator asks the sender to send the delivery before the last, or so, again.
    Redeliver { back: usize, new_id: bool },
    /// The attacker sends something captured again.
    Replay { back: usize, trick: Trick },
}

/// How a captured request is changed where it is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trick {
    AsItIs,
    NewId,
    OtherType(&'static str),
    NoId,
    NoType,
    NoHeaders,
}

impl Trick {
    const ALL: [Self; 9] = [
        Self::AsItIs,
        Self::NewId,
        Self::NewId,
        Self::OtherType("invoice.paid"),
        Self::OtherType("payment.received"),
        Self::OtherType("of.no.list"),
        Self::NoId,
        Self::NoType,
        Self::NoHeaders,
    ];
}

impl Story {
    /// A year of `changes` changes and about as much trouble.
    #[must_use]
    pub fn new(house: House, seed: u64, changes: usize) -> Self {
        let mut luck = Luck::new(seed);
        let mut acts = Vec::new();
        let entities = changes / 8 + 1;
        for entity in 0..entities {
            // An entity's life is minutes to weeks long, somewhere in the year.
            let begin = luck.below(330 * 86_400);
            let life = luck.pick(&[600, 3_600, 86_400, 10 * 86_400, 30 * 86_400]);
            let mut at = begin;
            for _ in 0..(changes / entities).max(1) {
                at += luck.below(life / 4 + 1);
                let change = luck.pick(&Change::OFTEN);
                acts.push(act(at, What::Change(entity, change), &mut luck));
                if luck.chance(50) {
                    let trouble = trouble(&mut luck);
                    let after = at + luck.pick(&[60, 3_600, 20 * 3_600]) * luck.below(100) / 100;
                    acts.push(act(after, trouble, &mut luck));
                }
            }
        }
        acts.sort_by_key(|act| act.at);
        Self { house, acts }
    }

    /// The shortest part of the story that still fails, by leaving out what can be left out.
    #[must_use]
    pub(super) fn shortest(mut self, fails: impl Fn(&Self) -> bool) -> Self {
        let mut step = self.acts.len().div_ceil(2);
        while step > 0 {
            let mut from = 0;
            while from < self.acts.len() {
                let mut shorter = self.clone();
                let to = (from + step).min(shorter.acts.len());
                shorter.acts.drain(from..to);
                if fails(&shorter) {
                    self = shorter;
                } else {
                    from += step;
                }
            }
            step /= 2;
        }
        self
    }
}

fn act(at: u64, what: What, luck: &mut Luck) -> Act {
    Act {
        at: Duration::from_secs(at),
        what,
        luck: luck.next(),
    }
}

fn trouble(luck: &mut Luck) -> What {
    let back = usize::try_from(luck.below(4)).unwrap_or(0);
    match luck.below(12) {
        0 => What::Rotate,
        1 => What::Outage(luck.pick(&[10, 300, 3_600])),
        2 => What::Crash,
        3 => What::Redeliver {
            back,
            new_id: luck.chance(50),
        },
        _ => What::Replay {
            back,
            trick: luck.pick(&Trick::ALL),
        },
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", When(self.at), self.what)
    }
}

/// A time of the year, to be read.
pub(super) struct When(pub(super) Duration);

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        write!(
            f,
            "day {days:>3} {:02}:{:02}:{:02}",
            rest / 3_600,
            rest / 60 % 60,
            rest % 60
        )
    }
}
