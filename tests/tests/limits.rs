//! What a receiver spends on many requests at once, and what the services behind it see of that.

use core::pin::pin;

use bytes::Bytes;
use countersign_core::{DedupStore, DeliveryKey, KeyState, RejectionKind};
use countersign_senders::rebill_za;
use countersign_testkit::{Reply, SignedDelivery};
use countersign_tests::{
    kit::{Kit, Tested, in_time, until},
    raw::{self, End, Request},
    servers::{PATH, Place},
};
use countersign_tower::{ReceiverLayer, ReceiverService, VerifiedBody};
use futures_util::{FutureExt, StreamExt, future::join};
use http::Response;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::{io::AsyncReadExt, sync::mpsc};
use tower::{ServiceBuilder, ServiceExt, limit::ConcurrencyLimitLayer};

type Handled = Result<Response<VerifiedBody>, &'static str>;

/// A service that answers 200 when the desk has done its work.
macro_rules! at_desk {
    ($kit:expr, $limit:expr) => {{
        let desk = $kit.desk.clone();
        ServiceBuilder::new()
            .layer(ReceiverLayer::new(&$kit.receiver))
            .layer(ConcurrencyLimitLayer::new($limit))
            .service_fn(move |request: http::Request<VerifiedBody>| {
                let desk = desk.clone();
                async move {
                    let admitted = request.extensions().get().cloned();
                    let admitted: countersign_core::Admitted = admitted.ok_or("no delivery")?;
                    desk.run(&admitted).await;
                    Handled::Ok(Response::new(VerifiedBody::default()))
                }
            })
    }};
}

/// A request whose body comes when the test says so, and says how often it was asked for more.
struct Upload {
    chunks: Option<mpsc::Sender<Bytes>>,
    asked: mpsc::UnboundedReceiver<()>,
}

impl Upload {
    fn of(
        delivery: &SignedDelivery,
    ) -> (
        Self,
        http::Request<
            impl hyper::body::Body<Data = Bytes, Error = std::io::Error> + Send + 'static,
        >,
    ) {
        let (chunks, mut receive) = mpsc::channel::<Bytes>(8);
        let (ask, asked) = mpsc::unbounded_channel();
        let body = futures_util::stream::poll_fn(move |cx| {
            let polled = receive.poll_recv(cx);
            if polled.is_pending() {
                let _heard = ask.send(());
            }
            polled
        });
        let body = StreamBody::new(body.map(|chunk| Ok::<_, std::io::Error>(Frame::data(chunk))));
        let (head, _) = delivery.request().into_parts();
        let upload = Self {
            chunks: Some(chunks),
            asked,
        };
        (upload, http::Request::from_parts(head, body))
    }

    async fn send(&mut self, bytes: &[u8]) {
        if let Some(chunks) = &self.chunks {
            let _heard = chunks.send(Bytes::copy_from_slice(bytes)).await;
        }
    }

    fn end(&mut self) {
        self.chunks = None;
    }

    /// Waits until the receiver has everything and wants more.
    async fn taken(&mut self) {
        self.asked.recv().await;
    }
}

#[tokio::test]
async fn an_unproved_upload_holds_no_permit_of_an_inner_limit() -> Tested {
    let kit = Kit::rebill()?;
    let app = at_desk!(kit, 1);
    for forged in [true, false] {
        let slow = kit.paid("slow", "slow");
        let (mut upload, request) = Upload::of(&slow);
        let uploading = tokio::spawn(app.clone().oneshot(request));
        upload.taken().await;
        let quick = kit.paid(&format!("quick_{forged}"), &format!("quick {forged}"));
        let answer = in_time(kit.sender.send(&app, &quick)).await;
        assert_eq!(answer.dedup(), Some("fresh"), "{answer:?}");
        let body = if forged { slow.tampered() } else { slow };
        upload.send(body.body()).await;
        upload.end();
        let status = if forged { 401 } else { 200 };
        assert_eq!(uploading.await??.status(), status);
    }
    assert_eq!(kit.desk.ended(), 3);
    Ok(())
}

#[tokio::test]
async fn a_proved_delivery_waits_for_the_permit_of_an_inner_limit() -> Tested {
    let kit = Kit::rebill()?;
    let app = at_desk!(kit, 1);
    let (first, second) = (kit.paid("dlv_1", "do:wait"), kit.paid("dlv_2", "do:wait 2"));
    let mut both = pin!(join(
        kit.sender.send(&app, &first),
        kit.sender.send(&app, &second)
    ));
    assert!((&mut both).now_or_never().is_none());
    kit.desk.entered().await;
    kit.store.claimed(2).await;
    tokio::task::yield_now().await;
    assert_eq!((kit.desk.begun(), kit.receiver.running()), (1, 2));
    kit.desk.open(2);
    let (first, second) = both.await;
    assert_eq!(
        (first.dedup(), second.dedup()),
        (Some("fresh"), Some("fresh"))
    );
    assert_eq!(kit.desk.ended(), 2);
    Ok(())
}

