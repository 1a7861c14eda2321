//! The command as a process.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

pub mod browser;
pub mod desk;
pub mod http;

/// A secret that must appear nowhere.
pub const SECRET: &str = "hunter2-of-the-sender";

/// What is signed where it does not matter.
pub const BODY: &str = r#"{"id":"inv_1","status":"paid"}"#;

/// A folder of one's own, and the command in it.
pub struct Place {
    folder: TempDir,
}

/// What a run of the command gave.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        own(&path);
        path.to_str().unwrap().to_owned()
    }

    /// The command, with nothing of the machine's configuration and no terminal.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs it with the secret in the environment.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(
            self.command(args)
                .env("COUNTERSIGN_SECRET", SECRET)
                .output()
                .unwrap(),
        )
    }

    /// Runs it with something on standard input.
    pub fn run_with(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(args);
        command
            .env("COUNTERSIGN_SECRET", SECRET)
            .stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may end before it has read all.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ran::of(child.wait_with_output().unwrap())
    }
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// The answer as JSON, which is of the schema.
    pub fn json(&self) -> Value {
        let answer: Value = serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err));
        if let Err(error) = schema().validate(&answer) {
            panic!("{error}: {answer}");
        }
        answer
    }
}

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_countersign")
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

pub fn schema() -> jsonschema::Validator {
    let text = fs::read_to_string(root().join("docs/cli.schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

#[cfg(unix)]
fn own(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn own(_path: &Path) {}

/// The header by which Rebill signs a body.
pub fn signature(place: &Place, body: &str) -> String {
    let signed = place.run(&[
        "sign",
        "--scheme",
        "rebill-za",
        "--body",
        body,
        "--id",
        "d1",
        "--event",
        "invoice.paid",
    ]);
    let line = signed
        .out
        .lines()
        .find(|line| line.starts_with("X-Rebill-Signature: "));
    line.unwrap().to_owned()
}
