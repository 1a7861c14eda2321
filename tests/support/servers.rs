//! Real servers: every place where a receiver can be put.

use core::time::Duration;
use std::{convert::Infallible, io, net::SocketAddr, sync::mpsc, thread};

use bytes::Bytes;
use countersign_core::{Admitted, FromDelivery, Raw, Receiver, Rejection};
use countersign_senders::{invoice_maker, rebill_za};
use http_body_util::{BodyExt, Collected, Full};
use hyper_util::rt::{TokioIo, TokioTimer};
use tower::ServiceBuilder;

use crate::handler::{Answered, TestHandler};

/// The path that every server takes deliveries at.
pub const PATH: &str = "/hook";

/// The response header in which every server says why it refused a request: an outer layer reads it
/// from the response's extensions, as an application's log would.
pub const REFUSED: &str = "x-test-refused";

/// The response header in which every server says what its handler made of the delivery's body.
pub const READ: &str = "x-test-read";

/// What a handler makes of a body, and tells of it in [`READ`].
pub trait Readable: FromDelivery + Send + 'static {
    /// What it was.
    fn told(&self) -> &str;
}

impl Readable for Raw {
    fn told(&self) -> &'static str {
        "bytes"
    }
}

impl Readable for rebill_za::Event {
    fn told(&self) -> &str {
        self.name()
    }
}

impl Readable for invoice_maker::Event {
    fn told(&self) -> &str {
        self.name()
    }
}

/// An application's own type.
#[derive(Debug, serde::Deserialize)]
pub struct Invoice {
    id: String,
}

impl Readable for Invoice {
    fn told(&self) -> &str {
        &self.id
    }
}

/// How many workers the servers of actix-web have.
pub const WORKERS: usize = 2;

/// A place for a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// axum, `MethodRouter::layer`.
    AxumMethodRouter,
    /// axum, `Router::layer`.
    AxumRouter,
    /// hyper, under a `ServiceBuilder`.
    Hyper,
    /// actix-web, `App::wrap`.
    ActixApp,
    /// actix-web, `Scope::wrap`.
    ActixScope,
    /// actix-web, `Resource::wrap`.
    ActixResource,
    /// actix-web, `Route::wrap`.
    ActixRoute,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AxumMethodRouter,
        Self::AxumRouter,
        Self::Hyper,
        Self::ActixApp,
        Self::ActixScope,
        Self::ActixResource,
        Self::ActixRoute,
    ];

    /// One for each adapter, for tests that need not see all.
    pub const ADAPTERS: [Self; 3] = [Self::AxumMethodRouter, Self::Hyper, Self::ActixResource];

    /// Starts a server that ends with the test's process.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start(self, receiver: &Receiver, desk: &TestHandler) -> io::Result<SocketAddr> {
        self.start_reading::<Raw>(receiver, desk).await
    }

    /// The same with a handler that makes something of the body.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start_reading<T: Readable>(
        self,
        receiver: &Receiver,
        desk: &TestHandler,
    ) -> io::Result<SocketAddr> {
        match self {
            Self::AxumMethodRouter | Self::AxumRouter => {
                axum_server::<T>(self, receiver, desk).await
            }
            Self::Hyper => hyper_server::<T>(receiver, desk).await,
            Self::ActixApp | Self::ActixScope | Self::ActixResource | Self::ActixRoute => {
                actix_server::<T>(self, receiver.clone(), desk.clone(), true)
            }
        }
    }

    /// Starts a server that drops a request whose sender closes the connection, where the framework can:
    /// actix-web does so when it takes no half of a connection for a connection.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start_noticing_hang_ups(
        self,
        receiver: &Receiver,
        desk: &TestHandler,
    ) -> io::Result<SocketAddr> {
        match self {
            Self::ActixApp | Self::ActixScope | Self::ActixResource | Self::ActixRoute => {
                actix_server::<Raw>(self, receiver.clone(), desk.clone(), false)
            }
            _ => self.start(receiver, desk).await,
        }
    }
}

async fn axum_server<T: Readable>(
    place: Place,
    receiver: &Receiver,
    desk: &TestHandler,
) -> io::Result<SocketAddr> {
    use axum::{
        Extension, Router,
        extract::{DefaultBodyLimit, State},
        http::StatusCode,
        response::{IntoResponse, Response},
        routing::post,
    };
    use countersign_axum::{Delivery, ReceiverLayer};

    async fn handle<T: Readable>(
        State(desk): State<TestHandler>,
        delivery: Delivery<T>,
        read: Bytes,
    ) -> Response {
        let told = [(READ, delivery.event().told().to_owned())];
        let admitted = delivery.into_inner().admitted().clone();
        let Answered { status, outcome } = desk.run_reading(&admitted, &read).await;
        let status = StatusCode::from_u16(status).unwrap_or_default();
        match outcome {
            Some(outcome) => (status, Extension(outcome), told).into_response(),
            None => (status, told).into_response(),
        }
    }

    let layer = ReceiverLayer::new(receiver);
    let app = if place == Place::AxumRouter {
        Router::new()
            .route(PATH, post(handle::<T>))
            .route("/hook/{tenant}", post(handle::<T>))
            .layer(layer)
    } else {
        Router::new()
            .route(PATH, post(handle::<T>).layer(layer.clone()))
            .route("/hook/{tenant}", post(handle::<T>).layer(layer))
    };
    let app = app.layer(axum::middleware::map_response(
        async |response: Response| say_refused(response),
    ));
    let app = app.layer(DefaultBodyLimit::disable());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, app.with_state(desk.clone())).into_future());
    Ok(addr)
}

