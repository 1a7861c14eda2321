//! A server on a real socket, a client written by hand, and a sender that signs with another
//! implementation of HMAC than the receiver's.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    clippy::unwrap_used,
    reason = "these are tests, though not marked as such"
)]

use std::{
    future::Future,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::{Server, ServerHandle},
    rt::System,
    web::{Bytes, Data},
};
use countersign_actix::Delivery;
use countersign_core::{Limits, MemoryStore, Receiver, ReceiverBuilder, Secret};
use countersign_senders::github;
use tokio::sync::Semaphore;

/// Long enough for any machine; a test that waits for this long has failed.
pub(crate) const FAR: Duration = Duration::from_secs(20);

const SECRET: &str = "a secret of the tests, 32 bytes!";

/// The place that a middleware is wrapped around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    App,
    Scope,
    Resource,
    Route,
}

impl Place {
    pub(crate) const ALL: [Self; 4] = [Self::App, Self::Scope, Self::Resource, Self::Route];
}

pub(crate) fn builder() -> ReceiverBuilder {
    Receiver::builder(github::SCHEME)
        .endpoint("github")
        .secret(Secret::new(SECRET).unwrap())
        .store(MemoryStore::new())
}

pub(crate) fn receiver(change: impl FnOnce(&mut Limits)) -> Receiver {
    builder().limits(change).build().unwrap()
}

/// A budget that ends while a handler is held, and is over soon.
pub(crate) fn short_budget(limits: &mut Limits) {
    limits.response_budget = Duration::from_millis(50);
    limits.wait = Duration::from_millis(50);
}

/// A delivery on its way: head and body, signed over the body.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn sign(id: &str, body: impl Into<Vec<u8>>) -> Sent {
    let body = body.into();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hex::encode(ring::hmac::sign(&key, &body));
    Sent {
        method: "POST",
        path: "/hooks/in",
        headers: vec![
            ("Content-Type", "application/json".to_owned()),
            ("X-Hub-Signature-256", format!("sha256={tag}")),
            ("X-GitHub-Delivery", id.to_owned()),
            ("X-GitHub-Event", "push".to_owned()),
        ],
        body,
    }
}

