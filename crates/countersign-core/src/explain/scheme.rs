//! Another sender's request.

use super::{Cause, Finding, case::Case, search::Try};
use crate::scheme::Scheme;

/// The first of the other schemes that verifies the request as it is, and the names of all that do.
pub(super) fn first(base: &Case, others: &[Scheme]) -> Option<Try> {
    let with = |scheme: &Scheme| Case {
        scheme: *scheme,
        ..base.clone()
    };
    // A public key is no secret of another sender's, whoever signed with it.
    let public = |scheme: &Scheme| scheme.algorithm().has_public_key();
    let other =
        |scheme: &&Scheme| **scheme != base.scheme && public(scheme) == public(&base.scheme);
    let mut proving = others
        .iter()
        .filter(other)
        .filter(|scheme| with(scheme).proves());
    let first = proving.next()?;
    let more: Vec<&str> = proving.map(Scheme::name).collect();
    let names = match more.as_slice() {
        [] => first.name().to_owned(),
        more => format!("{} (or {})", first.name(), more.join(", ")),
    };
    Some((
        vec![Finding::proved(Cause::OtherSender, names)],
        with(first),
    ))
}
