//! What senders offer before they send, and a gateway takes from nobody.

use countersign_core::{Offer, Scheme, scheme::Handshake};

/// Whether a receiver of this scheme must say what it does with offers.
pub(super) fn has_some(scheme: &Scheme) -> bool {
    scheme.handshakes().iter().any(|handshake| {
        matches!(
            handshake,
            Handshake::Confirmation { .. } | Handshake::VerificationToken | Handshake::HookSecret
        )
    })
}

/// Refuses it: anybody can offer a key, and only a person knows whether a subscription was asked for.
pub(super) async fn decline(offer: Offer) -> bool {
    let what = match offer {
        Offer::Confirmation(_) => {
            "a subscription waits to be confirmed: confirm it at the sender, where it was asked for"
        }
        _ => {
            "a signing key was offered and not taken: put the key that the sender shows into the endpoint's secret"
        }
    };
    tracing::warn!(target: "countersign", "{what}");
    false
}
