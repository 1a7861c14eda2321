//! The command `countersign`: signs, verifies, explains, sends and receives webhooks, and serves as a gateway.
//!
//! The binary is [`main`]. The crate is a library so that tests and fuzz targets reach its parts; **its
//! interface is the command line**, which `docs/cli.md` describes, and nothing in here is stable.
//!
//! Secrets come from an environment variable, a file or a prompt, never from an argument, and appear in
//! nothing that is printed.

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Read, Write},
    process::ExitCode,
};

use clap::{CommandFactory, Parser};

mod args;
mod captures;
mod choose;
mod commands;
mod config;
mod console;
mod failure;
mod forward;
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod input;
mod inspector;
mod listen;
mod replay;
mod secrets;
mod show;

use self::{
    args::{Cli, Command},
    config::Config,
    console::Console,
    failure::{Exit, Failure},
};

/// Runs the command with the process's arguments and streams.
#[must_use]
pub fn main() -> ExitCode {
    let (mut stdin, mut stdout, mut stderr) = (io::stdin(), io::stdout(), io::stderr());
    let streams = Streams {
        out_is_terminal: stdout.is_terminal(),
        err_is_terminal: stderr.is_terminal(),
        stdin: &mut stdin,
        out: &mut stdout,
        err: &mut stderr,
    };
    ExitCode::from(run(std::env::args_os(), streams))
}

/// Where a command reads and writes.
#[expect(missing_debug_implementations, reason = "streams have nothing to show")]
pub struct Streams<'a> {
    /// What `-` reads.
    pub stdin: &'a mut dyn Read,
    /// Where answers go.
    pub out: &'a mut dyn Write,
    /// Where warnings, mistakes and progress go.
    pub err: &'a mut dyn Write,
    /// Whether answers are shown to somebody.
    pub out_is_terminal: bool,
    /// Whether warnings are.
    pub err_is_terminal: bool,
}

/// Runs the command, and says with which code it ends: 0 yes, 1 no, 2 usage, 3 could not ask.
pub fn run(args: impl IntoIterator<Item = OsString>, mut streams: Streams<'_>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return console::usage(&error, &args, &mut streams) as u8,
    };
    let mut console = Console::new(&cli.global, streams);
    let exit = match perform(&cli, &mut console) {
        Ok(exit) => exit,
        Err(failure) => console.fail(cli.command.name(), &failure),
    };
    console.end(exit) as u8
}

fn perform(cli: &Cli, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let file = cli.global.config.as_deref();
    let config = match &cli.command {
        // A gateway's file is another one than that of defaults.
        Command::Serve(args) => return commands::serve::run(args, file, console),
        _ => Config::read(file)?,
    };
    match &cli.command {
        Command::Schemes(args) => commands::schemes::run(args, console),
        Command::Sign(args) => commands::sign::run(args, &config, console),
        Command::Verify(args) => commands::verify::run(args, &config, console),
        Command::Explain(args) => commands::explain::run(args, &config, console),
        Command::Send(args) => commands::send::run(args, &config, console),
        Command::Listen(args) => commands::listen::run(args, &config, console),
        Command::Replay(args) => commands::replay::run(args, console),
        Command::Serve(args) => commands::serve::run(args, file, console),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "countersign", &mut text);
            console.raw(&text);
            Ok(Exit::Yes)
        }
        Command::Man => {
            let mut page = Vec::new();
            let render = clap_mangen::Man::new(Cli::command()).render(&mut page);
            render.map_err(|error| Failure::no_answer(format!("the page: {error}")))?;
            console.raw(&page);
            Ok(Exit::Yes)
        }
    }
}
