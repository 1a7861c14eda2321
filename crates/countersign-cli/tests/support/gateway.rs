//! A gateway as a process, an upstream that does as it is told, and a plain client.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use countersign_testkit::SignedDelivery;
use serde_json::Value;

use super::{Place, SECRET};

/// The secret of the gateway's own.
pub const KEY: &str = "whsec_c2VydmljZXMta25vdy1tZS1ieS10aGlzLWtleQ==";
/// Nothing here takes longer, unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running gateway, killed with the test.
pub struct Gateway {
    child: Child,
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    lines: Receiver<String>,
    pub told: Vec<String>,
}

impl Gateway {
    /// Starts it with this file, and waits until it is ready.
    pub fn start(place: &Place, file: &str) -> Self {
        let mut child = place
            .command(&["serve", "--json", "--config", file])
            .env("GATEWAY_SECRET", KEY)
            .env("SENDER_SECRET", SECRET)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines(child.stderr.take().unwrap());
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            panic!("{line}{:?}", lines.iter().collect::<Vec<_>>());
        };
        let address = |key: &str| ready[key].as_str().unwrap().parse().unwrap();
        Self {
            listen: address("listen"),
            admin: address("admin"),
            child,
            lines,
            told: vec![line],
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.unwrap().success());
    }

    /// Waits until standard error says something with these words in it.
    pub fn hear(&mut self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("never said: {words}; {:?}", self.told));
            self.told.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Closes standard error, once the next line was written to it.
    pub fn turn_away(&mut self) {
        self.lines = channel().1;
    }

    pub fn end(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        self.told.extend(self.lines.iter());
        status
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn send(&self, delivery: &SignedDelivery) -> Answer {
        self.try_send(delivery).expect("an answer")
    }

    /// None where the connection ends without an answer.
    pub fn try_send(&self, delivery: &SignedDelivery) -> Option<Answer> {
        post(self.listen, delivery)
    }

    pub fn get(&self, path: &str) -> Answer {
        request(self.admin, "GET", path, &[], b"").unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// An answer of the gateway's.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub fn dedup(&self) -> &str {
        self.header("countersign-dedup").unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    headers(head)
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

pub fn headers(head: &str) -> impl Iterator<Item = (&str, &str)> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
}

/// A delivery over a connection of its own.
pub fn post(to: SocketAddr, delivery: &SignedDelivery) -> Option<Answer> {
    let headers: Vec<_> = delivery
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    request(to, "POST", delivery.path(), &headers, delivery.body())
}

/// One request over a connection of its own.
pub fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Answer> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: gateway.example\r\ncontent-length: {}\r\n",
        body.len()
    );
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("connection"))
    {
        head.push_str("connection: close\r\n");
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head.push_str("\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
    let message = Message::read(&mut BufReader::new(stream))?;
    let status = message.head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        head: message.head,
        body: message.body,
    })
}

/// A head and a body whose length is told.
#[derive(Clone, Debug)]
pub struct Message {
    pub head: String,
    pub body: Vec<u8>,
}

impl Message {
    fn read(stream: &mut impl BufRead) -> Option<Self> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        Some(Self { head, body })
    }
}

/// What an upstream does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Done,
    Status(u16),
    Redirects,
    Hangs,
    DiesMidAnswer,
    Closes,
    /// Answers when the test says so.
    Waits,
}

/// A plain HTTP server that keeps what arrived.
#[derive(Clone)]
pub struct Upstream {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    mode: Mutex<Mode>,
    seen: Mutex<Vec<Message>>,
    done: Mutex<Vec<Message>>,
    arrivals: Mutex<Receiver<()>>,
    arrived: Mutex<Sender<()>>,
    open: Mutex<Receiver<()>>,
    opener: Mutex<Sender<()>>,
}

impl Upstream {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (arrived, arrivals) = channel();
        let (opener, open) = channel();
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            shared: Arc::new(Shared {
                mode: Mutex::new(Mode::Done),
                seen: Mutex::default(),
                done: Mutex::default(),
                arrivals: Mutex::new(arrivals),
                arrived: Mutex::new(arrived),
                open: Mutex::new(open),
                opener: Mutex::new(opener),
            }),
        };
        let server = upstream.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let server = server.clone();
                thread::spawn(move || server.serve(stream.unwrap()));
            }
        });
        upstream
    }

    pub fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// Lets one request go that waits.
    pub fn open(&self) {
        self.shared.opener.lock().unwrap().send(()).unwrap();
    }

    /// Waits until one more request arrived.
    pub fn wait(&self) {
        self.shared
            .arrivals
            .lock()
            .unwrap()
            .recv_timeout(PATIENCE)
            .expect("an arrival");
    }

    /// Whether one more request arrived already.
    pub fn arrived(&self) -> bool {
        self.shared.arrivals.lock().unwrap().try_recv().is_ok()
    }

    /// Everything that arrived whole.
    pub fn seen(&self) -> Vec<Message> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// What was answered with a success.
    pub fn done(&self) -> Vec<Message> {
        self.shared.done.lock().unwrap().clone()
    }

    fn serve(&self, stream: TcpStream) {
        let mut read = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(message) = Message::read(&mut read) {
            let mode = *self.shared.mode.lock().unwrap();
            self.shared.seen.lock().unwrap().push(message.clone());
            let _ = self.shared.arrived.lock().unwrap().send(());
            let answer = match mode {
                Mode::Done | Mode::Waits => {
                    if mode == Mode::Waits {
                        let _ = self.shared.open.lock().unwrap().recv();
                    }
                    self.shared.done.lock().unwrap().push(message);
                    "HTTP/1.1 200 OK\r\ncontent-type: text/x-own\r\nx-internal: 7\r\ncontent-length: 5\r\n\r\ndone\n".to_owned()
                }
                Mode::Status(status) => {
                    format!("HTTP/1.1 {status} Told\r\ncontent-length: 8\r\n\r\ninternal")
                }
                Mode::Redirects => {
                    let to = self.address;
                    format!(
                        "HTTP/1.1 307 There\r\nlocation: http://{to}/elsewhere\r\ncontent-length: 0\r\n\r\n"
                    )
                }
                Mode::Hangs => {
                    let _ = read.read_to_end(&mut Vec::new());
                    return;
                }
                Mode::DiesMidAnswer => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal".to_owned(),
                Mode::Closes => String::new(),
            };
            let _ = stream.write_all(answer.as_bytes());
            if matches!(mode, Mode::DiesMidAnswer | Mode::Closes) {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

/// A file for one endpoint of this sender, with more lines for the endpoint and in place of the store.
pub fn config(upstream: SocketAddr, scheme: &str, store: &str, more: &str) -> String {
    format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nlog = \"debug\"\n[signing]\nsecret_env = \"GATEWAY_SECRET\"\n\
         [store]\n{store}\n[endpoints.first]\npath = \"/hook\"\nscheme = \"{scheme}\"\nsecret_env = \"SENDER_SECRET\"\n\
         upstream = \"http://{upstream}/in\"\n{more}\n"
    )
}
