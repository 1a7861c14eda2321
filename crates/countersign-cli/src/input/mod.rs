//! Requests: from flags, or from a file that holds a whole one.

use std::{fs, io::Read as _, path::Path};

use countersign_core::{Head, Scheme, scheme::Location};

use crate::{
    args::RequestArgs, commands::schemes::not_covered, config::Config, console::Console,
    failure::Failure,
};

pub(crate) mod curl;
pub(crate) mod gateway;
pub(crate) mod har;
pub(crate) mod raw;
mod url;

pub(crate) use self::url::Address;

/// The most that is read of a body or a file. GitHub, whose bodies are the longest, sends at most 25 MiB.
pub(crate) const MAX_FILE: u64 = 64 * 1024 * 1024;
/// The most headers that a request is read with.
const MAX_HEADERS: usize = 1_000;

/// A request that was written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// The whole address, where the file has it.
    pub(crate) url: Option<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// What somebody should know about how it was read.
    pub(crate) notes: Vec<String>,
}

impl Request {
    /// Adds a header as it is written in a line.
    pub(crate) fn add_line(&mut self, line: &[u8]) -> Result<(), String> {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return Err("a header is written `Name: value`; this one has no colon".to_owned());
        };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        self.add(name, value)
    }

    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), String> {
        let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        if name.is_empty() || !name.iter().all(token) {
            return Err(
                "the name of a header holds something else than letters, digits and dashes"
                    .to_owned(),
            );
        }
        if self.headers.len() >= MAX_HEADERS {
            return Err(format!("there are more than {MAX_HEADERS} headers"));
        }
        let name = String::from_utf8_lossy(name).into_owned();
        self.headers.push((name, value.to_vec()));
        Ok(())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }
}

impl Head for Request {
    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    fn each_header<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in &self.headers {
            visit(name, value);
        }
    }
}

/// Whether a request has a header that can hold the scheme's signature.
pub(crate) fn has_signature(request: &Request, scheme: &Scheme) -> bool {
    let is = |wanted: &str| {
        request
            .headers
            .iter()
            .any(|(name, _)| match scheme.location() {
                Location::Numbered(stem) => name
                    .get(..stem.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(stem)),
                _ => name.eq_ignore_ascii_case(wanted),
            })
    };
    match scheme.location() {
        Location::AnyOf(names) | Location::AllOf(names) => names.iter().any(|name| is(name)),
        _ => is(scheme.signature_header()),
    }
}

impl RequestArgs {
    /// Reads the request that the flags describe.
    pub(crate) fn read(
        &self,
        scheme: &Scheme,
        console: &mut Console<'_>,
    ) -> Result<Request, Failure> {
        let of = |name: &str, parsed: Result<Request, String>| {
            parsed.map_err(|mistake| Failure::usage(format!("{name}: {mistake}")))
        };
        let request = if let Some(name) = &self.request {
            of(name, raw::parse(&read(name, console)?))
        } else if let Some(name) = &self.har {
            let bytes = read(name, console)?;
            of(
                name,
                har::parse(&bytes, self.entry, |request| has_signature(request, scheme)),
            )
        } else if let Some(name) = &self.curl {
            let command = curl::parse(&read(name, console)?);
            let command =
                command.map_err(|mistake| Failure::usage(format!("{name}: {mistake}")))?;
            let mut body = Vec::new();
            for piece in command.pieces {
                if !body.is_empty() {
                    body.push(b'&');
                }
                body.extend(match piece {
                    curl::Piece::Bytes(bytes) => bytes,
                    curl::Piece::File { name, whole } => {
                        let bytes = read(&name, console)?;
                        if whole {
                            bytes
                        } else {
                            curl::without_breaks(&bytes)
                        }
                    }
                });
            }
            Ok(Request {
                body,
                ..command.request
            })
        } else if let Some(name) = &self.gateway_event {
            of(name, gateway::parse(&read(name, console)?))
        } else {
            self.described(console)
        }?;
        for note in &request.notes {
            console.warn(note);
        }
        Ok(request)
    }

    fn described(&self, console: &mut Console<'_>) -> Result<Request, Failure> {
        let Some(body) = &self.body else {
            return Err(Failure::usage(
                "which request? give `--body FILE` and its headers, or one of `--request`, `--har`, `--curl` \
                 and `--gateway-event`",
            ));
        };
        let mut request = Request {
            method: self.method.as_deref().unwrap_or("POST").to_uppercase(),
            target: "/".to_owned(),
            ..Request::default()
        };
        for line in &self.header {
            let added = request.add_line(line.as_bytes());
            added.map_err(|mistake| Failure::usage(format!("--header: {mistake}")))?;
        }
        request.body = read(body, console)?;
        Ok(request)
    }

    /// The address that the sender was given: what was said, else what the file says.
    pub(crate) fn url(&self, request: &Request, config: &Config) -> Option<String> {
        // What the request says of itself comes last: anybody wrote it.
        let said = self.url.clone().or_else(|| config.url.clone());
        said.or_else(|| request.url.clone())
    }

    /// The address, where nobody but the request says it and the signature is over it.
    pub(crate) fn claimed_url<'a>(
        &self,
        request: &'a Request,
        scheme: &Scheme,
        config: &Config,
    ) -> Option<&'a str> {
        let said = self.url.is_some() || config.url.is_some();
        let signed = !not_covered(scheme).contains(&"address");
        request.url.as_deref().filter(|_| signed && !said)
    }
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(name: &str, console: &mut Console<'_>) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::no_answer(format!("{name}: {error}"));
    let bytes = if name == "-" {
        console.read_stdin(MAX_FILE).map_err(failed)?
    } else {
        let file = fs::File::open(Path::new(name)).map_err(failed)?;
        let mut bytes = Vec::new();
        let most = MAX_FILE.saturating_add(1);
        file.take(most).read_to_end(&mut bytes).map_err(failed)?;
        bytes
    };
    if u64::try_from(bytes.len()).is_ok_and(|len| len > MAX_FILE) {
        let mib = MAX_FILE / 1024 / 1024;
        return Err(Failure::usage(format!("{name}: longer than {mib} MiB")));
    }
    Ok(bytes)
}
