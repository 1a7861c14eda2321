//! Batches that overlap, at once, in three processes on one engine.
//!
//! Where an engine is not installed its test says so and passes; `COUNTERSIGN_REQUIRE_SERVERS=1` makes it
//! fail instead.

use core::time::Duration;
use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, Stdio},
};

use countersign_core::{DedupStore, DeliveryKey, KeyState, Receiver};
use countersign_postgres::PostgresStore;
use countersign_redis::{RedisStore, redis};
use countersign_testkit::Sender;
use countersign_tests::{
    handler::TestHandler,
    kit::{Tested, in_time},
    postgres_server::PostgresServer,
    raw::Request,
    redis_server::{self, RedisServer},
    servers::{PATH, Place},
};
use futures_util::future::join_all;

use crate::{HUBSPOT, items};

const REDIS: &str = "COUNTERSIGN_BATCHES_REDIS";
const POSTGRES: &str = "COUNTERSIGN_BATCHES_POSTGRES";
/// Set, handlers that are told to wait do not.
const OPEN: &str = "COUNTERSIGN_BATCHES_OPEN";
/// The lease of all processes.
const LEASE: Duration = Duration::from_secs(1);
/// What a process says.
const SERVES: &str = "serves ";
const RAN: &str = "ran ";

fn sender() -> Sender {
    Sender::with_secret(HUBSPOT, "of-three-processes")
}

/// This test binary as another process, which serves until its input ends.
struct Process {
    child: Child,
    said: BufReader<ChildStdout>,
    addr: SocketAddr,
}

impl Process {
    fn start(variable: &str, engine: SocketAddr) -> Self {
        Self::start_with(variable, engine, &[])
    }