#[tokio::test]
async fn an_error_of_the_inner_service_comes_out_and_the_delivery_is_given_back() -> Tested {
    let kit = Kit::rebill()?;
    let delivery = kit.paid("dlv_1", "");
    let answering = |handled: fn() -> Handled| -> ReceiverService<_> {
        ServiceBuilder::new()
            .layer(ReceiverLayer::new(&kit.receiver))
            .service_fn(move |_: http::Request<VerifiedBody>| async move { handled() })
    };
    let failed = answering(|| Err("out of order"))
        .oneshot(delivery.request())
        .await;
    assert_eq!(failed.err(), Some("out of order"));
    assert_eq!(kit.store.calls(), ["claim", "release"]);
    // One that does not get ready is no better.
    let broken = tower::util::BoxCloneService::new(Broken);
    let unready = ServiceBuilder::new()
        .layer(ReceiverLayer::new(&kit.receiver))
        .service(broken);
    let failed = unready.oneshot(delivery.request()).await;
    assert_eq!(failed.err(), Some("never ready"));
    assert_eq!(kit.store.calls(), ["claim", "release"]);
    let app = answering(|| Ok(Response::new(VerifiedBody::default())));
    assert_eq!(
        kit.sender.send(&app, &delivery).await.dedup(),
        Some("fresh")
    );
    Ok(())
}

#[derive(Clone)]
struct Broken;

impl tower::Service<http::Request<VerifiedBody>> for Broken {
    type Response = Response<VerifiedBody>;
    type Error = &'static str;
    type Future = core::future::Ready<Handled>;

    fn poll_ready(
        &mut self,
        _: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Result<(), &'static str>> {
        core::task::Poll::Ready(Err("never ready"))
    }

    fn call(&mut self, _: http::Request<VerifiedBody>) -> Self::Future {
        core::future::ready(Err("called all the same"))
    }
}

#[tokio::test]
async fn an_early_refusal_reaches_a_sender_that_is_still_sending() -> Tested {
    // hyper resets such a connection, and the sender may see that in place of the answer.
    let kit = Kit::rebill()?;
    let addr = kit.serve(Place::ActixResource).await?;
    // More than the socket buffers of both sides hold; the server may stop reading at any point.
    let body = vec![b' '; 32 << 20];
    let large = kit.sender.raw("invoice.sent", "large", body).to(PATH);
    let refused = in_time(Request::of(&large).keeping_alive().send(addr)).await?;
    assert_eq!(refused.status, 413);
    assert_eq!(kit.desk.begun(), 0);
    Ok(())
}

#[tokio::test]
async fn a_body_that_stops_ends_the_connection() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::rebill()?;
        let addr = kit.serve(place).await?;
        let delivery = kit.paid("dlv_1", "");
        let stops = Request::declaring(&delivery, 1_000, b"{", End::Wait).keeping_alive();
        let mut connection = stops.begin(addr).await?;
        until(|| kit.clock.sleepers() > 0).await;
        kit.clock.advance(kit.receiver.limits().read_time);
        let answer = raw::answer_on(&mut connection).await?;
        assert_eq!(answer.status, 408, "{place:?}");
        let mut rest = Vec::new();
        let ended = in_time(connection.read_to_end(&mut rest)).await;
        assert!(ended.is_err() || rest.is_empty(), "{place:?}: {rest:?}");
        assert_eq!(kit.desk.begun(), 0, "{place:?}");
    }
    Ok(())
}

#[tokio::test]
async fn no_more_runs_begin_than_allowed() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::new(rebill_za::SCHEME, |builder| {
            builder.limits(|limits| limits.running = 1)
        })?;
        let addr = kit.serve(place).await?;
        let first = Request::of(&kit.paid("dlv_1", "do:wait"))
            .begin(addr)
            .await?;
        kit.desk.entered().await;
        let second = Request::of(&kit.paid("dlv_2", "second"));
        let busy = second.send(addr).await?;
        assert_eq!(
            (busy.status, busy.header("retry-after")),
            (503, Some("30")),
            "{place:?}"
        );
        assert_eq!(kit.store.calls(), ["claim"], "{place:?}");
        kit.desk.open(1);
        assert_eq!(raw::answer(first).await?.status, 200);
        assert_eq!(second.send(addr).await?.status, 200, "{place:?}");
        assert_eq!(kit.desk.ended(), 2, "{place:?}");
    }
    Ok(())
}

