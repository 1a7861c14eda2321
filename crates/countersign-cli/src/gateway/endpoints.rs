//! What is served by now: the receivers of the configuration that was read last.

// docs/decisions.md: D89.

use core::time::Duration;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use countersign_core::Receiver;
use countersign_tower::{ReceiverLayer, ReceiverService, ResponseBody};
use futures_util::future::join_all;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tower_layer::Layer;
use tower_service::Service;
use tracing::warn;

use super::{config::Settings, pass_on::PassOn, store::Store};
use crate::{failure::Failure, forward::Forwarder};

/// How many rows of the store are deleted at once.
const PURGE: usize = 1_000;

/// All endpoints, exchanged as one when the configuration is read again.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    present: RwLock<Arc<Generation>>,
    /// Those that may still run something.
    past: RwLock<Vec<Arc<Generation>>>,
}

/// The endpoints of one reading.
#[derive(Debug)]
struct Generation {
    receivers: Vec<Receiver>,
    paths: HashMap<String, ReceiverService<PassOn>>,
}

/// What a sender is answered with.
pub(crate) type Answer = Response<ResponseBody<Full<Bytes>>>;

impl Endpoints {
    pub(crate) fn new(settings: &Settings, store: Store) -> Result<Self, Failure> {
        let present = Generation::new(settings, &store)?;
        Ok(Self {
            shared: Arc::new(Shared {
                store,
                present: RwLock::new(Arc::new(present)),
                past: RwLock::default(),
            }),
        })
    }

    /// Serves these from now on. What is running goes on under the settings that it began with.
    ///
    /// # Errors
    ///
    /// When a receiver cannot be built; then nothing has changed.
    pub(crate) fn exchange(&self, settings: &Settings) -> Result<(), Failure> {
        let next = Arc::new(Generation::new(settings, &self.shared.store)?);
        let mut present = self
            .shared
            .present
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let last = core::mem::replace(&mut *present, next);
        drop(present);
        let mut past = self
            .shared
            .past
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        past.push(last);
        // Whoever holds one besides this list is about to ask it.
        past.retain(|one| Arc::strong_count(one) > 1 || one.running() > 0);
        Ok(())
    }

    /// Answers a request at a path of an endpoint.
    pub(crate) async fn serve(&self, request: Request<Incoming>) -> Answer {
        let present = self.present();
        let Some(service) = present.paths.get(request.uri().path()) else {
            return nothing_here();
        };
        let mut service = service.clone();
        match service.call(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }

    /// Names of endpoints that should get no deliveries now, because their store fails.
    pub(crate) fn unready(&self) -> Vec<String> {
        let present = self.present();
        let failing = present
            .receivers
            .iter()
            .filter(|one| !one.health().is_ready());
        failing.map(|one| one.endpoint().to_owned()).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.present().receivers.len()
    }

    /// Waits for everything that runs, and gives back what still does then. Says how many that were.
    pub(crate) async fn drain(&self, timeout: Duration) -> usize {
        let mut all = self
            .shared
            .past
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        all.push(self.present());
        let receivers = all.iter().flat_map(|one| &one.receivers);
        let dropped = join_all(receivers.map(|receiver| receiver.drain(timeout))).await;
        dropped.into_iter().sum()
    }

    /// Deletes what the store need not remember any more, in steps.
    pub(crate) async fn purge(&self) {
        // All have one store.
        let Some(receiver) = self.present().receivers.first().cloned() else {
            return;
        };
        loop {
            match receiver.purge(PURGE).await {
                Ok(PURGE) => tokio::task::yield_now().await,
                Ok(_) => return,
                Err(_) => {
                    warn!(target: "countersign", "old rows of the store could not be deleted; they are next time");
                    return;
                }
            }
        }
    }

    fn present(&self) -> Arc<Generation> {
        let present = self
            .shared
            .present
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&present)
    }
}

impl Generation {
    fn new(settings: &Settings, store: &Store) -> Result<Self, Failure> {
        let mut receivers = Vec::with_capacity(settings.endpoints.len());
        let mut paths = HashMap::with_capacity(settings.endpoints.len());
        for endpoint in &settings.endpoints {
            let receiver = store.give(endpoint.receiver()).build();
            let receiver = receiver
                .map_err(|error| Failure::usage(format!("endpoints.{}: {error}", endpoint.name)))?;
            let pass_on = PassOn::new(
                &endpoint.name,
                Forwarder::new(endpoint.forward),
                endpoint.upstream.clone(),
                settings.signing.clone(),
                &endpoint.scheme,
            );
            let service = ReceiverLayer::new(&receiver).layer(pass_on);
            paths.insert(endpoint.path.clone(), service);
            receivers.push(receiver);
        }
        Ok(Self { receivers, paths })
    }

    fn running(&self) -> usize {
        self.receivers.iter().map(Receiver::running).sum()
    }
}

fn nothing_here() -> Answer {
    let mut response = Response::new(ResponseBody::from(Bytes::from_static(b"not found\n")));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
