//! Processes that are killed, stopped and started over one store, watched from outside.
//!
//! `COUNTERSIGN_ROUNDS` says how often processes are killed; a few times unless told otherwise.

use std::{error::Error, fs, ops::RangeInclusive, path::Path, time::Duration};

use countersign::postgres::tokio_postgres::{self, NoTls};
use countersign_examples::process::{Example, paid};
use countersign_tests::{postgres_server::PostgresServer, redis_server::RedisServer};

type Tested = Result<(), Box<dyn Error>>;

const REBILL: &str = "/webhooks/rebill";
/// The lease of the shared stores, in milliseconds.
const LEASE: u64 = 600;

/// Each of these keeps the machine busy, and has limits of time: they run one by one.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn rounds() -> u64 {
    let set = std::env::var("COUNTERSIGN_ROUNDS").ok();
    set.and_then(|set| set.parse().ok()).unwrap_or(6)
}

/// The lines of an effects file that begin with a word and an id.
fn effects(file: &Path, what: &str, id: &str) -> usize {
    let begin = format!("{what} {id} ");
    let lines = fs::read_to_string(file).unwrap_or_default();
    lines
        .lines()
        .filter(|line| line.starts_with(&begin))
        .count()
}

/// Looks again until something holds; a process is given ten seconds for it.
async fn until(mut holds: impl FnMut() -> bool) -> Tested {
    for _ in 0..2_000 {
        if holds() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err("it never came to hold".into())
}

/// Sends a delivery again and again until it is answered 200, and says how long that took.
async fn insist(example: &Example, id: &str) -> Result<Duration, Box<dyn Error>> {
    let began = std::time::Instant::now();
    for _ in 0..1_000 {
        if example
            .send(&paid(id, REBILL))
            .await
            .is_ok_and(|(status, _)| status == 200)
        {
            return Ok(began.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err("it is never accepted".into())
}

/// When a server is killed.
struct Kill<'a> {
    /// Soon after it wrote this word to its effects file.
    word: &'a str,
    /// Flags that make this moment longer.
    longer: &'a [&'a str],
    /// How often the handler comes to its end, the retry's run included.
    done: RangeInclusive<usize>,
}

/// In the handler, at its end, or while the store is told.
const ANYWHERE: Kill<'_> = Kill {
    word: "start",
    longer: &[],
    done: 1..=2,
};

/// Kills a server, starts another, and lets the sender try again.
async fn kill_and_retry(
    name: &str,
    kill: Kill<'_>,
    flags: &[&str],
    env: &[(&str, &str)],
    within: Duration,
) -> Result<Vec<String>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("effects");
    let lease = LEASE.to_string();
    let mut all = vec!["--handler-ms", "40", "--lease-ms", &lease, "--effects"];
    all.push(file.to_str().ok_or("not UTF-8")?);
    all.extend(flags);
    let Kill { word, longer, done } = kill;
    let slow = [&all, longer].concat();
    let mut ids = Vec::new();
    for round in 0..rounds() {
        let id = format!("dlv_{name}_{word}_{round}");
        let case = format!("{name}, {word}, round {round}");
        let example = Example::start(name, &slow, env)?;
        let (http, delivery) = (example.http.clone(), paid(&id, REBILL));
        let sent = tokio::spawn(async move {
            let _answer = http
                .send(&delivery)
                .await
                .map_err(|error| error.to_string());
        });
        until(|| effects(&file, word, &id) > 0).await?;
        // At different moments.
        tokio::time::sleep(Duration::from_millis(round * 13 % 60)).await;
        example.kill()?;
        sent.await?;

        let example = Example::start(name, &all, env)?;
        let took = insist(&example, &id).await?;
        assert!(took < within, "{case}: {took:?}");
        let runs = effects(&file, "done", &id);
        assert!(done.contains(&runs), "{case}: {runs} done");
        // What is done stays done.
        assert_eq!(
            example.send(&paid(&id, REBILL)).await?,
            (200, "duplicate".into())
        );
        assert_eq!(effects(&file, "done", &id), runs, "{case}");
        example.kill()?;
        ids.push(id);
    }
    Ok(ids)
}

