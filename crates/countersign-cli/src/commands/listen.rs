//! Receiving webhooks until somebody ends it.

use core::time::Duration;
use std::{io, net::SocketAddr, sync::Arc};

use futures_util::FutureExt as _;
use serde_json::json;
use tokio::{net::TcpListener, runtime, sync::watch};

use crate::{
    args::ListenArgs,
    captures::{self, Captures, Limits},
    config::Config,
    console::Console,
    failure::{Exit, Failure},
    gateway::server,
    inspector::{self, Inspector},
    listen::{
        Heard, Shared,
        lines::{Tally, show},
        receive,
    },
    show::in_line,
};

/// How long deliveries that run are waited for at the end.
const DRAIN: Duration = Duration::from_secs(20);
/// How long connections are waited for after that.
const CLOSE: Duration = Duration::from_secs(2);
/// How long an end may take after all of that.
const LAST: Duration = Duration::from_secs(3);

pub(crate) fn run(
    args: &ListenArgs,
    config: &Config,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    if let Some(address) = args.inspect.filter(|address| !address.ip().is_loopback()) {
        return Err(Failure::usage(format!(
            "--inspect: {address} is not of this machine alone; the inspector shows what others wrote, so give \
             127.0.0.1 or [::1]"
        )));
    }
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::no_answer(format!("no runtime: {error}")))?;
    // The port first: two listeners that are started by mistake must not share a file.
    let listener = runtime.block_on(bind("--listen", args.listen))?;
    let path = args
        .captures
        .clone()
        .map_or_else(captures::default_path, Ok)?;
    let limits = Limits {
        keep: args.keep,
        body_bytes: usize::try_from(args.keep_body).unwrap_or(usize::MAX),
        ..Limits::default()
    };
    let captures = Captures::open(&path, limits)?;
    let (shared, heard) = {
        // Timers and tasks of what is opened belong to the runtime.
        let _inside = runtime.enter();
        Shared::open(args, config, captures, console)?
    };
    let exit = runtime.block_on(serve(args, listener, &shared, heard, console));
    // What still runs was waited for, or is not to be.
    runtime.shutdown_background();
    exit
}

async fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program listens there: end it, or choose another port".to_owned()
            }
            _ => error.to_string(),
        };
        Failure::no_answer(format!("{flag} {address}: {why}"))
    })
}

async fn serve(
    args: &ListenArgs,
    listener: TcpListener,
    shared: &Arc<Shared>,
    heard: Heard,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let address = local(&listener)?;
    note_targets(shared, address).await?;
    let inspector = match args.no_inspector {
        true => None,
        false => {
            let wanted = args
                .inspect
                .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
            let listener = bind("--inspect", wanted).await?;
            Some(Inspector::start(listener, address, shared)?)
        }
    };
    let (stop, stopped) = watch::channel(false);
    let answers = Arc::clone(shared);
    let mut server = tokio::spawn(server::serve(
        listener,
        server::connections(),
        stopped,
        move |request| receive::receive(Arc::clone(&answers), request),
    ))
    .fuse();
    let Heard {
        mut news,
        mut fatal,
    } = heard;
    let mut signals = hear(Signals::new()?, stop.clone());
    ready(address, inspector.as_ref(), shared, console)?;

    let mut tally = Tally::default();
    let mut is_stopping = false;
    let mut exit: Result<Exit, Failure> = Ok(Exit::Yes);
    // Ends some time after it was told to.
    let mut draining = None;
    let mut at_once = false;
    loop {
        let told_to_stop = tokio::select! {
            biased;
            Ok(()) = signals.changed() => {
                if *signals.borrow_and_update() > 1 || is_stopping {
                    let running = running(shared);
                    exit = Err(Failure::no_answer(format!(
                        "ended while {running} deliveries ran: what was not settled is passed on when its \
                         sender comes again"
                    )));
                    at_once = true;
                    break;
                }
                true
            }
            Some(failure) = fatal.recv() => {
                if exit.is_ok() {
                    exit = Err(failure);
                }
                true
            }
            Some(heard) = news.recv() => {
                show(&heard, args.verbose, &mut tally, console)?;
                // Nobody reads on: a listener without a reader is not to run on unseen.
                console.has_ended()
            }
            ended = &mut server, if !is_stopping => {
                if *stop.borrow() {
                    // A signal that is heard next.
                    continue;
                }
                let error = ended.map_or_else(|error| error.to_string(), |()| "it ended".to_owned());
                return Err(Failure::no_answer(format!("nothing is received any more: {error}")));
            }
            () = drained(&mut draining) => break,
        };
        if told_to_stop && !is_stopping {
            is_stopping = true;
            let running = running(shared);
            if running > 0 && exit.is_ok() {
                console.note(&format!(
                    "waiting for {running} deliveries; Ctrl-C once more ends at once"
                ));
            }
            stop.send_replace(true);
            draining = Some(tokio::spawn(drain(Arc::clone(shared))));
        }
    }
    if !at_once {
        // Whoever sends still gets its answer; what then hangs is cut off.
        let _ = tokio::time::timeout(CLOSE, &mut server).await;
    }
    // The last lines, and then the sum of all.
    shared.captures.with(|_| Ok(())).await.ok();
    while let Ok(heard) = news.try_recv() {
        show(&heard, args.verbose, &mut tally, console)?;
    }
    if let left_out @ 1.. = shared.left_out() {
        console.warn(&format!(
            "{left_out} lines were left out, because they were not read; the captures are whole"
        ));
    }
    tally.report(console)?;
    exit
}

