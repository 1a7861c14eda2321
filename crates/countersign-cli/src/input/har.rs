//! A request in an HTTP archive (HAR 1.2).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{Address, Request};

#[derive(Deserialize)]
struct Archive {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Recorded,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct PostData {
    text: Option<String>,
    encoding: Option<String>,
    #[serde(default)]
    params: Vec<serde::de::IgnoredAny>,
}

/// Reads the n-th entry, from 1, or the first one that is `wanted`.
pub(crate) fn parse(
    bytes: &[u8],
    entry: Option<usize>,
    wanted: impl Fn(&Request) -> bool,
) -> Result<Request, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let archive: Archive = serde_json::from_slice(bytes).map_err(|error| {
        format!(
            "this is no HTTP archive (line {}): {}",
            error.line(),
            kind(&error)
        )
    })?;
    let entries = archive.log.entries;
    let all = entries.len();
    if let Some(number) = entry {
        let found = number
            .checked_sub(1)
            .and_then(|at| entries.into_iter().nth(at));
        let found =
            found.ok_or_else(|| format!("there is no entry {number}; the archive has {all}"))?;
        return found.request.read();
    }
    for entry in entries {
        // An entry that cannot be read is not the one.
        if let Ok(request) = entry.request.read()
            && wanted(&request)
        {
            return Ok(request);
        }
    }
    Err(format!(
        "none of the {all} entries has the scheme's signature header; `--entry N` takes another"
    ))
}

fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Data => "a field is missing or of another kind",
        _ => "it is not JSON",
    }
}

impl Recorded {
    fn read(self) -> Result<Request, String> {
        let address = Address::parse(&self.url).ok_or("the request's `url` is no address")?;
        let mut request = Request {
            method: self.method.to_uppercase(),
            target: address.target,
            url: Some(self.url),
            ..Request::default()
        };
        for Pair { name, value } in self.headers {
            // HTTP/2 has the first line in headers of its own.
            if !name.starts_with(':') {
                request.add(name.as_bytes(), value.trim().as_bytes())?;
            }
        }
        request.body = match self.post_data {
            None => Vec::new(),
            Some(PostData {
                text: Some(text),
                encoding,
                ..
            }) => match encoding.as_deref() {
                Some("base64") => STANDARD
                    .decode(text)
                    .map_err(|_| "`postData.text` is not the base64 that `encoding` says")?,
                _ => text.into_bytes(),
            },
            Some(PostData { params, .. }) if params.is_empty() => Vec::new(),
            Some(_) => {
                return Err("the archive holds the fields of a form and not its bytes, and only bytes are signed".to_owned());
            }
        };
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(request: &str) -> String {
        format!(
            r#"{{"log":{{"entries":[{{"request":{{"method":"GET","url":"https://a.example/"}}}},{{"request":{request}}}]}}}}"#
        )
    }

    #[test]
    fn the_entry_with_the_signature_is_taken() {
        let text = archive(
            r#"{"method":"post","url":"https://b.example/h?x=1","headers":[{"name":":path","value":"/h"},{"name":"X-Sig","value":"00"}],"postData":{"mimeType":"application/json","text":"{\"a\":\"ü\"}"}}"#,
        );
        let wanted = |request: &Request| request.header("x-sig").is_some();
        let request = parse(text.as_bytes(), None, wanted).unwrap();
        assert_eq!((&*request.method, &*request.target), ("POST", "/h?x=1"));
        assert_eq!(request.body, "{\"a\":\"ü\"}".as_bytes());
        assert_eq!(
            parse(text.as_bytes(), Some(1), wanted).unwrap().method,
            "GET"
        );
        for (entry, due) in [(Some(3), "no entry 3"), (Some(0), "no entry 0")] {
            assert!(
                parse(text.as_bytes(), entry, wanted)
                    .unwrap_err()
                    .contains(due)
            );
        }
        assert!(
            parse(text.as_bytes(), None, |_| false)
                .unwrap_err()
                .contains("none of the 2")
        );
    }

    #[test]
    fn bodies_are_bytes() {
        let of = |data: &str| {
            let text = archive(&format!(
                r#"{{"method":"POST","url":"https://b.example/","postData":{data}}}"#
            ));
            parse(text.as_bytes(), Some(2), |_| true)
        };
        assert_eq!(
            of(r#"{"text":"/w==","encoding":"base64"}"#).unwrap().body,
            b"\xff"
        );
        assert!(
            of(r#"{"text":"?","encoding":"base64"}"#)
                .unwrap_err()
                .contains("base64")
        );
        assert!(
            of(r#"{"params":[{"name":"a"}]}"#)
                .unwrap_err()
                .contains("form")
        );
        assert!(parse(b"{", None, |_| true).unwrap_err().contains("line 1"));
        assert!(
            parse(b"{}", None, |_| true)
                .unwrap_err()
                .contains("missing")
        );
    }
}