fn say_refused<B>(mut response: http::Response<B>) -> http::Response<B> {
    let refused = response.extensions().get().map(Rejection::to_string);
    if let Some(value) = refused.and_then(|text| text.parse().ok()) {
        response.headers_mut().insert(REFUSED, value);
    }
    response
}

async fn hyper_server<T: Readable>(
    receiver: &Receiver,
    desk: &TestHandler,
) -> io::Result<SocketAddr> {
    use countersign_core::Delivery;
    use countersign_tower::{ReceiverLayer, VerifiedBody, response_from_answer};

    async fn handle<T: Readable>(
        desk: TestHandler,
        request: http::Request<VerifiedBody>,
    ) -> Result<http::Response<Full<Bytes>>, Infallible> {
        let mut response = http::Response::new(Full::default());
        let (head, body) = request.into_parts();
        let delivery = match Delivery::<T>::extract(head.extensions.get::<Admitted>()) {
            Ok(delivery) => delivery,
            Err(rejection) => {
                *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                return Ok(rejection.answer().map_or(response, response_from_answer));
            }
        };
        if let Ok(told) = delivery.event().told().parse() {
            response.headers_mut().insert(READ, told);
        }
        let read = body.collect().await.map(Collected::to_bytes);
        let read = read.unwrap_or_default();
        let admitted = delivery.admitted().clone();
        drop(delivery);
        let Answered { status, outcome } = desk.run_reading(&admitted, &read).await;
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        if let Some(outcome) = outcome {
            response.extensions_mut().insert(outcome);
        }
        Ok(response)
    }

    let desk = desk.clone();
    let service = ServiceBuilder::new()
        .map_response(say_refused)
        .layer(ReceiverLayer::new(receiver))
        .service_fn(move |request| handle::<T>(desk.clone(), request));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(service.clone());
            let mut http = hyper::server::conn::http1::Builder::new();
            let connection = http
                .timer(TokioTimer::new())
                .half_close(true)
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    Ok(addr)
}

fn actix_server<T: Readable>(
    place: Place,
    receiver: Receiver,
    desk: TestHandler,
    half_closed: bool,
) -> io::Result<SocketAddr> {
    use actix_web::{
        App, HttpResponse, HttpServer,
        body::MessageBody,
        dev::{ServiceRequest, ServiceResponse},
        error::InternalError,
        http::{StatusCode, header::HeaderName},
        middleware::{Next, from_fn},
        web,
    };
    use countersign_actix::{Delivery, ReceiverMiddleware};

    async fn handle<T: Readable>(
        desk: web::Data<TestHandler>,
        delivery: Delivery<T>,
        read: Bytes,
    ) -> HttpResponse {
        let told = delivery.event().told().to_owned();
        let admitted = delivery.admitted();
        let Answered { status, outcome } = desk.run_reading(admitted, &read).await;
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let mut response = HttpResponse::build(status)
            .insert_header((READ, told))
            .finish();
        if let Some(outcome) = outcome {
            response.extensions_mut().insert(outcome);
        }
        response
    }

    /// Tells from outside of the middleware why it refused.
    async fn told(
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
        let name = HeaderName::from_static(REFUSED);
        match next.call(request).await {
            Ok(mut response) => {
                let refused = response
                    .response()
                    .extensions()
                    .get()
                    .map(Rejection::to_string);
                if let Some(value) = refused.and_then(|text| text.parse().ok()) {
                    response.headers_mut().insert(name, value);
                }
                Ok(response)
            }
            Err(error) => {
                let mut response = error.error_response();
                let refused = response.extensions().get().map(Rejection::to_string);
                if let Some(value) = refused.and_then(|text| text.parse().ok()) {
                    response.headers_mut().insert(name, value);
                }
                Err(InternalError::from_response("", response).into())
            }
        }
    }

    /// Binds a server over a factory; each factory has a type of its own.
    macro_rules! bind {
        ($factory:expr) => {
            HttpServer::new($factory)
                .workers(WORKERS)
                .h1_allow_half_closed(half_closed)
                .keep_alive(Duration::from_secs(75))
                .disable_signals()
                .bind(("127.0.0.1", 0))
                .map(|server| (server.addrs().first().copied(), server.run()))
        };
    }

    let desk = web::Data::new(desk);
    let (send, bound) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let any_size = web::PayloadConfig::new(usize::MAX);
            let app = move || App::new().app_data(desk.clone()).app_data(any_size.clone());
            let wrap = move || ReceiverMiddleware::new(&receiver);
            let plain = |path| web::resource(path).route(web::post().to(handle::<T>));
            let tenant = "/hook/{tenant}";
            let server = match place {
                Place::ActixApp => bind!(move || app()
                    .wrap(wrap())
                    .wrap(from_fn(told))
                    .service(plain(PATH))
                    .service(plain(tenant))),
                Place::ActixScope => bind!(move || app().wrap(from_fn(told)).service(
                    web::scope("")
                        .wrap(wrap())
                        .service(plain(PATH))
                        .service(plain(tenant))
                )),
                Place::ActixResource => bind!(move || app()
                    .wrap(from_fn(told))
                    .service(plain(PATH).wrap(wrap()))
                    .service(plain(tenant).wrap(wrap()))),
                _ => bind!(move || {
                    let route = || web::route().to(handle::<T>).wrap(wrap());
                    app()
                        .wrap(from_fn(told))
                        .service(web::resource(PATH).route(route()))
                        .service(web::resource(tenant).route(route()))
                }),
            };
            match server {
                Ok((addr, server)) => {
                    let _heard = send.send(addr.ok_or(io::ErrorKind::AddrNotAvailable.into()));
                    server.await
                }
                Err(error) => {
                    let _heard = send.send(Err(error));
                    Ok(())
                }
            }
        })
    });
    bound.recv().map_err(io::Error::other)?
}