/// Counts signals on a task of its own, because whoever shows lines may wait for a reader that has stopped reading.
fn hear(mut signals: Signals, stop: watch::Sender<bool>) -> watch::Receiver<u32> {
    let (told, counted) = watch::channel(0);
    tokio::spawn(async move {
        signals.next().await;
        told.send_replace(1);
        stop.send_replace(true);
        let drained = tokio::time::sleep(DRAIN + CLOSE);
        tokio::select! {
            () = signals.next() => {
                told.send_replace(2);
            }
            () = drained => {}
        }
        // Enough for the last lines, if somebody reads them.
        tokio::time::sleep(LAST).await;
        std::process::exit(Exit::NoAnswer as i32);
    });
    counted
}

async fn drain(shared: Arc<Shared>) {
    let receivers = shared.endpoints.iter();
    let drains = receivers.map(|endpoint| endpoint.receiver.drain(DRAIN));
    futures_util::future::join_all(drains).await;
}

async fn drained(draining: &mut Option<tokio::task::JoinHandle<()>>) {
    match draining {
        Some(task) => {
            let _ = task.await;
        }
        None => std::future::pending().await,
    }
}

fn running(shared: &Shared) -> usize {
    let receivers = shared.endpoints.iter();
    receivers.map(|endpoint| endpoint.receiver.running()).sum()
}

fn local(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener
        .local_addr()
        .map_err(|error| Failure::no_answer(format!("no address: {error}")))
}

/// Notes where what is replayed goes.
async fn note_targets(shared: &Shared, address: SocketAddr) -> Result<(), Failure> {
    let path = shared.captures.path();
    let mut facts = vec![("listen".to_owned(), Some(inspector::reachable(address)))];
    for endpoint in &shared.endpoints {
        let url = endpoint.forward.as_ref().map(|target| target.url.clone());
        facts.push((format!("forward:{}", endpoint.scheme.name()), url));
    }
    let noted = shared.captures.with(move |file| {
        for (name, value) in &facts {
            file.set_fact(name, value.as_deref())?;
        }
        Ok(())
    });
    noted
        .await
        .map_err(|error| Failure::no_answer(error.at(path)))
}

fn ready(
    address: SocketAddr,
    inspector: Option<&Inspector>,
    shared: &Shared,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let captures = shared.captures.path().display().to_string();
    let base = inspector::reachable(address);
    if console.json {
        let endpoints: Vec<_> = shared
            .endpoints
            .iter()
            .map(|endpoint| {
                json!({
                    "scheme": endpoint.scheme.name(),
                    "path": endpoint.path,
                    "forward": endpoint.forward.as_ref().map(|target| &target.url),
                })
            })
            .collect();
        return console.object(&json!({
            "command": "listen",
            "ready": {
                "address": base,
                "inspector": inspector.map(Inspector::address),
                "captures": captures,
                "endpoints": endpoints,
            },
        }));
    }
    for endpoint in &shared.endpoints {
        let path = endpoint.path.as_deref().unwrap_or("/ (and every path)");
        let mut line = format!("ready: {} at {base}{path}", endpoint.scheme.name());
        if let Some(target) = &endpoint.forward {
            line.push_str(&format!(", passed on to {}", in_line(&target.url)));
        }
        console.line(&line);
    }
    if let Some(inspector) = inspector {
        console.line(&format!("inspector: {}", inspector.address()));
    }
    console.line(&format!("captures: {}", in_line(&captures)));
    Ok(())
}

/// What somebody says from outside: Ctrl-C, an end that was asked for, a terminal that was closed.
struct Signals {
    #[cfg(unix)]
    kinds: Vec<tokio::signal::unix::Signal>,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        // Whoever started it with nohup wants it to outlive the terminal.
        if !hangup_is_ignored() {
            kinds.push(SignalKind::hangup());
        }
        let kinds = kinds.into_iter().map(signal).collect::<Result<_, _>>();
        let kinds = kinds
            .map_err(|error| Failure::no_answer(format!("signals cannot be heard: {error}")))?;
        Ok(Self { kinds })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        let mut waits: Vec<_> = self
            .kinds
            .iter_mut()
            .map(|kind| Box::pin(kind.recv()))
            .collect();
        futures_util::future::select_all(waits.drain(..)).await;
    }

    #[cfg(not(unix))]
    fn new() -> Result<Self, Failure> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Whether the process was started with SIGHUP ignored, where the system says so.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    const SIGHUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & SIGHUP != 0)
}
