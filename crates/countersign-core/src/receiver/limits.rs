//! What a receiver spends on one request, and on all of them together.

use core::time::Duration;

use crate::{scheme::Scheme, verify::VerifyLimits};

/// Limits of a receiver. Every one has a default; a scheme may set the body limit and the response
/// budget.
///
/// Set them with [`ReceiverBuilder::limits`](super::ReceiverBuilder::limits). None may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// What may be spent on proving requests.
    pub verify: VerifyLimits,
    /// How long reading the body may take, from the headers on. 5 s.
    pub read_time: Duration,
    /// How long a tenant lookup may take. 3 s.
    pub lookup_time: Duration,
    /// How long a copy waits for the first that is running, from the headers on. 3 s.
    pub wait: Duration,
    /// Within how long the sender gets an answer, from the headers on, whatever the handler does.
    /// 8 s, or what the scheme says.
    pub response_budget: Duration,
    /// How long one call to the store may take; an unanswered claim is asked twice. 1.5 s.
    pub store_time: Duration,
    /// How long a claim is held without being prolonged, in stores that outlive the process. It is prolonged
    /// after every third of it. After a crash, the retry runs once it has ended. 30 s.
    pub lease: Duration,
    /// How long a run may take in all. 15 min.
    pub total_run: Duration,
    /// The most deliveries running at once. 1,024.
    pub running: usize,
    /// The most copies that wait at once. 4,096.
    pub waiters: usize,
    /// The most items of a [batch](crate::scheme::SchemeBuilder::batch). A request with more is refused.
    /// 1,000.
    pub batch_items: usize,
}

impl Limits {
    pub(super) fn of(scheme: &Scheme, verify: VerifyLimits) -> Self {
        let wait = Duration::from_secs(3);
        Self {
            verify,
            read_time: Duration::from_secs(5),
            lookup_time: Duration::from_secs(3),
            wait: wait.min(scheme.response_budget()),
            response_budget: scheme.response_budget(),
            store_time: Duration::from_millis(1_500),
            lease: Duration::from_secs(30),
            total_run: Duration::from_secs(15 * 60),
            running: 1_024,
            waiters: 4_096,
            batch_items: 1_000,
        }
    }

    /// Those of [`verify`](Self::verify) are checked by the verifier.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let zero = |name, is_zero: bool| if is_zero { Err(name) } else { Ok(()) };
        zero("read_time", self.read_time.is_zero())?;
        zero("lookup_time", self.lookup_time.is_zero())?;
        zero("response_budget", self.response_budget.is_zero())?;
        zero("store_time", self.store_time.is_zero())?;
        zero("lease", self.lease.is_zero())?;
        zero("total_run", self.total_run.is_zero())?;
        zero("running", self.running == 0)?;
        zero("batch_items", self.batch_items == 0)
    }
}
