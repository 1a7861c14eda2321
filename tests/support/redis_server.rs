//! A private Redis server on loopback that ends with the value.

use std::{
    env, fs, io,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use countersign_redis::redis::Client;

use crate::engines;

/// A server of this test's own, with its files in a folder of its own.
#[derive(Debug)]
pub struct RedisServer {
    binary: PathBuf,
    options: Vec<String>,
    folder: PathBuf,
    addr: SocketAddr,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts a server that persists nothing, with more options as on its command line. `None` when
    /// there is no such program.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start(options: &[&str]) -> io::Result<Option<Self>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let Some(binary) = engines::binary("redis-server", "redis-server") else {
            return Ok(None);
        };
        let name = format!(
            "countersign-redis-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        let mut server = Self {
            binary,
            options: options.iter().map(|&option| option.to_owned()).collect(),
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
        format!("redis://{}/", self.addr)
    }

    /// A client of it.
    ///
    /// # Errors
    ///
    /// Never, as the address is one.
    pub fn client(&self) -> io::Result<Client> {
        client(self.addr)
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
            .args(["--bind", "127.0.0.1", "--port"])
            .arg(self.addr.port().to_string())
            .args(["--save", "", "--dir"])
            .arg(&self.folder)
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let child = self.child.insert(child);
        let begin = Instant::now();
        while TcpStream::connect(self.addr).is_err() {
            if let Some(status) = child.try_wait()? {
                return Err(io::Error::other(format!("redis-server ended: {status}")));
            }
            if begin.elapsed() > Duration::from_secs(20) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A client of the server at an address.
///
/// # Errors
///
/// Never, as the address is one.
pub fn client(addr: SocketAddr) -> io::Result<Client> {
    Client::open(format!("redis://{addr}/")).map_err(io::Error::other)
}
