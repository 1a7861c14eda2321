//! A private Postgres server: a fresh cluster on a free loopback port, gone when it is dropped.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, Error},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use countersign_postgres::{
    deadpool_postgres::{Manager, Pool},
    tokio_postgres::{Config, NoTls},
};

use crate::engines::binary;

const PACKAGE: &str = "postgresql";
const PATIENCE: Duration = Duration::from_secs(30);

/// A server and its data directory.
#[derive(Debug)]
pub struct PostgresServer {
    postgres: PathBuf,
    folder: PathBuf,
    /// Who runs it: Postgres refuses to be run by root.
    user: Option<(u32, u32)>,
    port: u16,
    child: Mutex<Option<Child>>,
}

impl PostgresServer {
    /// A server of one's own. `None` when Postgres is not installed.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let initdb = binary("initdb", PACKAGE)?;
        let postgres = binary("postgres", PACKAGE)?;
        let folder = new_folder().unwrap();
        let user = owner_for(&folder).unwrap();
        let server = Self {
            postgres,
            folder,
            user,
            port: free_port().unwrap(),
            child: Mutex::default(),
        };
        let output = server
            .command(&initdb)
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .args(["--no-sync", "--no-instructions", "-D"])
            .arg(server.data())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        server.resume();
        Some(server)
    }

    /// A server that tests of this process share. It ends with the last of them.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// How to reach it.
    #[must_use]
    pub fn config(&self) -> Config {
        Self::config_at(self.addr())
    }

    fn config_at(addr: SocketAddr) -> Config {
        let mut config = Config::new();
        config
            .host(addr.ip().to_string())
            .port(addr.port())
            .user("postgres")
            .dbname("postgres");
        config
    }

    /// How to reach it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Connections to it, made as they are needed.
    ///
    /// # Panics
    ///
    /// Never: it is a pool without limits of time.
    #[must_use]
    pub fn pool(&self, size: usize) -> Pool {
        Self::pool_at(self.addr(), size)
    }

    /// Connections to whatever stands at an address before such a server.
    ///
    /// # Panics
    ///
    /// Never: it is a pool without limits of time.
    #[must_use]
    pub fn pool_at(addr: SocketAddr, size: usize) -> Pool {
        let manager = Manager::new(Self::config_at(addr), NoTls);
        Pool::builder(manager).max_size(size).build().unwrap()
    }

    /// Kills it as a crash would.
    ///
    /// # Panics
    ///
    /// When it does not run.
    pub fn kill(&self) {
        let mut child = self.child().take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it, or starts it again, and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it does not answer in half a minute.
    pub fn resume(&self) {
        let begin = Instant::now();
        // After a crash, processes of the old server may need a moment to notice.
        while begin.elapsed() < PATIENCE {
            let log = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(self.log())
                .unwrap();
            let mut child = self
                .command(&self.postgres)
                .arg("-D")
                .arg(self.data())
                .args(["-p", &self.port.to_string()])
                .args([
                    "-c",
                    "listen_addresses=127.0.0.1",
                    "-c",
                    "unix_socket_directories=",
                ])
                .args(["-c", "max_connections=120"])
                .stderr(log)
                .spawn()
                .unwrap();
            while child.try_wait().unwrap().is_none() && begin.elapsed() < PATIENCE {
                if self.answers(&child) {
                    *self.child() = Some(child);
                    return;
                }
                sleep(Duration::from_millis(20));
            }
            let _already_gone = child.kill();
            let _ended = child.wait();
            sleep(Duration::from_millis(50));
        }
        panic!(
            "no answer: {}",
            fs::read_to_string(self.log()).unwrap_or_default()
        );
    }

    /// Whether this process takes connections: it writes so into its data directory, and so did one
    /// that was killed.
    fn answers(&self, child: &Child) -> bool {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = file.lines().map(str::trim);
        lines.next() == Some(child.id().to_string().as_str()) && lines.nth(6) == Some("ready")
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .env_remove("PGDATA");
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child().take() {
            // The server ends its processes when it is asked to quit, not when it is killed.
            let _asked = self
                .command("kill")
                .args(["-QUIT", &child.id().to_string()])
                .status();
            let _ended = child.wait();
        }
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

fn new_folder() -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("countersign-postgres-{}-{next}", std::process::id());
    let folder = env::temp_dir().join(name);
    fs::create_dir(&folder)?;
    Ok(folder)
}

/// Who is to run the server when the tests are run by root. The folder becomes theirs.
fn owner_for(folder: &Path) -> io::Result<Option<(u32, u32)>> {
    if fs::metadata(folder)?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let ids = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map_while(|id| id.parse().ok());
        Some((ids.next()?, ids.next()?))
    };
    let (user, group) = ids("postgres")
        .or_else(|| ids("nobody"))
        .ok_or_else(|| Error::other("no user to run Postgres as"))?;
    chown(folder, Some(user), Some(group))?;
    Ok(Some((user, group)))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
