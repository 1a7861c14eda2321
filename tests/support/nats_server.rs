//! A private NATS server with JetStream on loopback that ends with the value.

use std::{
    env, fs, io,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use countersign_handoff::async_nats::{self, ConnectOptions, jetstream};

use crate::engines;

/// A server of this test's own, with its files in a folder of its own.
#[derive(Debug)]
pub struct NatsServer {
    binary: PathBuf,
    folder: PathBuf,
    addr: SocketAddr,
    child: Option<Child>,
}

impl NatsServer {
    /// Starts a server that keeps streams in files. `None` when there is no such program.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start() -> io::Result<Option<Self>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let Some(binary) = engines::binary("nats-server", "nats-server") else {
            return Ok(None);
        };
        let name = format!(
            "countersign-nats-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        let mut server = Self {
            binary,
            folder,
            addr: TcpListener::bind("127.0.0.1:0")?.local_addr()?,
            child: None,
        };
        server.resume()?;
        Ok(Some(server))
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How to reach it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.addr)
    }

    /// Kills the server, as a crash would.
    ///
    /// # Errors
    ///
    /// When it cannot be killed.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts it again, over the same files.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn resume(&mut self) -> io::Result<()> {
        let child = Command::new(&self.binary)
            .args(["-a", "127.0.0.1", "-js", "-p"])
            .arg(self.addr.port().to_string())
            .arg("-sd")
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let child = self.child.insert(child);
        let begin = Instant::now();
        while TcpStream::connect(self.addr).is_err() {
            if let Some(status) = child.try_wait()? {
                return Err(io::Error::other(format!("nats-server ended: {status}")));
            }
            if begin.elapsed() > Duration::from_secs(20) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A client of the server at an address, or of a proxy before it.
///
/// # Errors
///
/// When it does not answer.
pub async fn context(addr: SocketAddr) -> Result<jetstream::Context, async_nats::ConnectError> {
    let options = ConnectOptions::new().connection_timeout(Duration::from_secs(2));
    let client = options.connect(format!("nats://{addr}")).await?;
    Ok(jetstream::new(client))
}
