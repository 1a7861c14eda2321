//! Senders that ask before they send, as an application would write them down.
//!
//! Those that are presets are meant as they are; where a sender is none (Amazon SNS signs with RSA, Microsoft
//! Graph does not sign), HMAC-SHA256 over the body stands in: what is tested is what comes before and behind
//! the signature.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::{
    Offer, ReceiverBuilder, Scheme, Secret,
    scheme::{Handshake, IdenticalBodies, SchemeBuilder},
};
use countersign_senders::{body_tokens, business, commerce, messaging, tokens};

const DAY: Duration = Duration::from_secs(86_400);

const fn signed(header: &'static str, handshakes: &'static [Handshake]) -> SchemeBuilder {
    Scheme::body_hmac(header)
        .identical_bodies(IdenticalBodies::Copies { within: DAY })
        .handshakes(handshakes)
}

macro_rules! schemes {
    ($($(#[$doc:meta])+ $name:ident = $scheme:expr;)+) => {
        $($(#[$doc])+ pub const $name: Scheme = $scheme.name(stringify!($name)).declare();)+

        /// All of them.
        pub const ALL: &[Scheme] = &[$($name,)+];
    };
}

schemes! {
    /// Meta.
    META = messaging::META.to_builder();
    /// X.
    X = messaging::X.to_builder();
    /// Dropbox.
    DROPBOX = messaging::DROPBOX.to_builder();
    /// Okta.
    OKTA = tokens::OKTA.to_builder();
    /// Microsoft Graph, which signs nothing; a gateway's signature stands in.
    GRAPH = signed("X-Gateway-Signature", &[Handshake::ValidationToken]);
    /// Feishu without an Encrypt Key.
    FEISHU = body_tokens::FEISHU_TOKEN.to_builder();
    /// Slack.
    SLACK = messaging::SLACK.to_builder();
    /// Twitch.
    TWITCH = messaging::TWITCH.to_builder();
    /// Zoom.
    ZOOM = messaging::ZOOM.to_builder();
    /// Discord's interactions.
    DISCORD = messaging::DISCORD_INTERACTIONS.to_builder();
    /// Discord's webhook events.
    DISCORD_EVENTS = messaging::DISCORD_EVENTS.to_builder();
    /// Xero.
    XERO = business::XERO.to_builder();
    /// Amazon SNS.
    SNS = signed("X-Sns-Signature", &[Handshake::Confirmation {
        at: "/Type", is: &["SubscriptionConfirmation", "UnsubscribeConfirmation"],
    }]);
    /// Notion.
    NOTION = business::NOTION.to_builder();
    /// Asana.
    ASANA = business::ASANA.to_builder();
    /// WooCommerce.
    WOOCOMMERCE = commerce::WOOCOMMERCE.to_builder();
    /// SurveyMonkey, as Mandrill and Trello.
    PROBED = business::SURVEY_MONKEY.to_builder();
    /// Azure Event Grid.
    EVENT_GRID = tokens::AZURE_EVENT_GRID.to_builder();
}

/// The text that was entered at Meta.
pub const VERIFY_TOKEN: &str = "meatyhamhock";

/// An application that takes as many offers as it waits for.
#[derive(Clone, Debug, Default)]
pub struct Taker {
    inner: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    awaited: usize,
    secrets: Vec<Secret>,
    tenants: Vec<Option<String>>,
    confirmations: Vec<String>,
    refused: usize,
}

impl Taker {
    /// Waits for one more.
    pub fn wait_for_one(&self) {
        self.lock(|taken| taken.awaited += 1);
    }

    /// The keys that came.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        self.lock(|taken| core::mem::take(&mut taken.secrets))
    }

    /// The tenants that they were for.
    #[must_use]
    pub fn tenants(&self) -> Vec<Option<String>> {
        self.lock(|taken| core::mem::take(&mut taken.tenants))
    }

    /// The bodies of the confirmations that came.
    #[must_use]
    pub fn confirmations(&self) -> Vec<String> {
        self.lock(|taken| core::mem::take(&mut taken.confirmations))
    }

    /// How many offers were refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.lock(|taken| taken.refused)
    }

    fn lock<T>(&self, look: impl FnOnce(&mut Taken) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, offer: Offer) -> bool {
        self.lock(|taken| {
            let Some(left) = taken.awaited.checked_sub(1) else {
                taken.refused += 1;
                return false;
            };
            taken.awaited = left;
            match offer {
                Offer::Secret(offered) => {
                    taken.tenants.push(offered.tenant().map(str::to_owned));
                    taken.secrets.push(offered.into_secret());
                }
                Offer::Confirmation(received) => {
                    let body = String::from_utf8_lossy(received.body()).into_owned();
                    taken.confirmations.push(body);
                }
                _ => return false,
            }
            true
        })
    }
}

/// What a receiver of the scheme needs for its handshakes, and leave to serve one that signs nothing.
#[allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "test data")]
pub fn configure(scheme: &Scheme, taker: &Taker, builder: ReceiverBuilder) -> ReceiverBuilder {
    let mut builder = match scheme.body_is_signed() {
        true => builder,
        false => builder.accept_unsigned_body(),
    };
    for handshake in scheme.handshakes() {
        builder = match handshake {
            Handshake::HubChallenge => builder.verify_token(Secret::new(VERIFY_TOKEN).unwrap()),
            Handshake::VerificationToken
            | Handshake::HookSecret
            | Handshake::Confirmation { .. } => {
                let taker = taker.clone();
                builder.on_offer(move |offer| core::future::ready(taker.take(offer)))
            }
            _ => builder,
        };
    }
    builder
}
