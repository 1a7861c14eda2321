//! All presets as a page and as data, written from the presets themselves.

use std::time::Duration;

use countersign_core::{
    Algorithm,
    scheme::{
        Compression, Encoding, Grammar, IdenticalBodies, KeyFormat, Location, Part, Place,
        RetryTime, Scheme, TimeUnit,
    },
};
use countersign_senders::{Preset, all, missing};
use serde_json::{Map, Value, json};

/// The page `docs/schemes.md`.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(HEAD);
    let mut presets: Vec<_> = all().collect();
    presets.sort_by_key(|preset| preset.title.to_lowercase());
    page.push_str(&format!("{} senders.\n\n", presets.len()));
    page.push_str(
        "| sender | name | signature | signed | not signed | a delivery is | retries | sure |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for preset in &presets {
        let scheme = &preset.scheme;
        let (signed, unsigned) = covered(scheme);
        page.push_str(&format!(
            "| [{}](https://{}) | `{}` | {} | {} | {} | {} | {} | {} |\n",
            preset.title,
            preset.source.split(' ').next().unwrap_or_default(),
            preset.name,
            signature(scheme),
            signed,
            unsigned,
            delivery(scheme),
            retries(scheme),
            preset.confidence.as_str(),
        ));
    }
    page.push_str("\n## What else a receiver should know\n\n");
    for preset in presets.iter().filter(|preset| !preset.note.is_empty()) {
        page.push_str(&format!("* **{}**: {}\n", preset.title, preset.note));
    }
    page.push_str(MISSING);
    for sender in missing() {
        page.push_str(&format!(
            "| [{}](https://{}) | {} | {} |\n",
            sender.title, sender.source, sender.why, sender.instead
        ));
    }
    page
}

const HEAD: &str = "\
# Senders

Written from the presets by `COUNTERSIGN_WRITE=1 cargo test -p countersign-tests --test presets written`; a
test fails when it is stale. The same as data, for other languages: [senders.json](senders.json).

A signature proves what it covers and nothing else. What is in the column *not signed* can be changed by anybody
who captured one genuine request; [what-counts-as-a-copy.md](what-counts-as-a-copy.md) says what countersign does
about that. *Sure*: `high` means that the facts are from the sender's documentation or library, and that published
signatures verify where there are any; `low`, that no page of the sender's was read: try it before you rely on it.

A *procedure* is code that says which bytes are signed, where no data can: what it names is the *message*, and
nothing else of the request is proved (`Verified::proved_message`).

A *token* is a shared secret that is sent as it is: it proves who sent a request and nothing about it. *SHA-1* and
*SHA-256* without HMAC are plain hashes over bytes that hold the secret.

In code a sender is the constant of that name in its family's module, or is looked up by the name:

```text
Receiver::builder(countersign::senders::payments::ORB)

let orb = countersign::senders::find(\"orb\").ok_or(\"no such sender\")?;
Receiver::builder(orb.scheme)
```

The column *signature* is all that is needed to sign by hand and try a receiver with curl. For
`X-Orb-Signature: v1=..`, HMAC-SHA256, hex, of `v1:{time}:{body}`:

```sh
body='{\"id\":\"1\",\"type\":\"resource_event.test\"}'
time=$(date -u +%Y-%m-%dT%H:%M:%S.%6N)
tag=$(printf 'v1:%s:%s' \"$time\" \"$body\" | openssl dgst -sha256 -hmac \"$ORB_WEBHOOK_SECRET\" -r | cut -d' ' -f1)
curl -i http://127.0.0.1:3000/webhooks/orb -H 'Content-Type: application/json' \\
    -H \"X-Orb-Timestamp: $time\" -H \"X-Orb-Signature: v1=$tag\" --data-raw \"$body\"
```

A refusal says why only in the log (feature `tracing`), never to whoever sent it: [refusals.md](refusals.md).

Where a sender does not say for how long it retries, three days are assumed; where it does not say whether retries
are stamped anew, they are taken to keep their first time.

";

const MISSING: &str = "
## Senders that are missing, and why

| sender | what a scheme cannot say | until then |
| --- | --- | --- |
";

