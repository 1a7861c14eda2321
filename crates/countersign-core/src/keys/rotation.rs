//! How long an old key is kept beside a new one.

use core::time::Duration;

use super::{Keyring, KeyringError, Secret};
use crate::clock::Timestamp;

/// What a rotation did. Comes from [`Keyring::rotate`].
///
/// ```
/// use core::time::Duration;
/// use countersign_core::{Keyring, Scheme, Secret, scheme::IdenticalBodies};
///
/// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
///     .id_header("X-Acme-Id")
///     .retry_span(DAY)
///     .declare();
///
/// let keyring = Keyring::new(&ACME, Secret::new("old")?)?;
/// assert!(keyring.rotate_with_overlap(Secret::new("new")?)?.ends_early().is_none());
///
/// // Retries that come later were signed with the secret that ends here, and will be refused.
/// let short = keyring.rotate(Secret::new("newer")?, Duration::from_secs(3_600))?;
/// assert_eq!(short.ends_early(), Some(DAY));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    kept: Duration,
    retries: Duration,
}

impl Rotation {
    pub(super) const fn new(kept: Duration, retries: Duration) -> Self {
        Self { kept, retries }
    }

    /// For how long the old keys are accepted beside the new one.
    #[must_use]
    pub const fn kept(&self) -> Duration {
        self.kept
    }

    /// For how long the sender may retry what the old keys signed, where that is longer than they are kept: those
    /// retries will be refused. A [`Receiver`](crate::Receiver) logs it as a warning.
    #[must_use]
    pub fn ends_early(&self) -> Option<Duration> {
        (self.kept < self.retries).then_some(self.retries)
    }
}

impl Keyring {
    /// Puts a new key first, and accepts the present ones for as long as the scheme's sender may send what they
    /// signed ([`Scheme::overlap`](crate::Scheme::overlap)).
    ///
    /// # Errors
    ///
    /// As for [`rotate`](Self::rotate).
    pub fn rotate_with_overlap(&self, new: Secret) -> Result<Rotation, KeyringError> {
        self.rotate_with_overlap_at(new, Timestamp::now())
    }

    /// As [`rotate_with_overlap`](Self::rotate_with_overlap), with the time handed in.
    ///
    /// # Errors
    ///
    /// As for [`rotate`](Self::rotate).
    pub fn rotate_with_overlap_at(
        &self,
        new: Secret,
        now: Timestamp,
    ) -> Result<Rotation, KeyringError> {
        self.rotate_at(new, self.overlap(), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{LATE_RETRY_MARGIN, RetryTime, Scheme};

    const DAY: Duration = Duration::from_secs(86_400);

    fn scheme(span: Duration, time: RetryTime) -> Scheme {
        let scheme = Scheme::body_hmac("X-Sig").id_header("X-Id");
        let scheme = scheme.retry_span(span).retry_time(time);
        scheme.build().unwrap()
    }

    #[test]
    fn an_overlap_is_as_long_as_what_the_old_key_signed_may_come() {
        let second = Duration::from_secs(1);
        for (span, time, due, short) in [
            (DAY, RetryTime::Unknown, DAY + LATE_RETRY_MARGIN, true),
            (DAY, RetryTime::Kept, DAY + LATE_RETRY_MARGIN, true),
            (DAY, RetryTime::Renewed, DAY + LATE_RETRY_MARGIN, true),
            (Duration::ZERO, RetryTime::Unknown, LATE_RETRY_MARGIN, false),
        ] {
            let scheme = scheme(span, time);
            assert_eq!(scheme.overlap(), due);
            let keyring = Keyring::new(&scheme, Secret::new("a").unwrap()).unwrap();
            let now = Timestamp::from_unix_seconds(0);
            let secret = |text: &str| Secret::new(text).unwrap();
            let rotation = keyring.rotate_with_overlap_at(secret("b"), now).unwrap();
            assert_eq!((rotation.kept(), rotation.ends_early()), (due, None));
            // The old key is accepted to the end of it, and no longer.
            let last = now.saturating_add(due);
            let accepted = |at| keyring.active(at).label(1).is_some();
            assert!(accepted(last) && !accepted(last.saturating_add(second)));
            for (kept, early) in [(span, false), (span.saturating_sub(second), short)] {
                let rotation = keyring.rotate_at(secret("c"), kept, now).unwrap();
                assert_eq!(rotation.ends_early(), early.then_some(span), "{time:?}");
            }
        }
    }
}