    fn start_with(variable: &str, engine: SocketAddr, more: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "processes::serves_until_its_input_ends"])
            .args(["--ignored", "--nocapture"])
            .env(variable, engine.to_string())
            .envs(more.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let addr = loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "it does not serve");
            if let Some((_, addr)) = line.trim_end().split_once(SERVES) {
                break addr.parse().unwrap();
            }
        };
        Self { child, said, addr }
    }

    /// `kill -9`.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Has it end, and says what its handler ran.
    fn end(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        let lines = self.said.lines().map(Result::unwrap);
        let ran = lines.filter_map(|line| Some(line.split_once(RAN)?.1.to_owned()));
        let ran = ran.collect();
        assert!(self.child.wait().unwrap().success());
        ran
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the tests as a process of its own"]
async fn serves_until_its_input_ends() {
    let at = |variable| {
        env::var(variable)
            .ok()
            .map(|at| at.parse::<SocketAddr>().unwrap())
    };
    if let Some(at) = at(REDIS) {
        let client = redis_server::client(at).unwrap();
        let manager = redis::aio::ConnectionManager::new(client).await.unwrap();
        serve(RedisStore::new(manager)).await;
    } else if let Some(at) = at(POSTGRES) {
        serve(PostgresStore::new(PostgresServer::pool_at(at, 8))).await;
    }
}

#[allow(clippy::print_stdout, reason = "the process's one way to tell")]
async fn serve(store: impl DedupStore) {
    let receiver = Receiver::builder(HUBSPOT)
        .endpoint("three")
        .secret(sender().secret().unwrap())
        .store(store)
        .limits(|limits| limits.lease = LEASE)
        .build()
        .unwrap();
    let desk = TestHandler::default();
    if env::var_os(OPEN).is_some() {
        desk.open(1_000);
    }
    let addr = Place::AxumMethodRouter
        .start(&receiver, &desk)
        .await
        .unwrap();
    println!("{SERVES}{addr}");
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    ended.await.unwrap().unwrap();
    receiver.drain(Duration::from_secs(20)).await;
    for (id, _) in desk.runs() {
        println!("{RAN}{id}");
    }
}

/// Sends a request until it is answered with a success.
async fn insist(to: SocketAddr, request: Request) -> std::io::Result<()> {
    for _ in 0..1_000 {
        if request.send(to).await?.status == 200 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(std::io::ErrorKind::TimedOut.into())
}

/// Kills a process within the sixth item of ten.
async fn what_is_done_stays_done(
    store: &impl DedupStore,
    variable: &str,
    engine: SocketAddr,
) -> Tested {
    let body = items(0..10, &[(5, "do:wait")]).to_string();
    let request = Request::of(&sender().raw("", "", body).to(PATH));
    let first = Process::start(variable, engine);
    let stream = request.begin(first.addr).await?;
    let sixth = DeliveryKey::for_id("three", None, "5");
    let looking = async {
        while !matches!(store.state(&sixth).await, Ok(KeyState::InFlight { .. })) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(looking).await;
    first.kill();
    drop(stream);
    let second = Process::start_with(variable, engine, &[(OPEN, "1")]);
    insist(second.addr, request).await?;
    // Those behind it at once, and itself when its lease has ended.
    let mut ran = second.end();
    ran.sort();
    assert_eq!(ran, ["5", "6", "7", "8", "9"]);
    Ok(())
}

/// Sends a hundred items, of which one fails the first time in each process, to one process after the other.
async fn only_the_item_that_failed_runs_elsewhere(variable: &str, engine: SocketAddr) -> Tested {
    let processes: Vec<Process> = (0..3).map(|_| Process::start(variable, engine)).collect();
    let body = items(0..100, &[(37, "do:once-fail")]).to_string();
    let request = Request::of(&sender().raw("", "", body).to(PATH));
    let mut said = Vec::new();
    for process in processes.iter().chain(&processes[..2]) {
        let response = request.send(process.addr).await?;
        let dedup = response.header("countersign-dedup").map(str::to_owned);
        said.push((response.status, dedup));
    }
    let unfinished = (503, None);
    let done = |dedup: &str| (200, Some(dedup.to_owned()));
    let due = [
        unfinished.clone(),
        unfinished.clone(),
        unfinished,
        done("fresh"),
        done("duplicate"),
    ];
    assert_eq!(said, due);
    let mut ran: Vec<Vec<String>> = processes.into_iter().map(Process::end).collect();
    let all = (0..100).chain([37]).map(|id: u32| id.to_string());
    assert_eq!(ran.remove(0), all.collect::<Vec<_>>());
    assert_eq!(ran, [["37"], ["37"]]);
    Ok(())
}

/// Sends two batches that overlap to three processes, all at once.
async fn each_item_runs_once(variable: &str, engine: SocketAddr) -> Tested {
    let processes: Vec<Process> = (0..3).map(|_| Process::start(variable, engine)).collect();
    let request = |ids| {
        let body = items(ids, &[]).to_string();
        Request::of(&sender().raw("", "", body).to(PATH))
    };
    let (first, second) = (request(0..60), request(30..90));
    let sent = processes.iter().flat_map(|process| {
        [first.clone(), second.clone()].map(|request| insist(process.addr, request))
    });
    for answered in join_all(sent).await {
        answered?;
    }
    let mut ran = BTreeMap::<String, u32>::new();
    let mut shares = Vec::new();
    for process in processes {
        let of_process = process.end();
        shares.push(of_process.len());
        for id in of_process {
            *ran.entry(id).or_default() += 1;
        }
    }
    let due: BTreeMap<String, u32> = (0..90).map(|id: u32| (id.to_string(), 1)).collect();
    assert_eq!(ran, due, "{shares:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_batches_run_each_item_once_over_redis() -> Tested {
    match RedisServer::start(&[])? {
        Some(server) => each_item_runs_once(REDIS, server.addr()).await,
        None => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_batches_run_each_item_once_over_postgres() -> Tested {
    let Some(server) = PostgresServer::start() else {
        return Ok(());
    };
    PostgresStore::new(server.pool(1)).migrate().await?;
    each_item_runs_once(POSTGRES, server.addr()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_items_one_runs_again_elsewhere_over_redis() -> Tested {
    match RedisServer::start(&[])? {
        Some(server) => only_the_item_that_failed_runs_elsewhere(REDIS, server.addr()).await,
        None => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_items_one_runs_again_elsewhere_over_postgres() -> Tested {
    let Some(server) = PostgresServer::start() else {
        return Ok(());
    };
    PostgresStore::new(server.pool(1)).migrate().await?;
    only_the_item_that_failed_runs_elsewhere(POSTGRES, server.addr()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_within_a_batch_leaves_what_is_done_over_redis() -> Tested {
    let Some(server) = RedisServer::start(&[])? else {
        return Ok(());
    };
    let client = redis_server::client(server.addr())?;
    let store = RedisStore::new(redis::aio::ConnectionManager::new(client).await?);
    what_is_done_stays_done(&store, REDIS, server.addr()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_within_a_batch_leaves_what_is_done_over_postgres() -> Tested {
    let Some(server) = PostgresServer::start() else {
        return Ok(());
    };
    let store = PostgresStore::new(server.pool(2));
    store.migrate().await?;
    what_is_done_stays_done(&store, POSTGRES, server.addr()).await
}
