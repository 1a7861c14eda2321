//! What can be said on the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Signs, verifies, explains, sends and receives webhooks.
///
/// Exit codes: 0 yes, 1 no, 2 the question was wrong, 3 there is no answer (a file that cannot be read, an
/// address where nobody listens).
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    max_term_width = 100,
    propagate_version = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Answer in JSON, one object on one line; docs/cli.schema.json describes it
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Whether to use colours
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        env = "COUNTERSIGN_COLOR",
        default_value = "auto"
    )]
    pub(crate) color: Colour,
    /// A TOML file with defaults: scheme, url, to, tolerance, secret_env, secret_file; for `serve` the gateway's
    /// own (docs/gateway.md)
    #[arg(long, global = true, value_name = "FILE", env = "COUNTERSIGN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the senders that are known, or show how one signs
    Schemes(SchemesArgs),
    /// Sign a body as a sender does: print the headers, or a curl command
    Sign(SignArgs),
    /// Check a request's signature
    Verify(VerifyArgs),
    /// Say why a request does not verify, what to change, and where
    Explain(ExplainArgs),
    /// Send events to an endpoint of yours as the sender does, and count what it answers
    Send(SendArgs),
    /// Receive webhooks, prove them, show them in the terminal and in a browser, and pass on what was proved
    Listen(ListenArgs),
    /// Send what `listen` kept once more
    Replay(ReplayArgs),
    /// Serve as the gateway in front of services: prove what arrives, and pass it on once, signed in one way
    Serve(ServeArgs),
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, in roff
    Man,
}

impl Command {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Schemes(_) => "schemes",
            Self::Sign(_) => "sign",
            Self::Verify(_) => "verify",
            Self::Explain(_) => "explain",
            Self::Send(_) => "send",
            Self::Listen(_) => "listen",
            Self::Replay(_) => "replay",
            Self::Serve(_) => "serve",
            Self::Completions { .. } => "completions",
            Self::Man => "man",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SchemesArgs {
    /// A sender's name, or the path of a scheme as a TOML document
    pub(crate) name: Option<String>,
    /// Print the scheme as a document that `--scheme` reads
    #[arg(long, requires = "name", conflicts_with = "json")]
    pub(crate) toml: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SchemeArg {
    /// A sender's name (see `countersign schemes`), or the path of a scheme as a TOML document
    #[arg(long, value_name = "NAME", env = "COUNTERSIGN_SCHEME")]
    pub(crate) scheme: Option<String>,
}

/// A secret is never an argument: arguments are seen by everybody on the machine.
#[derive(Debug, Args)]
pub(crate) struct SecretArgs {
    /// Read the secret from this environment variable [default: COUNTERSIGN_SECRET]. Several secrets are all
    /// accepted, as while one is replaced
    #[arg(long, value_name = "NAME")]
    pub(crate) secret_env: Vec<String>,
    /// Read the secret from this file, less one line break at its end
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Vec<PathBuf>,
    /// Ask for the secret, without showing it
    #[arg(long)]
    pub(crate) secret_prompt: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    pub(crate) scheme: SchemeArg,
    #[command(flatten)]
    pub(crate) secret: SecretArgs,
    /// The file that holds the body; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) body: String,
    /// When it is signed, in Unix seconds [default: now]
    #[arg(long, value_name = "UNIX", allow_negative_numbers = true)]
    pub(crate) at: Option<i64>,
    /// The delivery's id, where the sender has it in a header
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// The event's type, where the sender has it in a header
    #[arg(long, value_name = "TYPE")]
    pub(crate) event: Option<String>,
    /// Where the webhook goes; some senders sign it
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_URL")]
    pub(crate) url: Option<String>,
    /// Print a curl command that sends it
    #[arg(long)]
    pub(crate) curl: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// A header of the request, such as 'X-Signature: 5257..'
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// The file that holds the body, byte for byte; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<String>,
    /// The request's method [default: POST]
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// The address that the sender was given, for senders that sign it
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_URL")]
    pub(crate) url: Option<String>,
    /// Read the whole request from a file as HTTP/1.1 writes it
    #[arg(long, value_name = "FILE", group = "whole", conflicts_with_all = ["header", "body", "method"])]
    pub(crate) request: Option<String>,
    /// Read it from an HTTP archive, as browsers and proxies save it
    #[arg(long, value_name = "FILE", group = "whole", conflicts_with_all = ["header", "body", "method"])]
    pub(crate) har: Option<String>,
    /// Which entry of the archive, from 1 [default: the first one with the scheme's signature header]
    #[arg(long, value_name = "N", requires = "har")]
    pub(crate) entry: Option<usize>,
    /// Read it from a curl command
    #[arg(long, value_name = "FILE", group = "whole", conflicts_with_all = ["header", "body", "method"])]
    pub(crate) curl: Option<String>,
    /// Read it from an event of Amazon API Gateway or a load balancer, in JSON
    #[arg(long, value_name = "FILE", group = "whole", conflicts_with_all = ["header", "body", "method"])]
    pub(crate) gateway_event: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) scheme: SchemeArg,
    #[command(flatten)]
    pub(crate) secret: SecretArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// The receiver's clock, in Unix seconds [default: now]
    #[arg(long, value_name = "UNIX", allow_negative_numbers = true)]
    pub(crate) at: Option<i64>,
    /// How far the signed time may lie from it, in seconds [default: the scheme's]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) tolerance: Option<u64>,
    /// Check a whole file of vectors instead (tests/vectors/README.md describes it)
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["whole", "header", "body", "at", "tolerance", "method"]
    )]
    pub(crate) vectors: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) scheme: SchemeArg,
    /// The first is the receiver's; others are tried in its place
    #[command(flatten)]
    pub(crate) secret: SecretArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// The receiver's clock, in Unix seconds [default: now]
    #[arg(long, value_name = "UNIX", allow_negative_numbers = true)]
    pub(crate) at: Option<i64>,
}

