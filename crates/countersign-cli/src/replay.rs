//! Sending a capture once more.

// docs/decisions.md: D86.

use std::time::Instant;

use countersign_core::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::{
    captures::{BodyState, Capture, Replay, Verdict},
    forward::{Forwarder, Outgoing, Upstream},
};

/// Where a capture is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To what stands behind the listener. Nobody judges it again, so it must have been proved when it came.
    Forward,
    /// To the listener, which judges it as any request.
    Listener,
}

/// Why a capture cannot be sent this way; none where it can.
pub(crate) fn hindrance(capture: &Capture, way: Way) -> Option<&'static str> {
    match capture.body_state {
        BodyState::Whole => {}
        BodyState::Cut => {
            return Some("its body is longer than what was kept of it (`listen --keep-body`)");
        }
        BodyState::Unread => return Some("its body did not arrive as a whole"),
        BodyState::Masked => return Some("its body held a secret, which is not kept"),
    }
    match way {
        Way::Forward if capture.summary.verdict != Verdict::Verified => {
            Some("it was not proved, and only what was proved is passed on")
        }
        Way::Forward | Way::Listener => None,
    }
}

/// Sends it once, byte for byte, with its headers. What was masked is left out.
pub(crate) async fn send(
    forwarder: &Forwarder,
    upstream: &Upstream,
    shown: &str,
    capture: Capture,
) -> Replay {
    let mut headers = HeaderMap::new();
    for header in capture.headers.iter().filter(|header| !header.masked) {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&header.value)) {
            headers.append(name, value);
        }
    }
    let method = Method::from_bytes(capture.summary.method.as_bytes()).unwrap_or(Method::POST);
    let uri: Uri = capture.target.parse().unwrap_or_default();
    let outgoing = Outgoing {
        method: &method,
        uri: &uri,
        headers: &headers,
        leave_out: &[],
        add: Vec::new(),
        body: capture.body.into(),
    };
    let (at, begun) = (Timestamp::now(), Instant::now());
    let answered = forwarder.forward(upstream, outgoing).await;
    Replay {
        at_ms: at.unix_millis(),
        to: shown.to_owned(),
        status: answered.as_ref().ok().map(|answer| answer.status.as_u16()),
        error: answered.err().map(|error| error.to_string()),
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}