#[tokio::test]
async fn sqlite_survives_kill_9_and_retries_at_once() -> Tested {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("deliveries.db");
    let flags = ["--db", file.to_str().ok_or("not UTF-8")?];
    // Far less than a lease of half a minute, which it is left with here.
    kill_and_retry("axum_sqlite", ANYWHERE, &flags, &[], Duration::from_secs(2)).await?;
    Ok(())
}

/// A new process on the old one's file, before the old one has ended; copies go to both.
#[tokio::test]
async fn an_overlapping_restart_on_sqlite_runs_nothing_twice() -> Tested {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir()?;
    let (database, file) = (
        folder.path().join("deliveries.db"),
        folder.path().join("effects"),
    );
    let mut flags = vec!["--handler-ms", "1000"];
    flags.extend(["--db", database.to_str().ok_or("not UTF-8")?]);
    flags.extend(["--effects", file.to_str().ok_or("not UTF-8")?]);
    let ids: Vec<String> = (0..200).map(|n| format!("dlv_{n}")).collect();
    let send = |example: &Example, id: &String| {
        let (http, delivery) = (example.http.clone(), paid(id, REBILL));
        tokio::spawn(async move {
            http.send(&delivery)
                .await
                .map_err(|error| error.to_string())
        })
    };

    let old = Example::start("axum_sqlite", &flags, &[])?;
    let (early, _) = ids.split_at(100);
    let mut sent: Vec<_> = early.iter().map(|id| send(&old, id)).collect();
    until(|| early.iter().all(|id| effects(&file, "start", id) == 1)).await?;
    let new = Example::start("axum_sqlite", &flags, &[])?;
    sent.extend(ids.iter().flat_map(|id| [send(&new, id), send(&old, id)]));
    until(|| ids.iter().all(|id| effects(&file, "start", id) >= 1)).await?;
    assert!(old.signal("TERM")?);
    // The old one may refuse what comes late; the new one then answers for it.
    for answer in sent {
        let _refused = answer.await?;
    }
    for id in &ids {
        insist(&new, id).await?;
        let runs = ["start", "done"].map(|what| effects(&file, what, id));
        assert_eq!(runs, [1, 1], "{id}");
    }
    assert!(old.stop()?);
    Ok(())
}

#[tokio::test]
async fn redis_survives_kill_9_and_retries_after_the_lease() -> Tested {
    let _alone = ALONE.lock().await;
    let Some(server) = RedisServer::start(&["--appendonly", "yes"])? else {
        return Ok(());
    };
    let url = server.url();
    let env = [("REDIS_URL", url.as_str())];
    let within = Duration::from_millis(LEASE + 1_000);
    kill_and_retry("axum_redis", ANYWHERE, &[], &env, within).await?;
    Ok(())
}

#[tokio::test]
async fn postgres_survives_kill_9_and_books_exactly_once_in_a_transaction() -> Tested {
    let _alone = ALONE.lock().await;
    let Some(server) = PostgresServer::start() else {
        return Ok(());
    };
    let url = server.url();
    // Processes die here and the server does not, so nothing is lost by not waiting for the disk; a
    // busy one takes longer for two commits than a retry has.
    let no_flush = format!("{url}?options=-csynchronous_commit%3Doff");
    let env = [("DATABASE_URL", no_flush.as_str())];
    let within = Duration::from_millis(LEASE + 1_000);
    kill_and_retry("actix_postgres", ANYWHERE, &[], &env, within).await?;

    let name = "exactly_once_postgres";
    let mut ids = kill_and_retry(name, ANYWHERE, &[], &env, within).await?;
    // Payment and claim are written, and neither is committed.
    let kill = Kill {
        word: "completed",
        longer: &["--commit-ms", "2000"],
        done: 2..=2,
    };
    ids.extend(kill_and_retry(name, kill, &[], &env, within).await?);
    // Both are committed, and the sender is not told.
    let kill = Kill {
        word: "committed",
        longer: &["--answer-ms", "2000"],
        done: 1..=1,
    };
    let at_once = Duration::from_millis(LEASE);
    ids.extend(kill_and_retry(name, kill, &[], &env, at_once).await?);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    let booked = client
        .query(
            "SELECT event_id, count(*) FROM payments GROUP BY event_id",
            &[],
        )
        .await?;
    assert_eq!(booked.len(), ids.len());
    for row in booked {
        let (id, times): (String, i64) = (row.get(0), row.get(1));
        assert_eq!(times, 1, "{id} is booked {times} times");
    }
    Ok(())
}

