//! A request as Amazon API Gateway, a load balancer or a function's own address hands it to a function.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::Request;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    http_method: Option<String>,
    path: Option<String>,
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    query_string_parameters: Option<BTreeMap<String, String>>,
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    headers: Option<BTreeMap<String, String>>,
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    #[serde(default)]
    request_context: Context,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    http: Option<Http>,
}

#[derive(Deserialize)]
struct Http {
    method: Option<String>,
}

/// Reads an event of format 1.0 or 2.0.
pub(crate) fn parse(bytes: &[u8]) -> Result<Request, String> {
    let event: Event = serde_json::from_slice(bytes).map_err(|error| {
        format!(
            "this is no event of API Gateway (line {}): not JSON, or a field of another kind",
            error.line()
        )
    })?;
    let method = event
        .http_method
        .or(event.request_context.http.and_then(|http| http.method));
    let method = method.ok_or(
        "this is no event of API Gateway: neither `httpMethod` nor `requestContext.http.method` is there",
    )?;
    let path = event
        .raw_path
        .or(event.path)
        .unwrap_or_else(|| "/".to_owned());
    let query = event
        .raw_query_string
        .filter(|query| !query.is_empty())
        .or_else(|| {
            let many = event
                .multi_value_query_string_parameters
                .unwrap_or_default();
            let one = event.query_string_parameters.unwrap_or_default();
            let pairs: Vec<String> = if many.is_empty() {
                one.iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect()
            } else {
                let each = |(name, values): (&String, &Vec<String>)| {
                    values
                        .iter()
                        .map(|value| format!("{name}={value}"))
                        .collect::<Vec<_>>()
                };
                many.iter().flat_map(each).collect()
            };
            (!pairs.is_empty()).then(|| pairs.join("&"))
        });
    let mut request = Request {
        method: method.to_uppercase(),
        target: match query {
            Some(query) => format!("{path}?{query}"),
            None => path,
        },
        ..Request::default()
    };
    let many = event.multi_value_headers.unwrap_or_default();
    if many.is_empty() {
        for (name, value) in event.headers.unwrap_or_default() {
            request.add(name.as_bytes(), value.trim().as_bytes())?;
        }
    } else {
        for (name, value) in many
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
        {
            request.add(name.as_bytes(), value.trim().as_bytes())?;
        }
    }
    let host = request
        .header("host")
        .and_then(|host| std::str::from_utf8(host).ok());
    request.url = host.map(|host| format!("https://{host}{}", request.target));
    let body = event.body.unwrap_or_default();
    request.body = if event.is_base64_encoded {
        STANDARD
            .decode(body)
            .map_err(|_| "`isBase64Encoded` is true, and `body` is not base64")?
    } else {
        body.into_bytes()
    };
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read() {
        let first = br#"{"httpMethod":"POST","path":"/h","queryStringParameters":{"a":"1"},"headers":{"Host":"x.example","X-Sig":"00"},"multiValueHeaders":null,"body":"e30=","isBase64Encoded":true}"#;
        let request = parse(first).unwrap();
        assert_eq!((&*request.method, &*request.target), ("POST", "/h?a=1"));
        assert_eq!(request.url.as_deref(), Some("https://x.example/h?a=1"));
        assert_eq!(
            (request.header("x-sig"), &*request.body),
            (Some(&b"00"[..]), &b"{}"[..])
        );
        let second = br#"{"version":"2.0","rawPath":"/h","rawQueryString":"","headers":{"x-sig":"00"},"requestContext":{"http":{"method":"POST"}},"body":"{}"}"#;
        let request = parse(second).unwrap();
        assert_eq!((&*request.target, &*request.body), ("/h", &b"{}"[..]));
        let many = br#"{"httpMethod":"POST","path":"/","multiValueHeaders":{"X-Sig":["00","11"]}}"#;
        assert_eq!(parse(many).unwrap().headers.len(), 2);
    }

    #[test]
    fn what_is_no_event_is_said() {
        for (text, due) in [
            ("{", "line 1"),
            ("{}", "httpMethod"),
            (
                r#"{"httpMethod":"POST","body":"?","isBase64Encoded":true}"#,
                "not base64",
            ),
        ] {
            let said = parse(text.as_bytes()).unwrap_err();
            assert!(said.contains(due), "{said}");
        }
    }
}
