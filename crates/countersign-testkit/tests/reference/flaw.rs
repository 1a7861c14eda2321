//! The ways in which the reference store can be wrong.

/// One way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Reads, lets others run, and only then writes.
    ChecksThenActs,
    /// Settles for whoever knows the key.
    IgnoresFences,
    /// Makes room by forgetting the oldest done row.
    EvictsWhenFull,
    /// Believes an alias whose row is gone.
    TrustsAliases,
    /// Lets a done row end with the lease.
    ForgetsEarly,
    /// Keeps the old fence at a takeover.
    ReusesFences,
    /// Writes a row for a suppressed repeat.
    WritesSuppressed,
    /// Suppresses whatever has a known alias.
    SuppressesByAliasAlone,
    /// Takes one entity for all.
    OneSubjectForAll,
    /// Writes down what was claimed last when it is completed.
    SubjectAtCompletion,
    /// Reads what was claimed last, lets others run, and only then writes.
    SubjectNotAtomic,
    /// Forgets what was claimed last with the row that was claimed first.
    SubjectEndsWithFirstRow,
    /// Takes the retry of a return that was given back for a repeat of itself.
    KeepsReleasedAliases,
    /// Lets an alias name the row that was claimed last with it, and no other.
    OneRowAnAlias,
    /// Lets an alias name the first row that was claimed with it, while that lives.
    FirstRowOfAnAlias,
    /// Does not count subjects.
    SubjectsAreFree,
    /// Lets the latest claim say how long a subject is kept.
    KeepsForTheLatest,
    /// Says of a takeover only what is known by now.
    ForgetsRecurrence,
}