impl Sent {
    pub(crate) fn head(&self, framing: &str) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: test\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        format!("{head}{framing}\r\n\r\n")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let head = self.head(&format!("Content-Length: {}", self.body.len()));
        [head.as_bytes(), &self.body].concat()
    }
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(FAR)).unwrap();
        stream.set_write_timeout(Some(FAR)).unwrap();
        Self { stream }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub(crate) fn no_more(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    pub(crate) fn send(&mut self, sent: &Sent) -> Answered {
        self.write(&sent.bytes());
        self.read()
    }

    pub(crate) fn read(&mut self) -> Answered {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            let read = self.stream.read(&mut byte).unwrap();
            assert_eq!(read, 1, "closed without an answer");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let mut answered = Answered {
            status: status.parse().unwrap(),
            headers: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: Vec::new(),
        };
        let len = answered.header("content-length").unwrap_or("0");
        answered.body = vec![0; len.parse().unwrap()];
        self.stream.read_exact(&mut answered.body).unwrap();
        answered
    }

    /// Whether the server ends the connection without another word.
    pub(crate) fn is_closed_by_server(&mut self) -> bool {
        match self.stream.read(&mut [0; 64]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is repeated");
        value
    }

    /// The status and what deduplication made of the delivery.
    pub(crate) fn verdict(&self) -> (u16, Option<&str>) {
        (self.status, self.header("countersign-dedup"))
    }
}

/// A server in a thread of its own, with workers of its own.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    handle: ServerHandle,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    /// Starts what `make` makes: a server bound to the address it gives.
    pub(crate) fn start(make: impl FnOnce() -> (SocketAddr, Server) + Send + 'static) -> Self {
        let (send, receive) = mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let (addr, server) = make();
                send.send((addr, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (addr, handle) = receive.recv().unwrap();
        Self {
            addr,
            handle,
            thread: Some(thread),
        }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    pub(crate) fn send(&self, sent: &Sent) -> Answered {
        self.connect().send(sent)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        System::new().block_on(self.handle.stop(false));
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Starts a server for an app, on two workers unless told otherwise.
#[macro_export]
macro_rules! serve {
    ($app:expr) => {
        $crate::serve!($app, |server| server.workers(2))
    };
    ($app:expr, |$server:ident| $with:expr) => {{
        let app = $app;
        $crate::support::Running::start(move || {
            let $server = ::actix_web::HttpServer::new(app).disable_signals();
            let server = $with.bind(("127.0.0.1", 0)).unwrap();
            (server.addrs()[0], server.run())
        })
    }};
}

/// Starts a server with the middleware in the given place around [`on_delivery`].
#[macro_export]
macro_rules! serve_at {
    ($place:expr, $receiver:expr, $probe:expr, |$server:ident| $with:expr) => {{
        use ::actix_web::{App, web};
        use $crate::support::on_delivery;
        let (receiver, probe) = (
            $receiver.clone(),
            ::actix_web::web::Data::new($probe.clone()),
        );
        let wrap = move || ::countersign_actix::ReceiverMiddleware::new(&receiver);
        // Data beside the app's, because the routers also keep that in the request.
        let inner = || {
            web::resource("/in")
                .app_data(web::Data::new(7_u8))
                .to(on_delivery)
        };
        let outer = || web::resource("/hooks/in").app_data(web::Data::new(7_u8));
        match $place {
            $crate::support::Place::App => $crate::serve!(
                move || App::new()
                    .app_data(probe.clone())
                    .wrap(wrap())
                    .service(web::scope("/hooks").service(inner())),
                |$server| $with
            ),
            $crate::support::Place::Scope => $crate::serve!(
                move || App::new()
                    .app_data(probe.clone())
                    .service(web::scope("/hooks").wrap(wrap()).service(inner())),
                |$server| $with
            ),
            $crate::support::Place::Resource => $crate::serve!(
                move || App::new()
                    .app_data(probe.clone())
                    .service(outer().wrap(wrap()).to(on_delivery)),
                |$server| $with
            ),
            $crate::support::Place::Route => $crate::serve!(
                move || App::new()
                    .app_data(probe.clone())
                    .service(outer().route(web::route().to(on_delivery).wrap(wrap()))),
                |$server| $with
            ),
        }
    }};
    ($place:expr, $receiver:expr, $probe:expr) => {
        $crate::serve_at!($place, $receiver, $probe, |server| server.workers(2))
    };
}

type Act = dyn Fn(HttpRequest) -> Pin<Box<dyn Future<Output = HttpResponse>>> + Send + Sync;

/// What [`on_delivery`] does and tells.
#[derive(Clone)]
pub(crate) struct Probe {
    act: Arc<Act>,
    runs: Arc<AtomicUsize>,
    started: mpsc::Sender<Run>,
    ended: mpsc::Sender<()>,
}

/// A run of the handler.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) proved: Bytes,
    pub(crate) read: Bytes,
    pub(crate) worker: thread::ThreadId,
}

/// The test's end of a [`Probe`].
pub(crate) struct Seen {
    runs: Arc<AtomicUsize>,
    started: mpsc::Receiver<Run>,
    ended: mpsc::Receiver<()>,
}

impl Probe {
    pub(crate) fn new<F, Fut>(act: F) -> (Self, Seen)
    where
        F: Fn(HttpRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = HttpResponse> + 'static,
    {
        let runs = Arc::new(AtomicUsize::new(0));
        let ((started, sees_start), (ended, sees_end)) = (mpsc::channel(), mpsc::channel());
        let seen = Seen {
            runs: Arc::clone(&runs),
            started: sees_start,
            ended: sees_end,
        };
        let act = Arc::new(move |request| Box::pin(act(request)) as Pin<Box<_>>);
        let probe = Self {
            act,
            runs,
            started,
            ended,
        };
        (probe, seen)
    }

    /// A handler that answers at once.
    pub(crate) fn ok() -> (Self, Seen) {
        Self::new(async |_| HttpResponse::Ok().body("handled"))
    }

    /// A handler that answers once the gate has a permit for it.
    pub(crate) fn held() -> (Self, Seen, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        let opens = Arc::clone(&gate);
        let (probe, seen) = Self::new(move |_| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                HttpResponse::Ok().body("handled")
            }
        });
        (probe, seen, opens)
    }
}

impl Seen {
    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// Waits for a handler to begin.
    pub(crate) fn start(&self) -> Run {
        self.started.recv_timeout(FAR).unwrap()
    }

    /// Waits for a handler to end.
    pub(crate) fn end(&self) {
        self.ended.recv_timeout(FAR).unwrap();
    }
}

pub(crate) async fn on_delivery(
    delivery: Delivery,
    read: Bytes,
    request: HttpRequest,
    probe: Data<Probe>,
) -> HttpResponse {
    probe.runs.fetch_add(1, Ordering::SeqCst);
    let _unheard = probe.started.send(Run {
        proved: delivery.event().bytes().clone(),
        read,
        worker: thread::current().id(),
    });
    let response = (probe.act)(request).await;
    let _unheard = probe.ended.send(());
    response
}

/// Waits until no handler runs and every claim is settled.
pub(crate) fn settled(receiver: &Receiver) {
    let deadline = Instant::now() + FAR;
    while receiver.running() > 0 {
        assert!(Instant::now() < deadline, "a handler is still running");
        thread::yield_now();
    }
}
