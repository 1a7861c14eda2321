//! A shared secret that is sent in the body, in each of its items.

// docs/decisions.md: D61.

use bytes::Bytes;

use super::{
    batch,
    content::Payload,
    handshake,
    pick::{Value, pick},
};
use crate::{
    detail::Fault,
    mac::Macs,
    rejection::{Rejection, RejectionKind},
    scheme::Scheme,
};

/// Nothing is proved yet, so a list that could not be honest is not held. Ten times what a receiver takes by
/// itself.
const MOST_ITEMS: usize = 10_000;

/// Which key the body's token is, for a scheme that has it there; of several items, the first one's. Every item
/// must hold one, and all of them are looked at, so that how long it takes does not say which one is wrong.
pub(super) fn matching(
    scheme: &Scheme,
    body: &Bytes,
    macs: &Macs,
) -> Result<Option<usize>, Rejection> {
    let Some((list, field)) = scheme.body_token() else {
        return Ok(None);
    };
    let refused = |fault| Rejection::new(RejectionKind::SignatureMismatch).because(fault);
    let none = || refused(Fault::NoBodyToken);
    let text = Payload::find(None, body).bytes(body).ok_or_else(none)?;
    let (list, field) = match handshake::token_of_question(scheme, &text) {
        Some(token) => (None, token),
        None => (list, field),
    };
    let items = match list {
        None => vec![text],
        Some(list) => batch::items(&text, list, MOST_ITEMS).map_err(|_| none())?,
    };
    let (mut first, mut all_known, mut all_there) = (None, true, !items.is_empty());
    for item in &items {
        let Some(Value::Text(token)) = pick(item, field) else {
            all_there = false;
            continue;
        };
        let key = macs.key_of_token(token.as_bytes());
        all_known &= key.is_some();
        first = first.or(key);
    }
    match (all_there, all_known) {
        (false, _) => Err(none()),
        (true, false) => Err(refused(Fault::BodyToken)),
        (true, true) => Ok(first),
    }
}
