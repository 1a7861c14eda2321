//! The gateway as a process: its file, its signals, its end.

use core::time::Duration;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::json;
use tokio::{
    runtime,
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, timeout},
};
use tracing::warn;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    args::ServeArgs,
    console::{Console, Tone},
    failure::{Exit, Failure},
    gateway::{
        admin::{self, Admin},
        config::{Machine, Problem, Settings},
        endpoints::Endpoints,
        server,
        store::Store,
    },
};

mod signals;

use self::signals::{Signal, Signals};

/// How often old rows are deleted, and how often metrics are tidied up.
const PURGE_EVERY: Duration = Duration::from_secs(60);
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// How long deleting may take.
const PURGE_TIME: Duration = Duration::from_secs(30);

pub(crate) fn run(
    args: &ServeArgs,
    file: Option<&Path>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let file = file.ok_or_else(|| {
        Failure::usage("which configuration? give `--config FILE`; docs/gateway.md has a whole one")
    })?;
    let read = read(file)?;
    if args.check {
        return check(file, &read, console);
    }
    let settings = read.map_err(|problems| Failure::usage(list(file, &problems)))?;
    for warning in &settings.warnings {
        console.warn(warning);
    }
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::no_answer(format!("no runtime: {error}")))?;
    let exit = runtime.block_on(serve(file, &settings, console));
    // What still runs was waited for, or is not to be.
    runtime.shutdown_background();
    exit
}

fn read(file: &Path) -> Result<Result<Settings, Vec<Problem>>, Failure> {
    let shown = file.display();
    let unreadable = |error: &io::Error| Failure::no_answer(format!("{shown}: {error}"));
    let text = fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    // Of a file in the working folder the parent is empty, which is that folder.
    let folder = file.parent().map_or_else(PathBuf::new, Path::to_owned);
    Ok(Settings::read(&text, &folder, &Machine))
}

fn list(file: &Path, problems: &[Problem]) -> String {
    let mut text = format!("{}: {}", file.display(), count(problems.len(), "mistake"));
    for problem in problems {
        text.push_str(&format!("\n  {problem}"));
    }
    text
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}

fn check(
    file: &Path,
    read: &Result<Settings, Vec<Problem>>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let empty = (Vec::new(), Vec::new());
    let (problems, warnings) = match read {
        Ok(settings) => (&empty.0, &settings.warnings),
        Err(problems) => (problems, &empty.1),
    };
    let exit = if read.is_ok() { Exit::Yes } else { Exit::No };
    if console.json {
        let problems: Vec<_> = problems
            .iter()
            .map(|one| json!({ "line": one.line, "key": one.key, "message": one.message }))
            .collect();
        console.object(&json!({
            "command": "serve",
            "file": file.display().to_string(),
            "valid": read.is_ok(),
            "problems": problems,
            "warnings": warnings,
        }))?;
        return Ok(exit);
    }
    for warning in warnings {
        console.warn(warning);
    }
    let shown = file.display();
    match read {
        Ok(settings) => {
            let endpoints = count(settings.endpoints.len(), "endpoint");
            let good = console.paint(Tone::Good, "good");
            console.line(&format!("{shown}: {good}, {endpoints}"));
        }
        Err(_) => {
            for problem in problems {
                console.line(&crate::show::shown(&format!("{shown}: {problem}")));
            }
            let wrong = console.paint(Tone::Bad, &count(problems.len(), "mistake"));
            console.line(&format!("{shown}: {wrong}"));
        }
    }
    Ok(exit)
}

async fn serve(
    file: &Path,
    settings: &Settings,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    log(settings);
    let metrics = admin::collect()?;
    // The ports come first: a gateway that runs already is not to be disturbed in its store.
    let listener = server::bind(settings.listen, "listen").await?;
    let admin_listener = server::bind(settings.admin, "admin").await?;
    let bound = |listener: &tokio::net::TcpListener| listener.local_addr();
    let (listen, admin_at) = match (bound(&listener), bound(&admin_listener)) {
        (Ok(listen), Ok(admin)) => (listen, admin),
        (Err(error), _) | (_, Err(error)) => {
            return Err(Failure::no_answer(format!("no address: {error}")));
        }
    };
    let store = Store::open(&settings.store).await?;
    let endpoints = Endpoints::new(settings, store.clone())?;
    let mut signals = Signals::new()?;

    let (stop, stopping) = watch::channel(false);
    let (stop_admin, stopping_admin) = watch::channel(false);
    let answers = endpoints.clone();
    let mut senders = tokio::spawn(server::serve(
        listener,
        server::connections(),
        stopping.clone(),
        move |request| {
            let answers = answers.clone();
            async move { answers.serve(request).await }
        },
    ));
    let admin = Admin::new(endpoints.clone(), metrics.clone(), stopping);
    let admins = tokio::spawn(server::serve(
        admin_listener,
        server::FEW,
        stopping_admin,
        move |request| {
            let answer = admin.answer(&request);
            async move { answer }
        },
    ));
    let chores = chores(endpoints.clone(), metrics);

    say_ready(listen, admin_at, &store, &endpoints, console)?;
    let mut drain = settings.drain;
    while signals.next().await == Signal::Reload {
        if let Some(next) = reload(file, settings, &endpoints, console) {
            drain = next.drain;
        }
    }
    let _ = stop.send(true);
    console.note("stopping: no new deliveries; a second signal ends at once");
    let ended = tokio::select! {
        dropped = end(&mut senders, &endpoints, drain) => Some(dropped),
        () = signals.stop() => None,
    };
    chores.abort();
    let _ = stop_admin.send(true);
    admins.abort();
    let Some(dropped) = ended else {
        console.note("ended at once: what was running is sent again by its senders");
        return Ok(Exit::No);
    };
    store.close().await;
    if dropped > 0 {
        let what = if dropped == 1 {
            "delivery"
        } else {
            "deliveries"
        };
        console.note(&format!(
            "ended: {dropped} {what} did not end in time and were given back"
        ));
        return Ok(Exit::No);
    }
    console.note("ended: nothing was left");
    Ok(Exit::Yes)
}

