//! What a command prints: lines or JSON, in colour only for somebody who looks at them.

// docs/decisions.md: D66.

use std::{
    ffi::OsString,
    io::{self, ErrorKind, Write},
};

use serde::Serialize;

use crate::{
    Streams,
    args::{Colour, Global},
    failure::{Exit, Failure},
    show::shown,
};

/// A command's streams.
pub(crate) struct Console<'a> {
    streams: Streams<'a>,
    pub(crate) json: bool,
    colour: bool,
    out_end: Option<io::Error>,
}

/// How a word is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Strong,
}

impl<'a> Console<'a> {
    pub(crate) fn new(global: &Global, streams: Streams<'a>) -> Self {
        let wanted = match global.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                // https://no-color.org
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                streams.out_is_terminal && !refused
            }
        };
        Self {
            json: global.json,
            colour: wanted && !global.json,
            streams,
            out_end: None,
        }
    }

    /// Writes a line of an answer.
    pub(crate) fn line(&mut self, text: &str) {
        self.raw(format!("{text}\n").as_bytes());
    }

    /// Writes an answer as it is.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        if self.out_end.is_some() {
            return;
        }
        let out = &mut self.streams.out;
        if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
            self.out_end = Some(error);
        }
    }

    /// Writes a whole answer for machines, on one line.
    pub(crate) fn object(&mut self, answer: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(answer)
            .map_err(|error| Failure::no_answer(format!("the answer as JSON: {error}")))?;
        self.line(&text);
        Ok(())
    }

    /// Whether answers cannot be written any more.
    pub(crate) const fn has_ended(&self) -> bool {
        self.out_end.is_some()
    }

    /// Says something that is not the answer.
    pub(crate) fn note(&mut self, text: &str) {
        // A reader who has gone needs no notes.
        let _ = writeln!(self.streams.err, "{text}");
    }

    /// Shows how far something is, to somebody who looks on. What was shown before is written over.
    pub(crate) fn progress(&mut self, text: &str) {
        if self.streams.err_is_terminal && !self.json {
            let _ = write!(self.streams.err, "\r\u{1b}[2K{text}");
            let _ = self.streams.err.flush();
        }
    }

    pub(crate) fn warn(&mut self, text: &str) {
        self.note(&format!("warning: {text}"));
    }

    /// Says what went wrong, and gives the code to end with.
    pub(crate) fn fail(&mut self, command: &str, failure: &Failure) -> Exit {
        let message = shown(&failure.message);
        if self.json {
            let text = serde_json::json!({
                "command": command,
                "error": { "exit": failure.exit as u8, "message": message },
            });
            self.line(&text.to_string());
        }
        self.note(&format!("error: {message}"));
        failure.exit
    }

    /// The code to end with, whatever became of the output.
    ///
    /// A reader that closed the pipe, or a terminal that has gone, changes no verdict; an answer that could
    /// not be written for another reason is none.
    pub(crate) fn end(mut self, exit: Exit) -> Exit {
        match self.out_end.take() {
            Some(error) if !is_gone(&error) => {
                self.note(&format!("error: the answer cannot be written: {error}"));
                Exit::NoAnswer
            }
            _ => exit,
        }
    }

    /// A word in colour, where somebody sees it.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Standard input, to the end or to one byte more than `most`.
    pub(crate) fn read_stdin(&mut self, most: u64) -> io::Result<Vec<u8>> {
        use io::Read as _;
        let mut bytes = Vec::new();
        let stdin = &mut *self.streams.stdin;
        stdin.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Whether nobody reads any more: a closed pipe, or a terminal that was closed (EIO).
fn is_gone(error: &io::Error) -> bool {
    const EIO: i32 = 5;
    error.kind() == ErrorKind::BrokenPipe || error.raw_os_error() == Some(EIO)
}

/// Shows clap's message: help and version are answers, everything else is a mistake.
pub(crate) fn usage(error: &clap::Error, args: &[OsString], streams: &mut Streams<'_>) -> Exit {
    let text = error.render();
    if !error.use_stderr() {
        let text = match streams.out_is_terminal {
            true => text.ansi().to_string(),
            false => text.to_string(),
        };
        return match streams.out.write_all(text.as_bytes()) {
            Err(error) if !is_gone(&error) => Exit::NoAnswer,
            _ => Exit::Yes,
        };
    }
    let text = text.to_string();
    if args.iter().any(|arg| arg == "--json") {
        let first = text.lines().next().unwrap_or_default();
        let message = shown(first.trim_start_matches("error: "));
        let json = serde_json::json!({
            "command": "countersign",
            "error": { "exit": Exit::Usage as u8, "message": message },
        });
        let _ = writeln!(streams.out, "{json}");
    }
    let _ = streams.err.write_all(text.as_bytes());
    Exit::Usage
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that has gone, in one way or another.
    struct Gone(i32);

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(self.0))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_changes_no_verdict() {
        const EPIPE: i32 = 32;
        const EIO: i32 = 5;
        const ENOSPC: i32 = 28;
        for (error, due) in [(EPIPE, Exit::No), (EIO, Exit::No), (ENOSPC, Exit::NoAnswer)] {
            let (mut out, mut err) = (Gone(error), Gone(error));
            let streams = Streams {
                stdin: &mut io::empty(),
                out: &mut out,
                err: &mut err,
                out_is_terminal: true,
                err_is_terminal: true,
            };
            let global = Global {
                json: false,
                color: Colour::Auto,
                config: None,
            };
            let mut console = Console::new(&global, streams);
            console.line("refused");
            console.warn("nobody reads this");
            console.progress("[#]");
            assert_eq!(console.end(Exit::No), due, "{error}");
        }
    }
}