/// Where the signature is, and what it is of: all that is needed to sign by hand.
fn signature(scheme: &Scheme) -> String {
    let header = scheme.signature_header();
    let numbered = format!("{header}1");
    let header = match scheme.location() {
        Location::Numbered(_) => &numbered,
        _ => header,
    };
    let header = match scheme.grammar() {
        Grammar::Bare => header.to_owned(),
        Grammar::Prefix(prefix) | Grammar::OptionalPrefix(prefix) => {
            format!("{header}: {prefix}..")
        }
        Grammar::Pairs { separator, tags } => {
            let keys = scheme.time_key().into_iter().chain(tags.iter().copied());
            let pairs: Vec<_> = keys.map(|key| format!("{key}=..")).collect();
            format!("{header}: {}", pairs.join(&separator.to_string()))
        }
        Grammar::Versioned(versions) => {
            let tags: Vec<_> = versions.iter().map(|tag| format!("{tag},..")).collect();
            format!("{header}: {}", tags.join(" "))
        }
        Grammar::TimeThenTags { separator } => format!("{header}: {{time}}{separator}.."),
        _ => header.to_owned(),
    };
    if let Some(procedure) = scheme.procedure() {
        let at = match scheme.location() {
            Location::Body(pointer) => format!("`{pointer}` in the body"),
            _ => format!("`{header}`"),
        };
        let (name, encoding) = (algorithm_name(scheme), encoding(scheme));
        return format!("{at}, {name}, {encoding}, procedure `{}`", procedure.name());
    }
    if !scheme.body_is_signed() {
        return match scheme.location() {
            Location::Body(pointer) => format!("token at `{pointer}` in the body"),
            _ => format!("`{header}`, token, {}", encoding(scheme)),
        };
    }
    let of = template(scheme).replace('|', "\\|").replace('\n', "\\n");
    let (name, encoding) = (algorithm_name(scheme), encoding(scheme));
    format!("`{header}`, {name}, {encoding}, of `{of}`")
}

fn algorithm_name(scheme: &Scheme) -> String {
    match scheme.algorithm() {
        Algorithm::PlainSha256 => "SHA-256".to_owned(),
        Algorithm::PlainSha1 => "SHA-1".to_owned(),
        Algorithm::EcdsaP256Sha256 => "ECDSA-P256-SHA256".to_owned(),
        Algorithm::RsaSha256 => "RSA-SHA256".to_owned(),
        Algorithm::Token => "token".to_owned(),
        other => format!("{other:?}").replace("HmacSha", "HMAC-SHA"),
    }
}

fn encoding(scheme: &Scheme) -> &'static str {
    match scheme.encoding() {
        Encoding::Hex => "hex",
        Encoding::Base64 => "base64",
        Encoding::Base64Url => "base64url",
        Encoding::Text => "text",
        _ => "other",
    }
}

/// What the signature covers, and what it does not.
fn covered(scheme: &Scheme) -> (String, String) {
    let (mut signed, mut unsigned) = match (scheme.body_is_signed(), scheme.procedure()) {
        (true, _) => (vec!["body"], Vec::new()),
        (false, None) => (vec!["**nothing**"], vec!["body"]),
        (false, Some(_)) => (vec!["its message"], vec!["the rest of the body"]),
    };
    for (what, there, covered) in [
        ("id", scheme.id().is_some(), scheme.id_is_signed()),
        ("type", scheme.event().is_some(), scheme.event_is_signed()),
        (
            "time",
            scheme.time_unit().is_some(),
            scheme.time_is_signed(),
        ),
    ] {
        match (there, covered) {
            (true, true) => signed.push(what),
            (true, false) => unsigned.push(what),
            (false, _) => {}
        }
    }
    if scheme.signs_url() {
        signed.push("URL");
    }
    if scheme.time_unit().is_none() {
        unsigned.push("there is no time");
    }
    (signed.join(", "), unsigned.join(", "))
}

fn delivery(scheme: &Scheme) -> String {
    match (scheme.id(), scheme.identical_bodies()) {
        (Some(place), _) => format!("its id, {}", place_text(place)),
        (None, Some(IdenticalBodies::Copies { within })) if !scheme.content_key().is_empty() => {
            let fields = scheme.content_key().join("`, `");
            format!("what is at `{fields}`, for {}", span(within))
        }
        (None, Some(IdenticalBodies::Copies { within })) => {
            let by = match (scheme.procedure(), scheme.body_is_signed()) {
                (Some(_), false) => "its message",
                _ => "its body",
            };
            format!("{by}, for {}", span(within))
        }
        _ => "every request".to_owned(),
    }
}