#[tokio::test]
async fn no_more_copies_wait_than_allowed() -> Tested {
    let kit = Kit::new(rebill_za::SCHEME, |builder| {
        builder.limits(|limits| limits.waiters = 1)
    })?;
    let app = at_desk!(kit, 8);
    let delivery = kit.paid("dlv_1", "do:wait");
    let mut run = pin!(kit.sender.send(&app, &delivery));
    assert!((&mut run).now_or_never().is_none());
    kit.desk.entered().await;
    let mut waits = pin!(kit.sender.send(&app, &delivery));
    assert!((&mut waits).now_or_never().is_none());
    let refused = in_time(kit.sender.send(&app, &delivery)).await;
    assert_eq!(kind(&refused), Some(RejectionKind::InFlight));
    assert_eq!(
        (refused.status(), refused.header("retry-after")),
        (503, Some("60"))
    );
    kit.desk.open(1);
    assert_eq!(run.await.dedup(), Some("fresh"));
    assert!(waits.await.is_duplicate());
    assert_eq!(kit.desk.begun(), 1);
    Ok(())
}

#[tokio::test]
async fn no_more_bytes_are_buffered_than_allowed_and_all_are_given_back() -> Tested {
    let kit = Kit::new(rebill_za::SCHEME, |builder| {
        builder.limits(|limits| {
            (limits.verify.body_bytes, limits.verify.buffered_bytes) = (1_000, 1_000)
        })
    })?;
    let app = at_desk!(kit, 8);
    let of = |id: &str, len: usize| kit.sender.raw("invoice.sent", id, vec![b' '; len]).to(PATH);
    let held = of("held", 800);
    for ends in [true, false] {
        let (mut upload, request) = Upload::of(&held);
        let uploading = tokio::spawn(app.clone().oneshot(request));
        upload.send(&held.body()[..700]).await;
        upload.taken().await;
        while upload.asked.try_recv().is_ok() {}
        let over = kit.sender.send(&app, &of("over", 301)).await;
        assert_eq!(
            (over.status(), kind(&over)),
            (503, Some(RejectionKind::Busy))
        );
        let fits = kit
            .sender
            .send(&app, &of(&format!("fits_{ends}"), 300))
            .await;
        assert_eq!(fits.dedup(), Some("fresh"), "{fits:?}");
        if ends {
            upload.send(&held.body()[700..]).await;
            upload.end();
            assert_eq!(uploading.await??.status(), 200);
        } else {
            // The sender is gone.
            uploading.abort();
            let _cancelled = uploading.await;
        }
        let whole = kit
            .sender
            .send(&app, &of(&format!("whole_{ends}"), 1_000))
            .await;
        assert_eq!(whole.dedup(), Some("fresh"), "{ends}");
    }
    let too_large = kit.sender.send(&app, &of("too_large", 1_001)).await;
    assert_eq!(too_large.status(), 413);
    Ok(())
}

#[tokio::test]
async fn a_waiting_copy_holds_no_bytes_and_no_place_among_the_running() -> Tested {
    let kit = Kit::new(rebill_za::SCHEME, |builder| {
        builder.limits(|limits| {
            (
                limits.verify.body_bytes,
                limits.verify.buffered_bytes,
                limits.running,
            ) = (500, 1_000, 2);
        })
    })?;
    let app = at_desk!(kit, 8);
    let body = format!("{:<500}", r#"{"do:wait": 1}"#);
    let delivery = kit.sender.raw("invoice.sent", "dlv_1", body).to(PATH);
    let copies = (0..20).map(|_| kit.sender.send(&app, &delivery));
    let mut copies = pin!(futures_util::future::join_all(copies));
    assert!((&mut copies).now_or_never().is_none());
    kit.desk.entered().await;
    assert_eq!((kit.receiver.running(), kit.store.count("claim")), (1, 20));
    let body = format!("{:<500}", r#"{"another": 1}"#);
    let other = kit.sender.raw("invoice.sent", "dlv_2", body).to(PATH);
    assert_eq!(kit.sender.send(&app, &other).await.dedup(), Some("fresh"));
    kit.desk.open(1);
    let duplicates = copies
        .await
        .iter()
        .filter(|copy| copy.is_duplicate())
        .count();
    assert_eq!(duplicates, 19);
    let state = kit
        .rows
        .state(&DeliveryKey::for_id("test", None, "dlv_1"))
        .await?;
    assert_eq!(state, KeyState::Completed);
    Ok(())
}

fn kind(reply: &Reply) -> Option<RejectionKind> {
    Some(reply.rejection()?.kind())
}
