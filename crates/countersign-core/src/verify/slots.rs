//! Where the headers that a scheme names are found in a request.

// docs/decisions.md: D4, D64.

use smallvec::SmallVec;

use super::head::{FoundHeaders, Slot, WantedHeaders};
use crate::{
    detail::Fault,
    keys::TenantAt,
    rejection::{Rejection, RejectionKind},
    scheme::{Location, Part, Place, Scheme},
    texts::{MAX_VALUE, TextRef, Texts},
};

/// Where the headers of one scheme are found, worked out once.
#[derive(Debug)]
pub(super) struct HeaderSlots {
    pub(super) wanted: WantedHeaders,
    pub(super) content_type: Slot,
    pub(super) content_encoding: Slot,
    pub(super) content_length: Slot,
    pub(super) signature: SmallVec<[Slot; 1]>,
    pub(super) time: Option<Slot>,
    pub(super) id: Option<Slot>,
    pub(super) event: Option<Slot>,
    pub(super) id_copy: Option<Slot>,
    pub(super) event_copy: Option<Slot>,
    pub(super) attempt: Option<Slot>,
    pub(super) tenant: Option<Slot>,
    pub(super) signed_headers: SmallVec<[Slot; 1]>,
}

impl HeaderSlots {
    /// `None` when the scheme names more headers than are looked for at once.
    pub(super) fn new(scheme: &Scheme, tenant: Option<TenantAt>) -> Option<Self> {
        let mut wanted = WantedHeaders::new();
        let mut optional = |name: Option<&'static str>| match name {
            Some(name) => wanted.add(name).map(Some),
            None => Some(None),
        };
        let header = |place: Option<Place>| match place {
            Some(Place::Header(name)) => Some(name),
            Some(Place::Body(_)) | None => None,
        };
        let id = optional(header(scheme.id))?;
        let event = optional(header(scheme.event))?;
        let time = optional(scheme.time_header())?;
        let id_copy = optional(scheme.id_copy)?;
        let event_copy = optional(scheme.event_copy)?;
        let attempt = optional(scheme.attempt_header)?;
        let tenant = optional(match tenant {
            Some(TenantAt::Header(name)) => Some(name),
            Some(TenantAt::LastPathSegment | TenantAt::Query(_)) | None => None,
        })?;
        let signature = match scheme.location {
            Location::Header(name) => wanted.add(name).into_iter().collect(),
            Location::AnyOf(names) | Location::AllOf(names) => names
                .iter()
                .map(|name| wanted.add(name))
                .collect::<Option<_>>()?,
            Location::Repeated(_) | Location::Numbered(_) | Location::Body(_) => SmallVec::new(),
        };
        let signed_headers = scheme
            .signed
            .iter()
            .filter_map(|part| match part {
                Part::Header(name) => Some(wanted.add(name)),
                _ => None,
            })
            .collect::<Option<_>>()?;
        Some(Self {
            content_type: wanted.add("content-type")?,
            content_encoding: wanted.add("content-encoding")?,
            content_length: wanted.add("content-length")?,
            wanted,
            signature,
            time,
            id,
            event,
            id_copy,
            event_copy,
            attempt,
            tenant,
            signed_headers,
        })
    }

    /// Keeps the only value of a header, of 1 to 256 visible ASCII characters.
    pub(super) fn text(
        &self,
        texts: &mut Texts,
        found: &FoundHeaders<'_>,
        slot: Option<Slot>,
    ) -> Result<Option<TextRef>, Rejection> {
        let Some(slot) = slot else {
            return Ok(None);
        };
        let Some(value) = self.one(found, slot)? else {
            return Ok(None);
        };
        texts
            .add_header(value)
            .map(Some)
            .ok_or_else(|| self.malformed(slot, text_fault(value, MAX_VALUE)))
    }

    pub(super) fn one<'a>(
        &self,
        found: &FoundHeaders<'a>,
        slot: Slot,
    ) -> Result<Option<&'a [u8]>, Rejection> {
        found.one(slot).map_err(|_| {
            self.fault(RejectionKind::HeaderRepeated, slot)
                .because(Fault::Repeated)
        })
    }

    pub(super) fn malformed(&self, slot: Slot, fault: Fault) -> Rejection {
        self.fault(RejectionKind::HeaderMalformed, slot)
            .because(fault)
    }

    pub(super) fn fault(&self, kind: RejectionKind, slot: Slot) -> Rejection {
        Rejection::header_fault(kind, self.wanted.name(slot))
    }
}

/// Why a header's value is not a text of 1 to `limit` visible characters.
pub(super) const fn text_fault(value: &[u8], limit: usize) -> Fault {
    match value.len() {
        0 => Fault::Empty,
        len if len > limit => Fault::TooLong { limit },
        _ => Fault::NotVisible,
    }
}
