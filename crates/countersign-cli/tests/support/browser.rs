//! Chromium, driven through its own driver.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, WebDriver};

/// One browser at a time: a test waits for pictures, and not for the other tests.
static ONE: Mutex<()> = Mutex::new(());

const PATIENCE: Duration = Duration::from_secs(20);

pub struct Browser {
    pub driver: WebDriver,
    server: Child,
    address: String,
    _profile: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// None where there is no browser, unless one is required.
    pub async fn start() -> Option<Self> {
        let turn = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = |name: &str| {
            let paths = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&paths).any(|folder| folder.join(name).is_file())
        };
        if !is_there("chromium") || !is_there("chromedriver") {
            assert!(
                std::env::var_os("COUNTERSIGN_REQUIRE_SERVERS").is_none(),
                "there is no browser: apt-get install chromium chromium-driver"
            );
            eprintln!("left out: there is no chromium with its driver");
            return None;
        }
        let profile = TempDir::new().unwrap();
        let mut server = Command::new("chromedriver")
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
        let port = port.unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        wanted.set_binary("/usr/bin/chromium").unwrap();
        let folder = format!("--user-data-dir={}", profile.path().display());
        for arg in [
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
            &folder,
        ] {
            wanted.add_arg(arg).unwrap();
        }
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted)
            .await
            .unwrap();
        Some(Self {
            driver,
            server,
            address: format!("127.0.0.1:{port}"),
            _profile: profile,
            _turn: turn,
        })
    }

    /// Runs a script in the page.
    pub async fn run(&self, script: &str) -> Value {
        let ran = self.driver.execute(script, Vec::<Value>::new()).await;
        ran.unwrap().json().clone()
    }

    /// Waits until a script gives true.
    pub async fn until(&self, script: &str) {
        let end = Instant::now() + PATIENCE;
        while self.run(script).await != json!(true) {
            if Instant::now() > end {
                let text = self.run("return document.body.innerText").await;
                panic!("it does not become true: {script}\n{text}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the page shows as text.
    pub async fn text(&self, selector: &str) -> String {
        let script = format!(
            "return document.querySelector({}).innerText",
            json!(selector)
        );
        self.run(&script)
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub async fn prefer(&self, scheme: &str) {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        let tools = self.driver.cdp();
        tools
            .send_raw("Emulation.setEmulatedMedia", media)
            .await
            .unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver's own end would wait for a runtime that may be the one that it stops.
        let session = format!("/session/{}", self.driver.handle().session_id());
        if self.driver.clone().leak().is_ok() {
            super::http::ask(&self.address, "DELETE", &session, &[], b"");
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