fn place_text(place: Place) -> String {
    match place {
        Place::Header(name) => format!("`{name}`"),
        Place::Body(pointer) => format!("`{pointer}` in the body"),
        _ => String::new(),
    }
}

fn retries(scheme: &Scheme) -> String {
    if scheme.retry_span().is_zero() {
        return "none".to_owned();
    }
    let stamps = match (scheme.time_is_signed(), scheme.retry_time()) {
        (false, _) => "",
        (true, RetryTime::Renewed) => ", stamped anew",
        (true, _) => ", perhaps with their first time",
    };
    format!("for {}{stamps}", span(scheme.retry_span()))
}

fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The file `docs/senders.json`.
#[must_use]
pub fn data() -> String {
    let senders: Vec<Value> = all().map(sender).collect();
    let all = json!({ "$schema": "./senders.schema.json", "version": 1, "senders": senders });
    // A writer that cannot fail.
    format!("{all:#}\n")
}

fn sender(preset: &Preset) -> Value {
    let scheme = &preset.scheme;
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            fields.insert(name.to_owned(), value);
        }
    };
    put("name", json!(preset.name));
    put("title", json!(preset.title));
    put("source", json!(preset.source));
    put("confidence", json!(preset.confidence.as_str()));
    let (location, headers) = match scheme.location() {
        Location::Header(name) => ("one", vec![name]),
        Location::AnyOf(names) => ("first", names.to_vec()),
        Location::AllOf(names) => ("all", names.to_vec()),
        Location::Repeated(name) => ("repeated", vec![name]),
        Location::Numbered(name) => ("numbered", vec![name]),
        Location::Body(_) => ("body", Vec::new()),
        _ => ("other", Vec::new()),
    };
    put(
        "signature",
        json!({
            "headers": headers,
            "which": location,
            "grammar": grammar(scheme),
            "algorithm": algorithm_name(scheme),
            "encoding": encoding(scheme),
        }),
    );
    if let Location::Body(pointer) = scheme.location() {
        let name = match scheme.procedure() {
            Some(_) => "signature_pointer",
            None => "token",
        };
        put(name, json!(pointer));
    }
    if let Some(procedure) = scheme.procedure() {
        put("procedure", json!(procedure.name()));
        put("body_is_signed", json!(scheme.body_is_signed()));
    }
    if !scheme.covered().is_empty() {
        put("covered", json!(scheme.covered()));
    }
    put("key", key(scheme));
    put("signed", json!(template(scheme)));
    put("json_body", scheme.is_json_body().then_some(true).into());
    put(
        "gzip",
        match scheme.compression() {
            Some(Compression::SignedBefore) => json!("signed_before"),
            Some(_) => json!("signed_after"),
            None => Value::Null,
        },
    );
    put("id_length", json!(scheme.id_length()));
    put("time_digits", json!(scheme.time_digits()));
    put("id", place(scheme.id(), scheme.id_is_signed()));
    put("event", place(scheme.event(), scheme.event_is_signed()));
    put("time", time(scheme));
    put(
        "without_id",
        match scheme.identical_bodies() {
            Some(IdenticalBodies::Copies { within }) => {
                json!({ "equal_bodies": "copies", "within_seconds": within.as_secs() })
            }
            Some(_) => json!({ "equal_bodies": "events" }),
            None => Value::Null,
        },
    );
    if !scheme.content_key().is_empty() {
        put("content_key", json!(scheme.content_key()));
    }
    put("id_copy", json!(scheme.id_copy()));
    put("event_copy", json!(scheme.event_copy()));
    put("attempt_header", json!(scheme.attempt_header()));
    put("content_types", json!(scheme.content_types()));
    put("form_field", json!(scheme.form_field()));
    put("body_limit", json!(scheme.body_limit()));
    put("pings", json!(scheme.pings()));
    put("batch", json!(scheme.batch()));
    let handshakes: Vec<_> = scheme.handshakes().iter().map(|one| one.as_str()).collect();
    if !handshakes.is_empty() {
        put("handshakes", json!(handshakes));
    }
    put("done_body", json!(scheme.done_body()));
    put("retry_span_seconds", json!(scheme.retry_span().as_secs()));
    let budget = u64::try_from(scheme.response_budget().as_millis()).unwrap_or(u64::MAX);
    put("response_budget_ms", json!(budget));
    put("switch_off_after", json!(scheme.switch_off_after()));
    put(
        "note",
        if preset.note.is_empty() {
            Value::Null
        } else {
            json!(preset.note)
        },
    );
    put(
        "sample",
        serde_json::from_str(preset.sample).unwrap_or(Value::Null),
    );
    Value::Object(fields)
}