/// Shares are between 0 and 1, of the events: with `--count 200 --duplicates 0.1` there are 200 events and 20
/// copies.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) scheme: SchemeArg,
    #[command(flatten)]
    pub(crate) secret: SecretArgs,
    /// Where to send, such as http://127.0.0.1:8787/webhooks/stripe
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_TO")]
    pub(crate) to: Option<String>,
    /// The type of the events
    #[arg(long, value_name = "TYPE")]
    pub(crate) event: Option<String>,
    /// The file that holds the body; `-` is standard input [default: a sample of the sender]
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<String>,
    /// Set a field of the body, such as /data/id=inv_7
    #[arg(long, value_name = "POINTER=VALUE")]
    pub(crate) set: Vec<String>,
    /// How many events
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: u32,
    /// How many requests a second at most [default: as many as go]
    #[arg(long, value_name = "R", value_parser = positive)]
    pub(crate) rate: Option<f64>,
    /// The share of events that are sent a second time
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub(crate) duplicates: f64,
    /// The share of events whose signature is also sent over a changed body
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub(crate) tamper: f64,
    /// The share of events to which one is added that is stamped too long ago
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub(crate) stale: f64,
    /// The share of events that are also replayed under another id
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub(crate) new_ids: f64,
    /// How many requests at once
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(crate) concurrent: u16,
    /// Send again what is not answered with a success, for as long as the sender does
    #[arg(long)]
    pub(crate) retries: bool,
    /// How much faster than the sender's the time between retries goes by
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = positive, requires = "retries")]
    pub(crate) time_scale: f64,
    /// The address that is signed, for senders that sign one [default: the one of `--to`]
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_URL")]
    pub(crate) url: Option<String>,
    /// Send to an address that is not this machine's: yours, and nobody else's
    #[arg(long)]
    pub(crate) i_own_this_endpoint: bool,
}

