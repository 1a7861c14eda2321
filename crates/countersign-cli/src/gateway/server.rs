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
/// Connections at once. Above, new ones wait where the system keeps them.
const CONNECTIONS: usize = 4_096;
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

/// Serves until `stop` says so, then lets the requests that are there come to their end.
pub(crate) async fn serve<F, B>(
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
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