/// Waits for connections, then for what outlived its answer. Says how many deliveries were given back.
async fn end(senders: &mut JoinHandle<()>, endpoints: &Endpoints, drain: Duration) -> usize {
    let begun = Instant::now();
    if timeout(drain, &mut *senders).await.is_err() {
        senders.abort();
    }
    endpoints.drain(drain.saturating_sub(begun.elapsed())).await
}

fn chores(
    endpoints: Endpoints,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let purges = async {
            let mut times = tokio::time::interval(PURGE_EVERY);
            times.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                times.tick().await;
                if timeout(PURGE_TIME, endpoints.purge()).await.is_err() {
                    warn!(target: "countersign", "the store takes long to delete old rows; they are next time");
                }
            }
        };
        // A store that hangs does not hold up the metrics that show it.
        let upkeep = async {
            let mut times = tokio::time::interval(UPKEEP_EVERY);
            loop {
                times.tick().await;
                metrics.run_upkeep();
            }
        };
        tokio::join!(purges, upkeep);
    })
}

fn say_ready(
    listen: core::net::SocketAddr,
    admin: core::net::SocketAddr,
    store: &Store,
    endpoints: &Endpoints,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    if console.json {
        return console.object(&json!({
            "command": "serve",
            "listen": listen.to_string(),
            "admin": admin.to_string(),
            "store": store.kind(),
            "endpoints": endpoints.count(),
        }));
    }
    let ready = console.paint(Tone::Good, "ready");
    let endpoints = count(endpoints.count(), "endpoint");
    let store = store.kind();
    console.line(&format!(
        "{ready}: {endpoints} on {listen}, store {store}, admin on {admin}"
    ));
    Ok(())
}

/// A file that is wrong, or asks for what only a new process can do, changes nothing.
fn reload(
    file: &Path,
    running: &Settings,
    endpoints: &Endpoints,
    console: &mut Console<'_>,
) -> Option<Settings> {
    let next = match read(file) {
        Ok(Ok(next)) => Ok(next),
        Ok(Err(problems)) => Err(list(file, &problems)),
        Err(failure) => Err(failure.message),
    };
    let next = next.and_then(|next| match needs_restart(running, &next) {
        Some(key) => Err(format!(
            "{}: `{key}` changed, which needs a restart",
            file.display()
        )),
        None => Ok(next),
    });
    let exchanged = next.and_then(|next| {
        endpoints
            .exchange(&next)
            .map_err(|failure| failure.message)?;
        Ok(next)
    });
    match exchanged {
        Ok(next) => {
            for warning in &next.warnings {
                console.warn(warning);
            }
            console.note(&format!(
                "reloaded: {}",
                count(next.endpoints.len(), "endpoint")
            ));
            Some(next)
        }
        Err(why) => {
            let why = crate::show::shown(&why);
            console.note(&format!("not reloaded, nothing changed: {why}"));
            None
        }
    }
}

fn needs_restart(running: &Settings, next: &Settings) -> Option<&'static str> {
    if running.listen != next.listen {
        return Some("listen");
    }
    if running.admin != next.admin {
        return Some("admin");
    }
    if running.store != next.store {
        return Some("store");
    }
    (running.log != next.log).then_some("log")
}

/// What the library tells goes to standard error, a line each.
fn log(settings: &Settings) {
    let only_ours = Targets::new().with_target("countersign", settings.log);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        // Telling of a line that cannot be written would end the task that wrote it.
        .log_internal_errors(false);
    // A second one in the same process stays with the first one's.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(only_ours)
        .try_init();
}
