//! `countersign listen` as a process.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use countersign_core::Scheme;
use countersign_senders::rebill_za;
use countersign_testkit::{Sender, SignedDelivery};
use serde_json::Value;

use super::{
    Place, SECRET,
    http::{Message, ask},
    schema,
};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Desk {
    child: Child,
    lines: Receiver<String>,
    /// Everything that came so far.
    pub said: Vec<Value>,
    pub address: String,
    pub inspector: String,
}

/// What a listener left.
pub struct Ended {
    pub code: Option<i32>,
    pub said: Vec<Value>,
    pub err: String,
}

impl Desk {
    pub fn start(place: &Place, args: &[&str]) -> Self {
        let mut command = place.command(&[]);
        command.args(["listen", "--json", "--captures", "captures.db"]);
        if !args.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.args(args).env("COUNTERSIGN_SECRET", SECRET);
        Self::of(command)
    }

    pub fn of(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in out.lines() {
                let Ok(line) = line else { return };
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let mut desk = Self {
            child,
            lines,
            said: Vec::new(),
            address: String::new(),
            inspector: String::new(),
        };
        let ready = desk.until("ready", |_| true);
        let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        desk.address = text("address").trim_start_matches("http://").to_owned();
        desk.inspector = text("inspector");
        desk
    }

    /// Waits for a line with this in it, and gives that part of it.
    pub fn until(&mut self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let known = self
            .said
            .iter()
            .find(|said| said.get(what).is_some_and(&is));
        if let Some(known) = known {
            return known[what].clone();
        }
        let end = Instant::now() + PATIENCE;
        while let Ok(line) = self
            .lines
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            let said = self.hear(&line);
            if let Some(part) = said.get(what).filter(|part| is(part)) {
                return part.clone();
            }
        }
        let mut err = String::new();
        let _ = self.child.kill();
        let _ = self.child.stderr.take().unwrap().read_to_string(&mut err);
        panic!("nothing said {what}: {:?} {err}", self.said)
    }

    /// The capture of this number, once it has its answer.
    pub fn delivery(&mut self, number: i64) -> Value {
        self.until("delivery", |delivery| delivery["number"] == number)
    }

    fn hear(&mut self, line: &str) -> Value {
        let said: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if let Err(error) = schema().validate(&said) {
            panic!("{error}: {said}");
        }
        self.said.push(said.clone());
        said
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status();
        assert!(status.unwrap().success());
    }

    /// Ends it as Ctrl-C does.
    pub fn stop(self) -> Ended {
        self.signal("INT");
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        let end = Instant::now() + PATIENCE;
        while let Ok(line) = self
            .lines
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            self.hear(&line);
        }
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            assert!(Instant::now() < end, "it does not end: {:?}", self.said);
            thread::yield_now();
        };
        let mut err = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut err).unwrap();
        Ended {
            code,
            said: std::mem::take(&mut self.said),
            err,
        }
    }

    /// Sends a delivery to the listener.
    pub fn send(&self, delivery: &SignedDelivery) -> Message {
        let headers: Vec<(&str, &str)> = delivery
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let body = http_body(delivery);
        ask(&self.address, "POST", delivery.path(), &headers, &body)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The counts that it closed with.
    pub fn count(&self, word: &str) -> u64 {
        let ended = self.said.iter().find_map(|said| said.get("ended"));
        ended.unwrap_or_else(|| panic!("no counts: {:?} {}", self.said, self.err))[word]
            .as_u64()
            .unwrap()
    }

    pub fn deliveries(&self) -> Vec<&Value> {
        self.said
            .iter()
            .filter_map(|said| said.get("delivery"))
            .collect()
    }
}

fn http_body(delivery: &SignedDelivery) -> Vec<u8> {
    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;
    // The test kit's body is one chunk, which is there.
    let body = delivery.request().into_body().collect().now_or_never();
    body.unwrap().unwrap().to_bytes().to_vec()
}

/// Somebody who signs with the secret of [`Desk::start`].
pub fn sender() -> Sender {
    sender_of(rebill_za::SCHEME)
}

pub fn sender_of(scheme: Scheme) -> Sender {
    Sender::with_secret(scheme, SECRET)
}
