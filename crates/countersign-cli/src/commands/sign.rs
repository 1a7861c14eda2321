//! Signing a body as a sender does.

// docs/decisions.md: D67.

use countersign_core::{
    Algorithm, Keyring, RejectionKind, Scheme, Secret, Timestamp,
    scheme::{Encoding, Grammar, Location, Place},
};
use countersign_testkit::{ManualClock, Sender, SignedDelivery};
use serde_json::{Value, json};

use crate::{
    args::SignArgs,
    config::Config,
    console::Console,
    failure::{Exit, Failure},
    input::{Address, read},
    secrets::{SecretText, Source},
    show::{in_line, shell_bytes, shell_word},
};

pub(crate) fn run(
    args: &SignArgs,
    config: &Config,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let scheme = args.scheme.choose(config)?.scheme;
    let url = args.url.clone().or_else(|| config.url.clone());
    if scheme.signs_url() && url.is_none() {
        return Err(Failure::usage(
            "this sender signs the address that it was given: say it with `--url`",
        ));
    }
    let url = url.unwrap_or_else(|| "http://127.0.0.1:8787/".to_owned());
    if Address::parse(&url).is_none() {
        return Err(Failure::usage(
            "--url: this is no address, such as https://example.com/hooks",
        ));
    }
    let body = read(&args.body, console)?;
    let mut secrets = args.secret.read(config, console)?;
    let secret = secrets.swap_remove(0);
    if !secrets.is_empty() {
        return Err(Failure::usage("one secret signs: several were given"));
    }
    if let (Location::Body(pointer), Some(_)) = (scheme.location(), scheme.procedure()) {
        return Err(Failure::usage(format!(
            "{} writes its signature into the body, at `{pointer}`, and so there is no header to print for this one: \
             `send` sends one",
            scheme.name(),
        )));
    }
    if let Location::Body(pointer) = scheme.location() {
        return Err(Failure::usage(format!(
            "{} signs nothing: it writes the secret into the body, at `{pointer}`, and so there is nothing to add to \
             this one",
            scheme.name(),
        )));
    }
    let is_token = scheme.algorithm() == Algorithm::Token;
    if is_token && !args.curl {
        return Err(Failure::usage(format!(
            "{} signs nothing: it sends the secret itself in {}, which is not printed here; `--curl` prints a command \
             that reads it from where it is",
            scheme.name(),
            scheme.signature_header(),
        )));
    }
    let at = args
        .at
        .map_or_else(Timestamp::now, Timestamp::from_unix_seconds);
    let signer = Signer::new(scheme, &secret, at, &url)?;
    let delivery = signer.sign(args.event.as_deref(), args.id.as_deref(), &body)?;

    let curl = args
        .curl
        .then(|| curl(&scheme, &delivery, &url, &args.body, &secret.source));
    if console.json {
        let headers: Vec<Value> = delivery
            .headers()
            .iter()
            .filter(|(name, _)| !is_token || name != scheme.signature_header())
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        console.object(&json!({
            "command": "sign",
            "scheme": scheme.name(),
            "headers": headers,
            "curl": curl.transpose()?,
        }))?;
    } else if let Some(command) = curl {
        console.line(&command?);
    } else {
        for (name, value) in delivery.headers() {
            console.line(&format!("{name}: {}", in_line(value)));
        }
    }
    Ok(Exit::Yes)
}

/// Signs with a secret that was checked.
pub(crate) struct Signer {
    pub(crate) sender: Sender,
    at: Timestamp,
    url: String,
}

impl Signer {
    pub(crate) fn new(
        scheme: Scheme,
        secret: &SecretText,
        at: Timestamp,
        url: &str,
    ) -> Result<Self, Failure> {
        let name = secret.source.name();
        if !scheme.algorithm().has_public_key() {
            let of_form = Secret::new(secret.text.to_string())
                .map_err(|error| error.to_string())
                .and_then(|secret| {
                    Keyring::new(&scheme, secret).map_err(|error| error.to_string())
                });
            of_form.map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        }
        let sender = Sender::with_secret(scheme, secret.text.to_string()).with_url(url);
        // A private key that cannot be read has no public one.
        let usable = sender.secret().map_err(|error| error.to_string());
        let usable = usable
            .and_then(|public| Keyring::new(&scheme, public).map_err(|error| error.to_string()));
        if scheme.algorithm().has_public_key() {
            usable.map_err(|_| {
                Failure::usage(format!(
                    "{name}: {} signs with a private key, which only the sender has; to sign as a test, give a private \
                     key of your own: {}",
                    scheme.name(),
                    match scheme.algorithm() {
                        Algorithm::RsaSha256 => "an RSA key in PKCS#8, in base64",
                        _ => "32 bytes in hexadecimal",
                    }
                ))
            })?;
        }
        Ok(Self {
            sender,
            at,
            url: url.to_owned(),
        })
    }

