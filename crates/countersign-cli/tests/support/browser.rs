//! Chromium, driven through its own driver.
//!
//! The driver speaks HTTP and JSON, and a test asks it for ten things, so there is no crate for it here: one needs
//! a licence that this workspace does not take, and another orders the JSON of the command that is tested.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::ask;

/// One browser at a time: a test waits for pictures, and not for the other tests.
static ONE: Mutex<()> = Mutex::new(());

const PATIENCE: Duration = Duration::from_secs(30);

/// The keys that are no letters (WebDriver, section 17.4.2).
pub const ENTER: &str = "\u{e007}";
pub const ESCAPE: &str = "\u{e00c}";
pub const END: &str = "\u{e010}";
pub const DOWN: &str = "\u{e015}";

pub struct Browser {
    server: Child,
    address: String,
    /// `/session/..`
    session: String,
    _profile: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// None where there is no browser, unless one is required.
    pub fn start() -> Option<Self> {
        let turn = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |name: &str| {
            let paths = std::env::var_os("PATH").unwrap_or_default();
            let mut places = std::env::split_paths(&paths).map(|folder| folder.join(name));
            places.find(|place| place.is_file())
        };
        let (Some(chromium), Some(chromedriver)) = (find("chromium"), find("chromedriver")) else {
            assert!(
                std::env::var_os("COUNTERSIGN_REQUIRE_SERVERS").is_none(),
                "there is no browser: apt-get install chromium chromium-driver"
            );
            eprintln!("left out: there is no chromium with its driver");
            return None;
        };
        let profile = TempDir::new().unwrap();
        let mut server = Command::new(chromedriver)
            .arg("--port=0")
            .env("HOME", profile.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let mut browser = Self {
            server,
            address: format!("127.0.0.1:{}", port.unwrap()),
            session: "/session".to_owned(),
            _profile: profile,
            _turn: turn,
        };
        let folder = format!("--user-data-dir={}", browser._profile.path().display());
        let options = json!({
            "binary": chromium,
            "args": [
                "--headless=new",
                // Chromium refuses to run as root with it.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--force-device-scale-factor=1",
                "--window-size=1180,800",
                "--host-resolver-rules=MAP rebound.example 127.0.0.1",
                folder,
            ],
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
        } } });
        let made = browser.tell("POST", "", &wanted);
        browser.session = format!("/session/{}", made["sessionId"].as_str().unwrap());
        Some(browser)
    }

    fn tell(&self, method: &str, what: &str, with: &Value) -> Value {
        let target = format!("{}{what}", self.session);
        let body = if method == "POST" {
            with.to_string()
        } else {
            String::new()
        };
        let json = [("content-type", "application/json")];
        let answer = ask(&self.address, method, &target, &json, body.as_bytes());
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status(), 200, "{what} {with}: {said}");
        said["value"].clone()
    }

    pub fn open(&self, url: &str) {
        self.tell("POST", "/url", &json!({ "url": url }));
    }

    /// Runs a script in the page.
    pub fn run(&self, script: &str) -> Value {
        self.tell(
            "POST",
            "/execute/sync",
            &json!({ "script": script, "args": [] }),
        )
    }

    /// Runs one that calls its last argument when it is done.
    pub fn run_until_done(&self, script: &str) -> Value {
        self.tell(
            "POST",
            "/execute/async",
            &json!({ "script": script, "args": [] }),
        )
    }

    /// Waits until a script gives true.
    pub fn until(&self, script: &str) {
        let end = Instant::now() + PATIENCE;
        while self.run(script) != true {
            if Instant::now() > end {
                let text = self.run("return document.body.innerText");
                panic!("it does not become true: {script}\n{text}");
            }
            thread::yield_now();
        }
    }

    /// What the page shows as text.
    pub fn text(&self, selector: &str) -> String {
        let script = format!(
            "return document.querySelector({}).innerText",
            json!(selector)
        );
        self.run(&script).as_str().unwrap_or_default().to_owned()
    }

    fn element(&self, selector: &str) -> String {
        let asked = json!({ "using": "css selector", "value": selector });
        let found = self.tell("POST", "/element", &asked);
        let id = found.as_object().unwrap().values().next().unwrap();
        format!("/element/{}", id.as_str().unwrap())
    }

    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.tell("POST", &format!("{element}/click"), &json!({}));
    }

    pub fn press(&self, selector: &str, keys: &str) {
        let element = self.element(selector);
        self.tell(
            "POST",
            &format!("{element}/value"),
            &json!({ "text": keys }),
        );
    }

    pub fn prefer(&self, scheme: &str) {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": media });
        self.tell("POST", "/goog/cdp/execute", &command);
    }

    /// What is seen, as PNG.
    pub fn picture(&self) -> Vec<u8> {
        let picture = self.tell("GET", "/screenshot", &json!({}));
        STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if self.session != "/session" {
            ask(&self.address, "DELETE", &self.session, &[], b"");
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
