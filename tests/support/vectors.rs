//! Reading the files under `tests/vectors`; their README says what is in them.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "test data")]

use std::{fs, path::Path};

use bytes::Bytes;
use countersign_core::{Secret, Timestamp};

use crate::request::Request;

/// One request and its verdict.
#[derive(Clone, Debug)]
pub struct Vector {
    /// What it shows.
    pub name: String,
    /// The secret that signed it.
    pub secret: VectorSecret,
    /// Secrets that are active as well.
    pub other_secrets: Vec<String>,
    /// Its headers and body.
    pub request: Request,
    /// The receiver's clock.
    pub now: Timestamp,
    /// Whether it is to be accepted.
    pub valid: bool,
}

/// A sample secret.
#[derive(Clone, Debug)]
pub enum VectorSecret {
    /// As real ones are shown.
    Text(String),
    /// Not of the form of real ones: the key itself.
    Bytes(Vec<u8>),
}

impl Vector {
    /// Every active secret, the one that signed last.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        let others = self.other_secrets.iter();
        let mut secrets: Vec<_> = others.map(|text| Secret::new(text).unwrap()).collect();
        secrets.push(match &self.secret {
            VectorSecret::Text(text) => Secret::new(text).unwrap(),
            VectorSecret::Bytes(bytes) => Secret::from_bytes(bytes.clone()).unwrap(),
        });
        secrets
    }
}

/// Reads the blocks of a file: `Name` begins one, and each line is a key and its value.
#[must_use]
pub fn blocks(file: &str) -> Vec<Vec<(String, String)>> {
    let mut blocks: Vec<Vec<(String, String)>> = Vec::new();
    for line in read(file).lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line
            .split_once(" =")
            .unwrap_or_else(|| panic!("{file}: {line}"));
        let pair = (key.to_owned(), value.trim_start().to_owned());
        if key == "Name" {
            blocks.push(vec![pair]);
        } else {
            blocks.last_mut().unwrap().push(pair);
        }
    }
    blocks
}

/// Reads a file of vectors.
#[must_use]
pub fn vectors(file: &str) -> Vec<Vector> {
    blocks(file).iter().map(|block| vector(block)).collect()
}

fn vector(block: &[(String, String)]) -> Vector {
    let (mut name, mut secret, mut valid) = (String::new(), None, None);
    let (mut other_secrets, mut request) = (Vec::new(), Request::default());
    let mut now = Timestamp::from_unix_seconds(1_700_000_000);
    for (key, value) in block {
        match key.as_str() {
            "Name" => name.clone_from(value),
            "Secret" => secret = Some(VectorSecret::Text(value.clone())),
            "SecretBytes" => secret = Some(VectorSecret::Bytes(value.clone().into_bytes())),
            "OtherSecret" => other_secrets.push(value.clone()),
            "Header" => {
                let (name, value) = value.split_once(": ").unwrap();
                request = request.with(name, value);
            }
            "Now" => now = Timestamp::from_unix_seconds(value.parse().unwrap()),
            "Body" => request.body = Bytes::from(value.clone()),
            "BodyFile" => request.body = read(&format!("bodies/{value}")).into(),
            "Result" => {
                valid = Some(match value.as_str() {
                    "valid" => true,
                    "invalid" => false,
                    other => panic!("{name}: {other}"),
                });
            }
            other => panic!("{name}: {other}"),
        }
    }
    Vector {
        name,
        secret: secret.unwrap(),
        other_secrets,
        request,
        now,
        valid: valid.unwrap(),
    }
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
