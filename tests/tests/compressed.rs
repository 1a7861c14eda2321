//! Bodies that come compressed, over real sockets and through deduplication.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{io::Write, time::Duration};

use countersign_core::scheme::{Compression, IdenticalBodies, Scheme};
use countersign_testkit::{Sender, SignedDelivery};
use countersign_tests::{
    kit::{Kit, Tested, in_time},
    raw::Request,
    servers::{PATH, Place},
};
use serde_json::json;

const BEFORE: Scheme = scheme(Compression::SignedBefore);
const AFTER: Scheme = scheme(Compression::SignedAfter);

const fn scheme(compression: Compression) -> Scheme {
    let bodies = IdenticalBodies::Copies {
        within: Duration::from_secs(3_600),
    };
    Scheme::body_hmac("X-Sig")
        .identical_bodies(bodies)
        .gzip(compression)
        .declare()
}

/// The body's text compressed in another way; the headers stay.
fn anew(delivery: &SignedDelivery, text: &str) -> SignedDelivery {
    let mut encoder = flate2::GzBuilder::new()
        .mtime(1)
        .write(Vec::new(), flate2::Compression::none());
    encoder.write_all(text.as_bytes()).unwrap();
    delivery.with_body(encoder.finish().unwrap())
}

/// What a server answers, and how often the handler ran by then.
async fn status(kit: &Kit, request: &Request, to: std::net::SocketAddr) -> (u16, u32) {
    let response = in_time(request.send(to)).await.unwrap();
    (response.status, kit.desk.begun())
}

#[tokio::test]
async fn compressed_bodies_get_in_through_every_adapter() -> Tested {
    for place in Place::ALL {
        for scheme in [BEFORE, AFTER] {
            let kit = Kit::new(scheme, |builder| builder)?;
            let to = kit.serve(place).await?;
            let sender = kit.sender.clone().compressing();
            let text = json!({"id": "evt_1", "text": "a".repeat(3_000)}).to_string();
            let delivery = sender.raw("", "", text.clone()).to(PATH);
            assert!(delivery.body().len() < 200);
            let whole = Request::of(&delivery);
            assert_eq!(status(&kit, &whole, to).await, (200, 1), "{place:?}");
            // In chunks of one byte it is the same delivery, and so it is when it is compressed anew,
            // where the text is what is signed.
            let bytes = Request::chunked(&delivery, 1, true);
            assert_eq!(status(&kit, &bytes, to).await, (200, 1), "{place:?}");
            let captured = Request::of(&anew(&delivery, &text));
            let due = match scheme.compression() {
                Some(Compression::SignedBefore) => 200,
                _ => 401,
            };
            assert_eq!(status(&kit, &captured, to).await, (due, 1), "{place:?}");
            // A true one that is compressed anew, after which it is signed, is another body.
            let again = sender.stamp(anew(&delivery, &text));
            let runs = match scheme.compression() {
                Some(Compression::SignedBefore) => 1,
                _ => 2,
            };
            let again = Request::of(&again);
            assert_eq!(status(&kit, &again, to).await, (200, runs), "{place:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_labelled_as_compressed_and_is_not_is_refused() -> Tested {
    for place in Place::ADAPTERS {
        for scheme in [BEFORE, AFTER] {
            let kit = Kit::new(scheme, |builder| builder)?;
            let to = kit.serve(place).await?;
            let text = json!({"id": "evt_1"}).to_string();
            let plain = kit.sender.raw("", "", text.clone()).to(PATH);
            let sender = kit.sender.clone().compressing();
            let packed = sender.raw("", "", text).to(PATH);
            // What a layer leaves that decompresses: the text, under the header or without it.
            let left = plain.with_header("content-encoding", "gzip");
            let left = sender.sign_with_time(&left, "");
            let plain_label = plain.with_header("content-encoding", "gzip");
            let cut = packed.with_body(packed.body().slice(..packed.body().len() - 1));
            let twice = [packed.body().clone(), packed.body().clone()].concat();
            for (what, delivery, due) in [
                ("text under the label", &left, 400),
                ("text under the label, its own tag", &plain_label, 400),
                ("cut off", &sender.stamp(cut.clone()), 400),
                ("cut off, the old tag", &cut, 400),
                ("two members", &sender.stamp(packed.with_body(twice)), 400),
                (
                    "another label",
                    &packed.with_header("content-encoding", "br"),
                    415,
                ),
                (
                    "two labels",
                    &packed.with_added_header("content-encoding", "gzip"),
                    415,
                ),
            ] {
                // Where the compressed bytes are signed, a wrong tag is found first.
                let found = status(&kit, &Request::of(delivery), to).await;
                let wrong_tag = what.ends_with("old tag") && scheme == AFTER;
                let due = if wrong_tag { 401 } else { due };
                assert_eq!(found, (due, 0), "{place:?}: {what}");
            }
            // Without any label it is the sender's other form.
            let plain = Request::of(&plain);
            assert_eq!(status(&kit, &plain, to).await, (200, 1), "{place:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_sender_of_which_nothing_is_said_may_not_compress() -> Tested {
    let kit = Kit::rebill()?;
    let to = kit.serve(Place::Hyper).await?;
    let delivery = kit.paid("1", "").with_header("content-encoding", "gzip");
    assert_eq!(status(&kit, &Request::of(&delivery), to).await, (415, 0));
    Ok(())
}

#[tokio::test]
async fn stream_chat_compresses_what_it_signed() -> Tested {
    let scheme = countersign_senders::messaging::STREAM_CHAT;
    let kit = Kit::new(scheme, |builder| builder)?;
    let to = kit.serve(Place::AxumMethodRouter).await?;
    let sender: Sender = kit.sender.clone().compressing();
    let body = json!({"type": "message.new", "cid": "messaging:fun"});
    let delivery = sender
        .delivery_with_id("message.new", "wh_1", body)
        .to(PATH);
    assert_eq!(delivery.header("content-encoding"), Some("gzip"));
    for _ in 0..2 {
        let sent = Request::of(&delivery);
        assert_eq!(status(&kit, &sent, to).await, (200, 1));
    }
    Ok(())
}
