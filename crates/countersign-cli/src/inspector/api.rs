//! What the page asks.

use core::convert::Infallible;
use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{Stream, stream};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::Desk;
use crate::{
    captures::{BodyState, Capture, CaptureError},
    replay::{Way, hindrance, send},
    show::{shell_bytes, shell_word},
};

/// The most rows that are given at once.
const ROWS: u32 = 2_000;
/// What of a body is shown; all of it can be saved.
const SHOWN: usize = 256 * 1024;
/// The longest body that is written into a command.
const IN_COMMAND: usize = 64 * 1024;

/// Why there is no answer.
pub(super) enum Fault {
    Missing,
    Bad(&'static str),
    Captures(CaptureError),
}

impl From<CaptureError> for Fault {
    fn from(error: CaptureError) -> Self {
        Self::Captures(error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::Missing => (
                StatusCode::NOT_FOUND,
                "this request is not kept any more".to_owned(),
            ),
            Self::Bad(error) => (StatusCode::CONFLICT, error.to_owned()),
            Self::Captures(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        };
        (status, Json(json!({ "error": error }))).into_response()
    }
}

type Numbered = Path<(String, i64)>;

pub(super) async fn about(State(desk): State<Arc<Desk>>) -> Json<Value> {
    let endpoints: Vec<Value> = desk
        .shared
        .endpoints
        .iter()
        .map(|endpoint| {
            json!({
                "scheme": endpoint.scheme.name(),
                "path": endpoint.path,
                "forward": endpoint.forward.as_ref().map(|target| &target.url),
            })
        })
        .collect();
    Json(json!({ "listener": desk.listener_url, "endpoints": endpoints }))
}

pub(super) async fn list(State(desk): State<Arc<Desk>>, uri: Uri) -> Result<Json<Value>, Fault> {
    let before = uri.query().and_then(|query| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == "before")?.1.parse().ok()
    });
    let before = before.unwrap_or(i64::MAX);
    let rows = desk
        .shared
        .captures
        .with(move |file| file.list(before, ROWS))
        .await?;
    Ok(Json(json!({ "captures": rows })))
}

pub(super) async fn one(
    State(desk): State<Arc<Desk>>,
    Path((_, number)): Numbered,
) -> Result<Json<Value>, Fault> {
    let capture = get(&desk, number).await?;
    let headers: Vec<_> = capture
        .headers
        .iter()
        .map(|header| header.shown())
        .collect();
    let shown = capture.body.get(..SHOWN).unwrap_or(&capture.body);
    Ok(Json(json!({
        "summary": capture.summary,
        "headers": headers,
        "body": STANDARD.encode(shown),
        "body_state": capture.body_state,
        "body_kept": capture.body.len(),
        "explanation": capture.explanation,
        "replays": capture.replays,
        "curl": curl(&desk, &capture),
        "hindrance": {
            "forward": to_forward(&desk, &capture).err(),
            "listener": hindrance(&capture, Way::Listener),
        },
    })))
}

/// The bytes, to be saved and never to be shown by the browser.
pub(super) async fn body(
    State(desk): State<Arc<Desk>>,
    Path((_, number)): Numbered,
) -> Result<Response, Fault> {
    let capture = get(&desk, number).await?;
    let mut response = Bytes::from(capture.body).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    let name = format!("attachment; filename=\"body-{number}.bin\"");
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

pub(super) async fn replay(
    State(desk): State<Arc<Desk>>,
    Path((_, number)): Numbered,
    headers: HeaderMap,
    asked: Bytes,
) -> Result<Json<Value>, Fault> {
    // A form of another page cannot send this type.
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes() == b"application/json");
    let asked: Value = serde_json::from_slice(&asked).unwrap_or_default();
    let way = match asked["to"].as_str() {
        Some("forward") if is_json => Way::Forward,
        Some("listener") if is_json => Way::Listener,
        _ => return Err(Fault::Bad("a replay goes to `forward` or to `listener`")),
    };
    let capture = get(&desk, number).await?;
    let (upstream, url) = match way {
        Way::Forward => {
            let target = to_forward(&desk, &capture).map_err(Fault::Bad)?;
            (target.upstream, target.url)
        }
        Way::Listener => {
            if let Some(why) = hindrance(&capture, way) {
                return Err(Fault::Bad(why));
            }
            (desk.listener.clone(), desk.listener_url.clone())
        }
    };
    let replay = send(&desk.shared.forwarder, &upstream, &url, capture).await;
    let kept = replay.clone();
    desk.shared
        .captures
        .with(move |file| file.add_replay(number, &kept))
        .await?;
    Ok(Json(json!({ "replay": replay })))
}