fn grammar(scheme: &Scheme) -> Value {
    match scheme.grammar() {
        Grammar::Bare => json!({ "kind": "bare" }),
        Grammar::Prefix(prefix) => json!({ "kind": "prefix", "prefix": prefix }),
        Grammar::OptionalPrefix(prefix) => json!({ "kind": "optional_prefix", "prefix": prefix }),
        Grammar::Pairs { separator, tags } => {
            json!({ "kind": "pairs", "separator": separator, "tags": tags })
        }
        Grammar::Versioned(versions) => json!({ "kind": "versioned", "versions": versions }),
        Grammar::TimeThenTags { separator } => {
            json!({ "kind": "time_then_tags", "separator": separator })
        }
        _ => json!({ "kind": "other" }),
    }
}

fn key(scheme: &Scheme) -> Value {
    match scheme.key_format() {
        KeyFormat::Text => json!({ "format": "text" }),
        KeyFormat::TextWithPrefix(prefix) => json!({ "format": "text", "prefix": prefix }),
        KeyFormat::Hex => json!({ "format": "hex" }),
        KeyFormat::Base64 => json!({ "format": "base64" }),
        KeyFormat::Base64AfterPrefix(prefix) => {
            json!({ "format": "base64", "after_prefix": prefix })
        }
        KeyFormat::PublicKey => json!({ "format": "public" }),
        KeyFormat::PublicKeyAfterPrefix(prefix) => {
            json!({ "format": "public", "after_prefix": prefix })
        }
        _ => json!({ "format": "other" }),
    }
}

/// The signed bytes as a template: `{id}.{time}.{body}`.
fn template(scheme: &Scheme) -> String {
    let part = |part: &Part| match part {
        Part::Literal(text) => (*text).to_owned(),
        Part::Timestamp => "{time}".to_owned(),
        Part::Id => "{id}".to_owned(),
        Part::Header(name) => format!("{{header:{name}}}"),
        Part::Url => "{url}".to_owned(),
        Part::Secret => "{secret}".to_owned(),
        Part::Body => "{body}".to_owned(),
        _ => "{other}".to_owned(),
    };
    scheme.signed().iter().map(part).collect()
}

fn place(place: Option<Place>, signed: bool) -> Value {
    match place {
        Some(Place::Header(name)) => json!({ "header": name, "signed": signed }),
        Some(Place::Body(pointer)) => json!({ "pointer": pointer, "signed": signed }),
        _ => Value::Null,
    }
}

fn time(scheme: &Scheme) -> Value {
    let Some(unit) = scheme.time_unit() else {
        return Value::Null;
    };
    let mut time = json!({
        "unit": match unit {
            TimeUnit::Seconds => "seconds",
            TimeUnit::Millis => "milliseconds",
            TimeUnit::Rfc3339 => "rfc3339",
            TimeUnit::Rfc3339WithoutZone => "rfc3339_without_zone",
            _ => "other",
        },
        "signed": scheme.time_is_signed(),
        "retries": match scheme.retry_time() {
            RetryTime::Renewed => "renewed",
            RetryTime::Kept => "kept",
            _ => "unknown",
        },
    });
    let at = [
        ("header", scheme.time_header()),
        ("pointer", scheme.time_pointer()),
        ("signature_key", scheme.time_key()),
    ];
    for (name, value) in at {
        if let Some(value) = value {
            time[name] = json!(value);
        }
    }
    if let Some(tolerance) = scheme.tolerance() {
        time["past_seconds"] = json!(tolerance.past.as_secs());
        time["future_seconds"] = json!(tolerance.future.as_secs());
    }
    time
}
