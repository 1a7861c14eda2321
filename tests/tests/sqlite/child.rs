//! This test binary as another process, which is killed or ends while others run.

use core::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::AtomicBool,
        mpsc::{Receiver, channel},
    },
    thread,
};

use countersign_core::{Claim, ClaimRequest, DedupStore, Owner};
use countersign_sqlite::{SqliteStore, Synchronous};
use countersign_tests::claims::AboutOne;

use crate::help::{DAY, key};

const PATH: &str = "COUNTERSIGN_SQLITE_PATH";
const WORK: &str = "COUNTERSIGN_SQLITE_WORK";
/// Aliases of deliveries are numbered from here.
pub(crate) const ALIASES: usize = 10_000_000;

/// What a process does with deliveries `first..last`.
pub(crate) struct Work {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) handler: Duration,
    /// Goes over them again and again until it is told to end.
    pub(crate) again: bool,
}

/// Something that a process said before it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Opened,
    /// The claim of a delivery was acknowledged, and its handler begins.
    Run(usize),
    /// Its completion was acknowledged.
    Done(usize),
    /// Nothing is left to do.
    Ended,
}

pub(crate) struct Process {
    child: Child,
    pub(crate) said: Receiver<Said>,
}

impl Process {
    pub(crate) fn start(database: &Path, work: &Work) -> Self {
        let Work {
            first,
            last,
            handler,
            again,
        } = work;
        let work = format!(
            "{first} {last} {} {}",
            handler.as_micros(),
            u8::from(*again)
        );
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "child::works_as_it_is_told",
                "--ignored",
                "--nocapture",
            ])
            .env(PATH, database)
            .env(WORK, work)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let (send, said) = channel();
        thread::spawn(move || {
            for said in lines(output) {
                if send.send(said).is_err() {
                    return;
                }
            }
        });
        Self { child, said }
    }

    /// `kill -9`, and what it had said by then.
    pub(crate) fn kill(mut self) -> Vec<Said> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said.iter().collect()
    }

    /// Has it finish what it began, and hears it out.
    pub(crate) fn end(mut self) -> Vec<Said> {
        drop(self.child.stdin.take());
        let said = self.said.iter().collect();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

fn lines(output: ChildStdout) -> impl Iterator<Item = Said> {
    BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| {
            let (_, said) = line.split_once("said ")?;
            let (what, n) = said.split_once(' ')?;
            let n = n.strip_suffix('.')?.parse().ok()?;
            Some(match what {
                "opened" => Said::Opened,
                "run" => Said::Run(n),
                "done" => Said::Done(n),
                _ => Said::Ended,
            })
        })
}

fn say(what: &str, n: usize) {
    // In one write, so that a kill leaves whole lines or none.
    let line = format!("said {what} {n}.\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

#[test]
#[ignore = "a process of other tests"]
fn works_as_it_is_told() {
    let (Ok(path), Ok(work)) = (env::var(PATH), env::var(WORK)) else {
        return;
    };
    let work: Vec<usize> = work.split(' ').map(|n| n.parse().unwrap()).collect();
    let &[first, last, micros, again] = work.as_slice() else {
        panic!("{work:?}");
    };
    let told_to_end = Arc::new(AtomicBool::new(false));
    let listener = Arc::clone(&told_to_end);
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        listener.store(true, Ordering::SeqCst);
    });
    let store = SqliteStore::builder(path)
        .synchronous(Synchronous::Normal)
        .open()
        .unwrap();
    say("opened", 0);
    let next = Arc::new(AtomicUsize::new(first));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let (store, next, told) = (store.clone(), Arc::clone(&next), Arc::clone(&told_to_end));
            tasks.spawn(async move {
                while !told.load(Ordering::SeqCst) {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= last && again == 0 {
                        return;
                    }
                    let n = first + (at - first) % (last - first);
                    deliver(&store, n, Duration::from_micros(micros as u64)).await;
                }
            });
        }
        tasks.join_all().await;
        say("ended", 0);
        while !told_to_end.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        store.close().await;
    });
}

async fn deliver(store: &SqliteStore, n: usize, handler: Duration) {
    let owner = Owner::from_u128(u128::from(std::process::id()) << 64 | n as u128);
    let aliases = [key(ALIASES + n)];
    let lease = Duration::from_secs(600);
    let request = ClaimRequest::new(key(n), owner, lease).about_one(&aliases);
    match store.claim(request).await {
        Ok(Claim::Claimed(claimed)) => {
            say("run", n);
            tokio::time::sleep(handler).await;
            let _ = store.complete(&key(n), claimed.fence, DAY).await.unwrap();
            say("done", n);
        }
        Ok(Claim::InFlight { .. }) => tokio::time::sleep(Duration::from_millis(1)).await,
        Ok(_) => {}
        Err(error) => panic!("{error:?}"),
    }
}
