//! A request's way through the listener.

use std::sync::Arc;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use countersign_core::{DEDUP_HEADER, Rejection, RejectionClass, Verified, scheme::Place};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use tower_service::Service as _;

use super::{
    Answered, News, Shared,
    recording::{Recording, Tee},
};
use crate::captures::{BodyState, Claim, End, Verdict, headers};

/// Answers a request.
pub(crate) async fn receive(shared: Arc<Shared>, request: Request<Incoming>) -> Response {
    let (mut head, body) = request.map(Body::new).into_parts();
    let path = head.uri.path();
    let endpoint = shared.endpoints.iter().find(|endpoint| {
        let own = endpoint.path.as_deref();
        own.is_none_or(|own| own == path)
    });
    let endpoint = endpoint.cloned();
    let recording = Arc::new(Recording::new(
        head.clone(),
        body,
        endpoint.clone(),
        Arc::clone(&shared.mask),
        shared.keep_body,
    ));
    let Some(endpoint) = endpoint else {
        let status = StatusCode::NOT_FOUND;
        let end = End {
            reason: Some(no_endpoint(&shared)),
            status: status.as_u16(),
            ..End::default()
        };
        report(&shared, &recording, Verdict::Nowhere, end, None).await;
        return (status, "no sender is received at this path\n").into_response();
    };
    head.extensions.insert(Arc::clone(&recording));
    let request = Request::from_parts(head, Tee(Arc::clone(&recording)));
    let answered = endpoint.service(&shared).call(request).await;
    let response = match answered {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    };
    let (verdict, end, verified) = judge(&recording, &response);
    report(&shared, &recording, verdict, end, verified.as_ref()).await;
    response
}

fn no_endpoint(shared: &Shared) -> String {
    let paths = shared
        .endpoints
        .iter()
        .filter_map(|endpoint| endpoint.path.as_deref());
    let paths: Vec<&str> = paths.collect();
    format!(
        "no sender is received at this path; there is {}",
        paths.join(", ")
    )
}

/// What the answer says of the request.
fn judge(recording: &Recording, response: &Response) -> (Verdict, End, Option<Verified>) {
    let rejection = response.extensions().get::<Rejection>();
    let dedup = response.headers().get(DEDUP_HEADER);
    let dedup = dedup.and_then(|value| value.to_str().ok());
    let handled = recording.runs().handled;
    let verdict = match rejection.map(|rejection| rejection.kind().class()) {
        // It was proved, and has not come to its end.
        Some(RejectionClass::NotYet) if handled || dedup.is_some() => Verdict::Verified,
        Some(RejectionClass::Refused) => Verdict::Refused,
        Some(_) => Verdict::NotYet,
        None if handled || dedup.is_some() => Verdict::Verified,
        None => Verdict::Handshake,
    };
    let reason = rejection.map(|rejection| match rejection.detail() {
        Some(_) => rejection.to_string(),
        None => match rejection.header() {
            Some(header) => format!("{} ({header})", rejection.kind().as_str()),
            None => rejection.kind().as_str().to_owned(),
        },
    });
    let verified = match verdict {
        Verdict::Verified => facts(recording),
        _ => None,
    };
    let mut end = End {
        reason,
        status: response.status().as_u16(),
        dedup: dedup.map(str::to_owned),
        ..End::default()
    };
    match &verified {
        Some(verified) => {
            end.event = verified.event_type().map(|event| Claim {
                value: event.as_str().to_owned(),
                signed: event.is_signed(),
            });
            end.delivery = verified.id().map(|id| Claim {
                value: id.to_owned(),
                signed: verified.id_is_signed(),
            });
        }
        None => {
            let scheme = recording.endpoint.as_ref().map(|endpoint| endpoint.scheme);
            let claimed = |place: Option<Place>| claimed(recording, place);
            end.event = claimed(scheme.and_then(|scheme| scheme.event()));
            end.delivery = claimed(scheme.and_then(|scheme| scheme.id()));
        }
    }
    // What is shown is masked as what is kept.
    for claim in [&mut end.event, &mut end.delivery] {
        claim.take_if(|claim| recording.mask.occurs(claim.value.as_bytes()));
    }
    (verdict, end, verified)
}

/// What a proved request says of itself. The receiver does not tell of duplicates, so it is read once more.
fn facts(recording: &Recording) -> Option<Verified> {
    let endpoint = recording.endpoint.as_ref()?;
    if recording.body_state() != BodyState::Whole {
        return None;
    }
    let request = recording.request();
    let body = request.body.clone();
    let verifier = endpoint.receiver.verifier();
    verifier
        .verify(&request, body.into(), recording.received)
        .ok()
}

/// A header that anybody may have written.
fn claimed(recording: &Recording, place: Option<Place>) -> Option<Claim> {
    let Some(Place::Header(name)) = place else {
        return None;
    };
    let value = recording.head().headers.get(name)?;
    let value: String = value.to_str().ok()?.chars().take(256).collect();
    Some(Claim {
        value,
        signed: false,
    })
}

/// Keeps and tells what came of a request.
async fn report(
    shared: &Arc<Shared>,
    recording: &Arc<Recording>,
    verdict: Verdict,
    mut end: End,
    verified: Option<&Verified>,
) {
    // What was refused for its head was not read.
    if recording.body_state() == BodyState::Unread
        && let Ok(_permit) = shared.rests.try_acquire()
    {
        recording.read_rest().await;
    }
    end.took_ms = u64::try_from(recording.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let shown = {
        let runs = recording.runs();
        match verdict {
            Verdict::Verified if runs.handled => runs.matched,
            Verdict::Verified => {
                let event = end.event.as_ref().map(|event| event.value.as_str());
                verified.is_none_or(|verified| shared.filter.matches(event, verified.body()))
            }
            _ => true,
        }
    };
    let kept = recording.keep(&shared.captures).await;
    let ended = match kept {
        Ok(number) => {
            shared
                .captures
                .with(move |file| file.end(number, verdict, &end))
                .await
        }
        Err(error) => Err(error),
    };
    let summary = match ended {
        Ok(Some(summary)) => summary,
        // So many came since that it is gone.
        Ok(None) => return,
        Err(error) => return shared.fail(&error),
    };
    {
        let mut runs = recording.runs();
        runs.reported = true;
    }
    if verdict == Verdict::Refused {
        let number = summary.number;
        shared.explainer.ask(number, recording);
    }
    let headers = if shared.verbose {
        masked_headers(recording)
    } else {
        Vec::new()
    };
    shared.changed(Some(summary.clone()));
    shared.tell(News::Answered(Box::new(Answered {
        summary,
        shown,
        headers,
    })));
}

fn masked_headers(recording: &Recording) -> Vec<headers::Shown> {
    let mut request = recording.request();
    request.body.clear();
    let (masked, _) = recording.mask.apply(recording.scheme(), &mut request);
    let of = request.headers.iter().zip(masked);
    of.map(|((name, value), masked)| headers::Shown {
        name: name.clone(),
        value: String::from_utf8_lossy(value).into_owned(),
        masked,
    })
    .collect()
}
