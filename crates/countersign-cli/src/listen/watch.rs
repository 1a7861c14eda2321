//! Whether the upstream is gone for good.

use core::time::Duration;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::{net::TcpStream, sync::mpsc, time::Instant};

use super::{Fatal, News, endpoint::Target, handler::Passed};
use crate::{failure::Failure, forward::ForwardError, input::Address};

/// How often an upstream that is gone is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// How long it may take to say that it is there.
const CONNECT: Duration = Duration::from_secs(2);

/// Looks for an upstream from the first delivery on that found nobody there.
#[derive(Clone)]
pub(super) struct Watch {
    state: Arc<State>,
}

struct State {
    target: Option<(Address, String)>,
    /// None: for ever.
    patience: Option<Duration>,
    news: mpsc::Sender<News>,
    fatal: Fatal,
    is_looking: AtomicBool,
    missed: AtomicU64,
}

impl Watch {
    pub(super) fn new(
        target: Option<&Target>,
        give_up_after: u32,
        news: mpsc::Sender<News>,
        fatal: Fatal,
    ) -> Self {
        let target =
            target.and_then(|target| Some((Address::parse(&target.url)?, target.url.clone())));
        Self {
            state: Arc::new(State {
                target,
                patience: (give_up_after > 0).then(|| Duration::from_secs(give_up_after.into())),
                news,
                fatal,
                is_looking: AtomicBool::new(false),
                missed: AtomicU64::new(0),
            }),
        }
    }

    /// Takes note of how a delivery ended.
    pub(super) fn passed(&self, passed: &Passed) {
        let is_gone = matches!(
            passed,
            Err(ForwardError::Refused | ForwardError::NoConnection)
        );
        if !is_gone {
            return;
        }
        self.state.missed.fetch_add(1, Ordering::Relaxed);
        if !self.state.is_looking.swap(true, Ordering::AcqRel) {
            let state = Arc::clone(&self.state);
            tokio::spawn(async move { state.look().await });
        }
    }
}

impl State {
    async fn look(&self) {
        let Some((address, shown)) = &self.target else {
            return;
        };
        let since = Instant::now();
        self.tell(News::Note(format!(
            "nobody listens at {shown}: deliveries are answered 503, so that their sender comes again"
        )));
        let host = address.host.trim_start_matches('[').trim_end_matches(']');
        let port = address.port.unwrap_or(80);
        loop {
            let connected = tokio::time::timeout(CONNECT, TcpStream::connect((host, port))).await;
            if matches!(connected, Ok(Ok(_))) {
                self.is_looking.store(false, Ordering::Release);
                self.missed.store(0, Ordering::Relaxed);
                self.tell(News::Note(format!("{shown} is there again")));
                return;
            }
            let gone = since.elapsed();
            if self.patience.is_some_and(|patience| gone >= patience) {
                let missed = self.missed.load(Ordering::Relaxed);
                self.fatal.tell(Failure::no_answer(format!(
                    "nobody has listened at {shown} for {} s, and {missed} deliveries were not passed on: \
                     their sender was told to come again (`--give-up-after` sets the time)",
                    gone.as_secs()
                )));
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn tell(&self, news: News) {
        let _ = self.news.try_send(news);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn its_end_is_heard_although_no_line_is_read() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let (news, _unread) = mpsc::channel(1);
        news.try_send(News::Note("the line that fills it".to_owned()))
            .unwrap();
        let (fatal, mut heard) = Fatal::new();
        let target = Target::parse(&url).unwrap();
        let watch = Watch::new(Some(&target), 1, news, fatal);
        watch.passed(&Err(ForwardError::Refused));
        let failure = tokio::time::timeout(Duration::from_secs(30), heard.recv()).await;
        let failure = failure.unwrap().unwrap();
        assert!(failure.message.contains("nobody has listened at"));
    }
}