/// Where several senders are received, what belongs to one of them is given as `NAME=..`: `--scheme
/// stripe=/hooks/stripe --secret-env stripe=STRIPE_SECRET`.
#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// A sender's name or the path of a scheme, and where it is received: `stripe=/hooks/stripe`. One sender
    /// without a path is received everywhere [default of several: /webhooks/NAME]
    #[arg(long, value_name = "NAME[=PATH]")]
    pub(crate) scheme: Vec<String>,
    /// Secrets that belong to one of several senders are given as `NAME=..`, or in COUNTERSIGN_SECRET_NAME
    #[command(flatten)]
    pub(crate) secret: SecretArgs,
    /// Where to listen
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "COUNTERSIGN_LISTEN",
        default_value = "127.0.0.1:8787"
    )]
    pub(crate) listen: SocketAddr,
    /// Pass on what was proved, once and byte for byte, to this address
    #[arg(long, value_name = "[NAME=]URL")]
    pub(crate) forward: Vec<String>,
    /// End when nobody has listened at the forward address for this many seconds; 0 never ends
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) give_up_after: u32,
    /// Remember deliveries in this SQLite file, so that a copy is known after a restart [default: in memory]
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Show and pass on only events of this type; `invoice.*` is all that begin so
    #[arg(long, value_name = "TYPE")]
    pub(crate) event: Vec<String>,
    /// Show and pass on only events with this value in the body: `/data/status=paid`
    #[arg(long = "where", value_name = "POINTER=VALUE")]
    pub(crate) conditions: Vec<String>,
    /// Show heads, and all of an explanation
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// The file that requests are kept in [default: countersign/captures.db in ~/.local/state]
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CAPTURES")]
    pub(crate) captures: Option<PathBuf>,
    /// Keep the newest so many requests
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) keep: u32,
    /// Keep bodies up to this length, and the beginning of longer ones
    #[arg(long, value_name = "BYTES", default_value_t = 1024 * 1024)]
    pub(crate) keep_body: u32,
    /// Where the inspector is served, on this machine alone [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", env = "COUNTERSIGN_INSPECT")]
    pub(crate) inspect: Option<SocketAddr>,
    /// Serve no inspector
    #[arg(long, conflicts_with = "inspect")]
    pub(crate) no_inspector: bool,
    /// The address that a sender was given, where it signs one
    #[arg(long, value_name = "[NAME=]URL")]
    pub(crate) url: Vec<String>,
    /// Read the text that was entered at the sender to prove the address is yours (Meta) from this variable
    #[arg(long, value_name = "NAME", default_value = "COUNTERSIGN_VERIFY_TOKEN")]
    pub(crate) verify_token_env: String,
}

/// To the forward address it goes without another look at the signature and without deduplication: only what was
/// proved when it came, as often as it is asked for.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The numbers of the requests, as `listen` shows them
    #[arg(value_name = "N", required_unless_present = "since")]
    pub(crate) numbers: Vec<i64>,
    /// All that came since: 15m, 2h or 3d ago, a time such as 2026-05-01T12:00:00Z, or Unix seconds
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with = "numbers",
        allow_negative_numbers = true
    )]
    pub(crate) since: Option<String>,
    /// The file that `listen` keeps requests in [default: countersign/captures.db in ~/.local/state]
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CAPTURES")]
    pub(crate) captures: Option<PathBuf>,
    /// Where to send [default: where `listen` passed it on to]
    #[arg(long, value_name = "URL", conflicts_with = "through_listener")]
    pub(crate) to: Option<String>,
    /// Send it to the listener, which judges it anew: what was done before is a duplicate and is not passed on
    #[arg(long)]
    pub(crate) through_listener: bool,
    /// Send to an address that is not this machine's: yours, and nobody else's
    #[arg(long)]
    pub(crate) i_own_this_endpoint: bool,
}

/// The gateway's file is the one of `--config`. SIGTERM and SIGINT let what runs come to its end, a second one ends at
/// once; SIGHUP reads the file again.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Only say what is wrong with the file, everything at once
    #[arg(long)]
    pub(crate) check: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    match (0.0..=1.0).contains(&share) {
        true => Ok(share),
        false => Err("a share is between 0 and 1".to_owned()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    match number.is_finite() && number > 0.0 {
        true => Ok(number),
        false => Err("this must be more than 0".to_owned()),
    }
}