/// Where a capture is passed on to, or why it is not.
fn to_forward(
    desk: &Desk,
    capture: &Capture,
) -> Result<crate::listen::endpoint::Target, &'static str> {
    if let Some(why) = hindrance(capture, Way::Forward) {
        return Err(why);
    }
    let scheme = capture.summary.scheme.as_deref();
    let endpoint = desk.shared.endpoints.iter().find(|endpoint| {
        Some(endpoint.scheme.name()) == scheme
            && endpoint
                .path
                .as_deref()
                .is_none_or(|path| capture.target.split('?').next() == Some(path))
    });
    let endpoint = endpoint.ok_or("its sender is not received by this listener")?;
    let target = endpoint.forward.clone();
    target.ok_or("nothing is passed on: `listen --forward URL` says where to")
}

async fn get(desk: &Desk, number: i64) -> Result<Capture, Fault> {
    let found = desk
        .shared
        .captures
        .with(move |file| file.get(number))
        .await?;
    found.ok_or(Fault::Missing)
}

/// A command that sends the request to the listener once more.
fn curl(desk: &Desk, capture: &Capture) -> String {
    let url = format!("{}{}", desk.listener_url, capture.target);
    // As it is: brackets and braces are no patterns, and `/../` stays.
    let mut command = format!("curl -g --path-as-is {}", shell_word(&url));
    if capture.summary.method != "POST" {
        command.push_str(&format!(" -X {}", shell_word(&capture.summary.method)));
    }
    for header in &capture.headers {
        // curl writes these by itself.
        if [
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "accept",
            "user-agent",
            "expect",
        ]
        .contains(&&*header.name)
        {
            continue;
        }
        let mut line = format!("{}: ", header.name).into_bytes();
        line.extend(&header.value);
        if let Some(word) = shell_bytes(&line) {
            command.push_str(&format!(" \\\n  -H {word}"));
        }
    }
    let whole = capture.body_state == BodyState::Whole && capture.body.len() <= IN_COMMAND;
    // A first character `@` would name a file.
    let is_file = capture.body.first() == Some(&b'@');
    let body = (whole && !is_file)
        .then(|| shell_bytes(&capture.body))
        .flatten();
    match body {
        _ if capture.body.is_empty() && capture.summary.method != "POST" => {}
        Some(word) => command.push_str(&format!(" \\\n  --data-binary {word}")),
        None => command.push_str(&format!(
            " \\\n  --data-binary @body-{}.bin",
            capture.summary.number
        )),
    }
    command
}

/// A stream of rows that are new or have changed.
pub(super) async fn changes(
    State(desk): State<Arc<Desk>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let heard = desk.shared.changes.subscribe();
    let events = stream::unfold(Some(heard), |heard| async move {
        let mut heard = heard?;
        let event = match heard.recv().await {
            Ok(summary) => Event::default().event("capture").json_data(&summary).ok()?,
            // It was too slow, and asks for the list again.
            Err(RecvError::Lagged(_)) => Event::default().event("behind").data("-"),
            Err(RecvError::Closed) => return None,
        };
        Some((Ok(event), Some(heard)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_asks_nobody_else_and_makes_no_markup_of_text() {
        for (name, text) in [
            ("page.html", super::super::PAGE),
            ("page.css", super::super::STYLE),
            ("page.js", super::super::SCRIPT),
        ] {
            for word in ["http://", "https://", "//cdn", "@import", "url("] {
                assert!(!text.contains(word), "{name} has {word}");
            }
        }
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "DOMParser",
            "createContextualFragment",
            ".srcdoc",
        ] {
            assert!(!super::super::SCRIPT.contains(word), "page.js has {word}");
        }
        // The policy lets no script and no style of the page itself run.
        for word in ["<script>", "<style", " style=", " onclick=", "javascript:"] {
            assert!(!super::super::PAGE.contains(word), "page.html has {word}");
        }
    }
}
