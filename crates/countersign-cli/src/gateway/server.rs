//! Taking connections, and letting them end.

use core::{convert::Infallible, future::Future, time::Duration};
use std::{net::SocketAddr, sync::Arc};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};

use crate::failure::Failure;

/// How long the head of a request may take: who sends slower holds a connection for nothing.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The longest head, and what a connection reads ahead of its handler: 4,096 of them are 256 MiB.
const BUFFER: usize = 64 * 1024;
/// Connections at once. Above, new ones wait where the system keeps them.
const CONNECTIONS: usize = 4_096;
/// Connections of people and of machines that look after the process.
pub(crate) const FEW: usize = 64;
/// How long to wait where no connection can be taken, as when there are no file descriptors left.
const BREATH: Duration = Duration::from_millis(50);

/// An address that is ours.
///
/// # Errors
///
/// When it is in use, or not this machine's.
pub(crate) async fn bind(address: SocketAddr, key: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::no_answer(format!("{key}: cannot listen on {address}: {error}")))
}

/// How many connections of senders are taken at once: a third of the descriptors that the process may have at most,
/// because each may need another to its upstream, and files and the store need some, too.
pub(crate) fn connections() -> usize {
    #[cfg(unix)]
    let descriptors = rlimit::Resource::NOFILE.get_soft().unwrap_or(u64::MAX);
    #[cfg(not(unix))]
    let descriptors = u64::MAX;
    share(descriptors)
}

fn share(descriptors: u64) -> usize {
    let third = usize::try_from(descriptors / 3).unwrap_or(usize::MAX);
    third.clamp(1, CONNECTIONS)
}

/// Serves until `stop` says so, then lets the requests that are there come to their end.
pub(crate) async fn serve<F, B>(
    listener: TcpListener,
    connections: usize,
    mut stop: watch::Receiver<bool>,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections));
    loop {
        let taken = tokio::select! {
            biased;
            // Whoever told it to stop may be gone by now; that is to stop as well.
            _ = stop.wait_for(|stop| *stop) => break,
            taken = take(&listener, &places) => taken,
        };
        let Some((stream, place)) = taken else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answer = answer(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let mut http = http1::Builder::new();
        let connection = http
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // How a connection ends is the sender's business.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn take(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    let _ = stream.set_nodelay(true);
    Some((stream, place))
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn descriptors_are_left_for_what_stands_behind() {
        for (descriptors, due) in [
            (0, 1),
            (256, 85),
            (1_024, 341),
            (1_000_000, 4_096),
            (u64::MAX, 4_096),
        ] {
            assert_eq!(share(descriptors), due, "{descriptors}");
        }
        assert!((1..=CONNECTIONS).contains(&connections()));
    }

    /// What is answered to a request with a header of so many bytes.
    async fn answered(bytes: usize) -> String {
        let listener = bind(([127, 0, 0, 1], 0).into(), "listen").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        tokio::spawn(serve(listener, FEW, stopped, |_| async {
            Response::new(Full::new(bytes::Bytes::new()))
        }));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let long = "a".repeat(bytes);
        let text =
            format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-long: {long}\r\n\r\n");
        // It may be refused before all of it is written.
        let _ = stream.write_all(text.as_bytes()).await;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        String::from_utf8_lossy(&head).into_owned()
    }

    #[tokio::test]
    async fn a_head_has_a_bound() {
        assert_eq!(answered(32 * 1024).await, "HTTP/1.1 200");
        assert_eq!(answered(200 * 1024).await, "HTTP/1.1 431");
    }
}