    fn sign(
        &self,
        event: Option<&str>,
        id: Option<&str>,
        body: &[u8],
    ) -> Result<SignedDelivery, Failure> {
        let scheme = self.sender.scheme();
        let sender = self.sender.clone().with_clock(ManualClock::at(self.at));
        let in_header = |place: Option<Place>| matches!(place, Some(Place::Header(_)));
        if id.is_some() && !in_header(scheme.id()) && scheme.id_copy().is_none() {
            return Err(Failure::usage(format!(
                "--id: {} has no header for it; write it into the body",
                scheme.name()
            )));
        }
        if event.is_some() && !in_header(scheme.event()) && scheme.event_copy().is_none() {
            return Err(Failure::usage(format!(
                "--event: {} has no header for it; write it into the body",
                scheme.name()
            )));
        }
        let made_id = format!("cs-{}", self.at.unix_millis());
        let mut delivery = sender.raw(
            event.unwrap_or("test"),
            id.unwrap_or(&made_id),
            body.to_vec(),
        );
        // Headers that only repeat what the body holds are left out unless they were asked for.
        for (copy, asked) in [(scheme.id_copy(), id), (scheme.event_copy(), event)] {
            if let (Some(name), None) = (copy, asked) {
                delivery = delivery.without_header(name);
            }
        }
        if let (Some(Place::Header(name)), None) = (scheme.event(), event)
            && !scheme.event_is_signed()
        {
            delivery = delivery.without_header(name);
        }
        let delivery = sender.stamp(delivery);
        self.check(&delivery)?;
        Ok(delivery)
    }

    /// Whether a receiver takes what was signed: the testkit signs by other code than what checks.
    pub(crate) fn check(&self, delivery: &SignedDelivery) -> Result<(), Failure> {
        let scheme = *self.sender.scheme();
        let refused = |why: String| {
            Failure::usage(format!(
                "{}: a receiver would refuse this: {why}",
                scheme.name()
            ))
        };
        let secret = self
            .sender
            .secret()
            .map_err(|error| refused(error.to_string()))?;
        let len = delivery.body().len().max(1);
        let mut builder = countersign_core::Verifier::builder(scheme)
            .secret(secret)
            .limits(|limits| {
                limits.body_bytes = limits.body_bytes.max(len);
                limits.buffered_bytes = limits.buffered_bytes.max(limits.body_bytes);
            });
        if !scheme.body_is_signed() {
            builder = builder.accept_unsigned_body();
        }
        if scheme.signs_url() {
            builder = builder.url(self.url.clone());
        }
        let verifier = builder
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let verified = verifier.verify(&delivery.request(), delivery.body().clone(), self.at);
        verified
            .map(drop)
            .map_err(|rejection| match scheme.time_pointer() {
                Some(at) if rejection.kind() == RejectionKind::TimestampMissing => {
                    refused(format!("{rejection}; write one at {at}"))
                }
                _ => refused(rejection.to_string()),
            })
    }
}

/// A command for bash, zsh or ksh that sends the delivery.
fn curl(
    scheme: &Scheme,
    delivery: &SignedDelivery,
    url: &str,
    body_name: &str,
    source: &Source,
) -> Result<String, Failure> {
    let url = match (url.split_once('?'), delivery.query()) {
        (_, None) => url.to_owned(),
        (Some((address, _)), Some(query)) => format!("{address}?{query}"),
        (None, Some(query)) => format!("{url}?{query}"),
    };
    let mut lines = vec![format!("curl {}", shell_word(&url))];
    for (name, value) in delivery.headers() {
        let is_secret = scheme.algorithm() == Algorithm::Token && name == scheme.signature_header();
        let word = if is_secret {
            format!("\"{name}: {}\"", reference(scheme, source)?)
        } else {
            shell_word(&format!("{name}: {value}"))
        };
        lines.push(format!("-H {word}"));
    }
    // The file itself is exact, whatever is in it; standard input is gone by now.
    let data = if body_name == "-" {
        let word = shell_bytes(delivery.body()).ok_or_else(|| {
            Failure::usage(
                "the body holds a zero byte, which no command line can: give `--body FILE`",
            )
        })?;
        // A body that begins with `@` would be taken for a file's name.
        format!("--data-raw {word}")
    } else {
        format!("--data-binary {}", shell_word(&format!("@{body_name}")))
    };
    lines.push(data);
    Ok(lines.join(" \\\n  "))
}

/// Text for a shell that reads the secret from where it is, in double quotes.
fn reference(scheme: &Scheme, source: &Source) -> Result<String, Failure> {
    let read = match source {
        Source::Env(name) => format!("printf %s \"${name}\""),
        Source::File(path) => format!("head -n 1 {}", shell_word(path)),
        Source::Prompt => {
            return Err(Failure::usage(
                "a secret that was typed cannot be in a command: give `--secret-env` or `--secret-file`",
            ));
        }
    };
    let text = match scheme.encoding() {
        Encoding::Text => format!("$({read})"),
        _ => format!("$({read} | base64 -w0)"),
    };
    Ok(match scheme.grammar() {
        Grammar::Prefix(prefix) => format!("{prefix}{text}"),
        _ => text,
    })
}
