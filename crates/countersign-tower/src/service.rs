use core::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use countersign_core::{
    Admitted, Answer, DEDUP_HEADER, Dedup, Handle, Outcome, Receiver, Reply, Verdict,
};
use futures_util::{
    TryStreamExt,
    future::{CatchUnwind, FutureExt},
};
use http::{HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{ResponseBody, ResponseFuture, VerifiedBody, response_from_answer};

/// The service that [`ReceiverLayer`](crate::ReceiverLayer) makes.
///
/// See the [crate docs](crate) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct ReceiverService<S> {
    inner: S,
    receiver: Receiver,
}

impl<S> ReceiverService<S> {
    pub(crate) const fn new(inner: S, receiver: Receiver) -> Self {
        Self { inner, receiver }
    }
}

impl<S, B, R> Service<Request<B>> for ReceiverService<S>
where
    S: Service<Request<VerifiedBody>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<R, S::Error>;

    /// Always ready: the inner service is awaited ready once a request is proved.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (inner, receiver) = (self.inner.clone(), self.receiver.clone());
        ResponseFuture::new(async move {
            match serve(inner, &receiver, request).await {
                Ok(result) => result,
                Err(answer) => Ok(response_from_answer(&answer)),
            }
        })
    }
}

async fn serve<S, B, R>(
    inner: S,
    receiver: &Receiver,
    request: Request<B>,
) -> Result<Result<Response<ResponseBody<R>>, S::Error>, Answer>
where
    S: Service<Request<VerifiedBody>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
    B: Body,
{
    let (head, body) = request.into_parts();
    let chunks = body
        .into_data_stream()
        .map_ok(|mut data| data.copy_to_bytes(data.remaining()));
    let received = receiver.receive(&head, chunks).await?;
    let accepted = receiver.accept(received).await?;

    let mut parts = Some((inner, head));
    let call = move |admitted: &Admitted, still_needed: bool| {
        let parts = if still_needed {
            parts.clone()
        } else {
            parts.take()
        };
        let admitted = admitted.clone();
        match parts {
            Some((inner, mut head)) => {
                let body = VerifiedBody::new(admitted.body().clone());
                head.extensions.insert(admitted);
                Call::when_ready(inner, Request::from_parts(head, body))
            }
            // Nobody calls again who said that it would not.
            None => Call::Never,
        }
    };
    let (task, handle) = accepted.start(call, judge);
    match (Answered {
        run: Outliving::new(task),
        handle,
    })
    .await
    {
        Reply::Handled(result, dedup) => Ok(result.map(|response| sign_off(response, dedup))),
        Reply::Answer(answer) => Err(answer),
    }
}

fn judge<R, E>(result: &Result<Response<R>, E>) -> Verdict {
    match result {
        Ok(response) => Verdict::answered(
            response.status().as_u16(),
            response.extensions().get::<Outcome>().copied(),
        ),
        Err(_) => Verdict::failed(),
    }
}

fn sign_off<R>(response: Response<R>, dedup: Dedup) -> Response<ResponseBody<R>> {
    let mut response = response.map(ResponseBody::handler);
    // An extractor may have said `discarded` already.
    response
        .headers_mut()
        .entry(DEDUP_HEADER)
        .or_insert(HeaderValue::from_static(dedup.as_str()));
    response
}

/// A run and the answer to its request, which comes before the run's end when that takes too long.
struct Answered<T: Future<Output = ()> + Send + 'static, R> {
    run: Outliving<T>,
    handle: Handle<R>,
}

impl<T: Future<Output = ()> + Send + 'static, R> Future for Answered<T, R> {
    type Output = Reply<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply<R>> {
        let this = self.get_mut();
        this.run.poll(cx);
        Pin::new(&mut this.handle).poll(cx)
    }
}

/// A run that its request polls for as long as it lasts, and a task of its own when it outlasts it: the sender
/// hung up, or was answered that it still runs.
struct Outliving<T: Future<Output = ()> + Send + 'static>(Option<Run<T>>);

type Run<T> = Pin<Box<CatchUnwind<AssertUnwindSafe<T>>>>;

impl<T: Future<Output = ()> + Send + 'static> Outliving<T> {
    fn new(run: T) -> Self {
        Self(Some(Box::pin(AssertUnwindSafe(run).catch_unwind())))
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        // A store's panic ends the run, as it would in a task of its own; the answer is that it was dropped.
        if self
            .0
            .as_mut()
            .is_some_and(|run| run.as_mut().poll(cx).is_ready())
        {
            self.0 = None;
        }
    }
}

impl<T: Future<Output = ()> + Send + 'static> Drop for Outliving<T> {
    fn drop(&mut self) {
        // Without a runtime nothing can go on; dropped, the run gives its delivery back.
        if let Some(run) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            drop(runtime.spawn(run.map(drop)));
        }
    }
}

pin_project! {
    /// A call of a service once it is ready. The clone was never polled ready; calling it before it is would break
    /// its contract.
    #[project = CallState]
    enum Call<S, Q>
    where
        S: Service<Q>,
    {
        NotReady { inner: S, request: Option<Q> },
        Called {
            #[pin]
            response: S::Future,
        },
        Never,
    }
}

impl<S: Service<Q>, Q> Call<S, Q> {
    const fn when_ready(inner: S, request: Q) -> Self {
        Self::NotReady {
            inner,
            request: Some(request),
        }
    }
}

impl<S: Service<Q>, Q> Future for Call<S, Q> {
    type Output = Result<S::Response, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let response = match self.as_mut().project() {
                CallState::NotReady { inner, request } => {
                    ready!(inner.poll_ready(cx))?;
                    match request.take() {
                        Some(request) => inner.call(request),
                        None => return Poll::Pending,
                    }
                }
                CallState::Called { response } => return response.poll(cx),
                CallState::Never => return Poll::Pending,
            };
            self.set(Self::Called { response });
        }
    }
}