/// A thousand copies over three processes, of one id or of a thousand.
async fn flood(name: &str, env: &[(&str, &str)]) -> Tested {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("effects");
    let path = file.to_str().ok_or("not UTF-8")?;
    let flags = ["--handler-ms", "100", "--effects", path];
    let mut examples = Vec::new();
    for _ in 0..3 {
        examples.push(Example::start(name, &flags, env)?);
    }
    for one_id in [true, false] {
        let first = format!("dlv_{name}_{one_id}");
        let original =
            paid(&first, REBILL).with_body(format!(r#"{{"id":"{first}","status":"paid"}}"#));
        let original =
            countersign_testkit::Sender::with_secret(countersign::rebill_za::SCHEME, "of-rebill")
                .stamp(original);
        let sends = (0..1_000).map(|copy| {
            let id = if one_id {
                first.clone()
            } else {
                format!("{first}_{copy}")
            };
            let delivery = original.with_header("X-Rebill-Delivery", &id);
            let http = examples[copy % 3].http.clone();
            tokio::spawn(async move {
                http.send(&delivery)
                    .await
                    .map(|answer| answer.status().as_u16())
                    .map_err(|error| error.to_string())
            })
        });
        let mut refused = 0;
        for send in sends.collect::<Vec<_>>() {
            refused += usize::from(send.await?? != 200);
        }
        assert_eq!(refused, 0, "{name}, one id: {one_id}");
        let done = fs::read_to_string(&file)?
            .lines()
            .filter(|line| line.starts_with(&format!("done {first}")))
            .count();
        assert_eq!(done, 1, "{name}, one id: {one_id}");
    }
    Ok(())
}

#[tokio::test]
async fn three_processes_on_one_redis_run_once() -> Tested {
    let _alone = ALONE.lock().await;
    let Some(server) = RedisServer::start(&["--appendonly", "yes"])? else {
        return Ok(());
    };
    let url = server.url();
    flood("axum_redis", &[("REDIS_URL", url.as_str())]).await
}

#[tokio::test]
async fn three_processes_on_one_postgres_run_once() -> Tested {
    let _alone = ALONE.lock().await;
    let Some(server) = PostgresServer::start() else {
        return Ok(());
    };
    let url = server.url();
    flood("actix_postgres", &[("DATABASE_URL", url.as_str())]).await
}

#[tokio::test]
async fn a_stopped_process_comes_back_and_changes_nothing() -> Tested {
    let _alone = ALONE.lock().await;
    let Some(server) = RedisServer::start(&["--appendonly", "yes"])? else {
        return Ok(());
    };
    let url = server.url();
    let env = [("REDIS_URL", url.as_str())];
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("effects");
    let path = file.to_str().ok_or("not UTF-8")?;
    let lease = LEASE.to_string();
    let flags = [
        "--handler-ms",
        "300",
        "--lease-ms",
        &lease,
        "--effects",
        path,
    ];
    let first = Example::start("axum_redis", &flags, &env)?;
    let second = Example::start("axum_redis", &flags, &env)?;

    let http = first.http.clone();
    let sent = tokio::spawn(async move {
        http.send(&paid("dlv_1", REBILL))
            .await
            .map(|answer| answer.status().as_u16())
            .map_err(|error| error.to_string())
    });
    until(|| effects(&file, "start", "dlv_1") == 1).await?;
    assert!(first.signal("STOP")?);
    insist(&second, "dlv_1").await?;
    assert_eq!(effects(&file, "done", "dlv_1"), 1);

    // It ends its run, and cannot undo what the second completed.
    assert!(first.signal("CONT")?);
    sent.await??;
    assert_eq!(
        first.send(&paid("dlv_1", REBILL)).await?,
        (200, "duplicate".into())
    );
    assert_eq!(
        second.send(&paid("dlv_1", REBILL)).await?,
        (200, "duplicate".into())
    );
    assert_eq!(effects(&file, "start", "dlv_1"), 2);
    Ok(())
}
