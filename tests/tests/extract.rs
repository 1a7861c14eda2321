//! What handlers receive: the event of a preset, anything that serde reads, the exact bytes. What is answered when
//! they cannot is in the scenario table.

use actix_web::{App, test as actix, web};
use axum::{Router, extract::DefaultBodyLimit, routing::post};
use bytes::Bytes;
use countersign_core::{FromDelivery, PayloadError, Raw, RejectionKind, Scheme, Verified};
use countersign_senders::{github, rebill_za};
use countersign_testkit::{Reply, SignedDelivery};
use countersign_tests::kit::{Kit, Tested};
use rebill_za::Event;
use serde::Deserialize;
use serde_json::json;

/// An application's own type.
#[derive(Deserialize)]
struct Invoice {
    id: String,
    status: String,
}

/// What only the application knows how to read, from the type and the body.
struct Own(String);

impl FromDelivery for Own {
    fn from_delivery(verified: &Verified) -> Result<Self, PayloadError> {
        let name = verified.event_type().ok_or_else(PayloadError::unexpected)?;
        let invoice: Invoice = serde_json::from_slice(verified.body())?;
        match name.as_str() {
            "invoice.paid" if invoice.status == "paid" => Ok(Self(invoice.id)),
            _ => Err(PayloadError::unexpected()),
        }
    }
}

fn event(event: &Event) -> String {
    match event {
        Event::InvoicePaid(invoice) => format!("paid {:?}", invoice.id),
        other => other.name().to_owned(),
    }
}

fn invoice(invoice: &Invoice) -> String {
    format!("{} is {}", invoice.id, invoice.status)
}

/// One handler for each kind of extractor, by path.
fn axum_app(kit: &Kit) -> Router {
    use countersign_axum::{Delivery, ReceiverLayer};
    let layer = || ReceiverLayer::new(&kit.receiver);
    let bare = post(async |_: Delivery| "ran all the same");
    Router::new()
        .route(
            "/event",
            post(async |d: Delivery<Event>| event(d.event())).layer(layer()),
        )
        .route(
            "/serde",
            post(async |d: Delivery<Invoice>| invoice(d.event())).layer(layer()),
        )
        .route(
            "/own",
            post(async |d: Delivery<Own>| d.into_event().0).layer(layer()),
        )
        .route(
            "/raw",
            post(async |d: Delivery<Raw>| d.event().bytes().clone()).layer(layer()),
        )
        .route(
            "/body",
            post(async |d: Delivery, body: Bytes| {
                assert_eq!(d.body(), &body);
                body
            })
            .layer(layer()),
        )
        .route(
            "/json",
            post(async |axum::Json(i): axum::Json<Invoice>| invoice(&i)).layer(layer()),
        )
        .route("/bare", bare)
}

/// The same for actix-web.
macro_rules! actix_app {
    ($kit:expr) => {{
        use countersign_actix::{Delivery, ReceiverMiddleware};
        let on = |path: &str| web::resource(path.to_owned());
        let wrap = || ReceiverMiddleware::new(&$kit.receiver);
        let to_event = async |d: Delivery<Event>| event(d.event());
        let to_serde = async |d: Delivery<Invoice>| invoice(d.event());
        let to_own = async |d: Delivery<Own>| d.into_event().0;
        let to_raw = async |d: Delivery<Raw>| d.event().bytes().clone();
        let to_body = async |d: Delivery, body: Bytes| {
            assert_eq!(d.body(), &body);
            body
        };
        let to_json = async |i: web::Json<Invoice>| invoice(&i);
        let bare = async |_: Delivery| "ran all the same";
        let large = web::PayloadConfig::new(64 * 1024 * 1024);
        let app = App::new()
            .app_data(large)
            .service(on("/event").wrap(wrap()).route(web::post().to(to_event)))
            .service(on("/serde").wrap(wrap()).route(web::post().to(to_serde)))
            .service(on("/own").wrap(wrap()).route(web::post().to(to_own)))
            .service(on("/raw").wrap(wrap()).route(web::post().to(to_raw)))
            .service(on("/body").wrap(wrap()).route(web::post().to(to_body)))
            .service(on("/json").wrap(wrap()).route(web::post().to(to_json)))
            .service(on("/bare").route(web::post().to(bare)));
        actix::init_service(app).await
    }};
}

fn paid(kit: &Kit, id: &str) -> SignedDelivery {
    kit.delivery("invoice.paid", id, json!({"id": id, "status": "paid"}))
}

fn body(reply: &Reply) -> String {
    String::from_utf8_lossy(reply.body()).into_owned()
}

#[actix_web::test]
async fn every_kind_of_extractor_reads_the_delivery() -> Tested {
    let kit = Kit::rebill()?;
    let (axum, actix) = (axum_app(&kit), actix_app!(kit));
    for (path, due) in [
        ("/event", "paid Some(InvoiceId(\"ID\"))"),
        ("/serde", "ID is paid"),
        ("/own", "ID"),
        ("/raw", r#"{"id":"ID","status":"paid"}"#),
        ("/body", r#"{"id":"ID","status":"paid"}"#),
        ("/json", "ID is paid"),
    ] {
        for of in ["axum", "actix"] {
            let id = format!("{of}{}", path.replace('/', "_"));
            let delivery = paid(&kit, &id).to(path);
            let forged = delivery.tampered();
            let (refused, reply) = match of {
                "axum" => (
                    kit.sender.send(&axum, &forged).await,
                    kit.sender.send(&axum, &delivery).await,
                ),
                _ => (
                    kit.sender.send_actix(&actix, &forged).await,
                    kit.sender.send_actix(&actix, &delivery).await,
                ),
            };
            assert_eq!(
                (refused.status(), body(&refused).as_str()),
                (401, "refused\n"),
                "{of} {path}"
            );
            assert_eq!(reply.status(), 200, "{of} {path}");
            assert_eq!(body(&reply), due.replace("ID", &id), "{of} {path}");
            assert_eq!(reply.dedup(), Some("fresh"), "{of} {path}");
        }
    }
    Ok(())
}

#[actix_web::test]
async fn without_the_layer_no_handler_runs_and_the_answer_names_it() -> Tested {
    let kit = Kit::rebill()?;
    let delivery = paid(&kit, "dlv_1").to("/bare");
    let axum = kit.sender.send(&axum_app(&kit), &delivery).await;
    let actix = kit.sender.send_actix(&actix_app!(kit), &delivery).await;
    for (reply, layer) in [(axum, "ReceiverLayer"), (actix, "ReceiverMiddleware")] {
        assert_eq!(reply.status(), 500, "{layer}");
        assert!(body(&reply).contains(layer), "{}", body(&reply));
    }
    assert_eq!(kit.store.calls(), [""; 0]);
    Ok(())
}

#[actix_web::test]
async fn a_type_of_ones_own_may_say_that_a_body_is_not_expected() -> Tested {
    let kit = Kit::new(rebill_za::SCHEME, |builder| builder)?;
    let (axum, actix) = (axum_app(&kit), actix_app!(kit));
    for (id, odd) in [
        ("shape", r#"{"id": 77}"#),
        ("status", r#"{"id": "7", "status": "due"}"#),
    ] {
        let odd = kit.sender.raw("invoice.paid", id, odd).to("/own");
        for reply in [
            kit.sender.send(&axum, &odd).await,
            kit.sender.send_actix(&actix, &odd).await,
        ] {
            let kind = reply.rejection().map(|rejection| rejection.kind());
            let due = (422, Some(RejectionKind::UnexpectedBody));
            assert_eq!((reply.status(), kind), due, "{id}");
            assert!(!body(&reply).contains('7'), "{id}: {}", body(&reply));
        }
    }
    Ok(())
}

#[actix_web::test]
async fn a_large_proved_body_reaches_a_handler_that_takes_bytes() -> Tested {
    const LARGE: usize = 3 * 1024 * 1024;
    let kit = Kit::new(github::SCHEME, |builder| builder)?;
    let bytes: Vec<u8> = (0..LARGE)
        .map(|at| b"0123456789abcdef\r\n"[at % 18])
        .collect();
    let of = |id: &str, bytes: &[u8]| kit.sender.raw("push", id, bytes.to_vec()).to("/body");
    let app = axum_app(&kit);
    let reply = kit.sender.send(&app, &of("one", &bytes)).await;
    assert_eq!((reply.status(), reply.body().len()), (200, LARGE));
    assert_eq!(reply.body(), &bytes);
    let actix = actix_app!(kit);
    let reply = kit.sender.send_actix(&actix, &of("two", &bytes)).await;
    assert_eq!((reply.status(), reply.body().len()), (200, LARGE));
    // An outer limit of the application is of no concern to the receiver's, which is still there.
    let limited = app.clone().layer(DefaultBodyLimit::max(1_000));
    let reply = kit.sender.send(&limited, &of("three", &bytes)).await;
    assert_eq!(reply.status(), 200);
    let over = vec![b' '; github::SCHEME.body_limit() + 1];
    assert_eq!(
        kit.sender.send(&app, &of("four", &over)).await.status(),
        413
    );
    // Behind no receiver, axum's own limit holds: it is not lost for the routes beside.
    let plain: Router = app.route("/plain", post(async |body: Bytes| body));
    let reply = kit
        .sender
        .send(&plain, &of("five", &bytes).to("/plain"))
        .await;
    assert_eq!(reply.status(), 413);
    Ok(())
}

#[actix_web::test]
async fn the_bytes_that_a_handler_sees_are_the_bytes_that_were_sent() -> Tested {
    let kit = Kit::rebill()?;
    let bodies: [&[u8]; 8] = [
        b"",
        b"\r\n",
        b"{\r\n  \"id\": \"inv_1\"\r\n}\r\n",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe\x00\x80",
        "{\"client\":\"Søren\",\"emoji\":\"\u{1f9fe}\"}".as_bytes(),
        b"{\"a\":1,\"a\":2,  \"b\":1.0e0}",
        b"0\r\n\r\n",
    ];
    let (axum, actix) = (axum_app(&kit), actix_app!(kit));
    for (number, bytes) in bodies.into_iter().enumerate() {
        for path in ["/raw", "/body"] {
            let of = |of: &str| {
                let id = format!("{of}{number}{path}");
                kit.sender.raw("invoice.sent", &id, bytes).to(path)
            };
            let replies = [
                kit.sender.send(&axum, &of("axum")).await,
                kit.sender.send_actix(&actix, &of("actix")).await,
            ];
            for reply in replies {
                assert_eq!((reply.status(), &reply.body()[..]), (200, bytes), "{path}");
            }
        }
    }
    Ok(())
}

#[actix_web::test]
async fn a_byte_order_mark_is_signed_and_not_read() -> Tested {
    let marked = "\u{feff}{\"id\":\"inv_1\",\"status\":\"paid\"}";
    for of in ["axum", "actix"] {
        for (path, due) in [
            ("/event", "paid Some(InvoiceId(\"inv_1\"))"),
            ("/serde", "inv_1 is paid"),
            ("/raw", marked),
        ] {
            let kit = Kit::rebill()?;
            let (axum, actix) = (axum_app(&kit), actix_app!(kit));
            let send = async |delivery: &SignedDelivery| match of {
                "axum" => kit.sender.send(&axum, delivery).await,
                _ => kit.sender.send_actix(&actix, delivery).await,
            };
            let paid = kit.sender.raw("invoice.paid", "dlv_1", marked).to(path);
            // Without the mark they are other bytes, and nobody signed those.
            let stripped = paid.with_body(marked.trim_start_matches('\u{feff}').to_owned());
            assert_eq!(send(&stripped).await.status(), 401, "{of} {path}");
            let reply = send(&paid).await;
            assert_eq!(
                (reply.status(), body(&reply).as_str()),
                (200, due),
                "{of} {path}"
            );
        }
    }
    Ok(())
}

#[actix_web::test]
async fn a_form_is_read_from_its_field_and_kept_as_it_was_sent() -> Tested {
    const FORM: &str = "payload=%7B%22id%22%3A%22inv_1%22%2C%22status%22%3A%22paid%22%7D";
    for of in ["axum", "actix"] {
        let kit = Kit::new(github::SCHEME, |builder| builder)?;
        let (axum, actix) = (axum_app(&kit), actix_app!(kit));
        let send = async |id: &str, path: &str, kind: &str, text: &str| {
            let form = kit.sender.raw("push", id, text.to_owned());
            let form = form.with_header("content-type", kind).to(path);
            let reply = match of {
                "axum" => kit.sender.send(&axum, &form).await,
                _ => kit.sender.send_actix(&actix, &form).await,
            };
            (reply.status(), body(&reply))
        };
        let form = "application/x-www-form-urlencoded";
        let read = send("1", "/serde", form, FORM).await;
        assert_eq!(read, (200, "inv_1 is paid".to_owned()), "{of}");
        assert_eq!(
            send("2", "/raw", form, FORM).await,
            (200, FORM.to_owned()),
            "{of}"
        );
        // Nobody signed the content type: under another one it is read the same.
        let relabelled = send("3", "/serde", "application/json", FORM).await;
        assert_eq!(relabelled, (200, "inv_1 is paid".to_owned()), "{of}");
        let json = r#"{"id":"inv_2","status":"paid"}"#;
        let relabelled = send("6", "/serde", form, json).await;
        assert_eq!(relabelled, (200, "inv_2 is paid".to_owned()), "{of}");
        // A form without the field has nothing to read.
        assert_eq!(send("4", "/serde", form, "payloads=1").await.0, 422, "{of}");
        let twice = format!("{FORM}&{FORM}");
        assert_eq!(send("5", "/serde", form, &twice).await.0, 422, "{of}");
    }
    Ok(())
}

#[actix_web::test]
async fn another_content_type_does_not_hide_a_signed_id() -> Tested {
    const BOTH: Scheme = Scheme::body_hmac("X-Acme-Signature")
        .id_pointer("/id")
        .content_types(&["application/json", "application/x-www-form-urlencoded"])
        .form_field("payload")
        .declare();
    let kit = Kit::new(BOTH, |builder| builder)?;
    let app = axum_app(&kit);
    let json = r#"{"id":"inv_1","status":"paid"}"#;
    let form = "payload=%7B%22id%22%3A%22inv_2%22%7D";
    let types = [
        "application/x-www-form-urlencoded",
        "application/json",
        "application/x+json",
    ];
    for text in [json, form] {
        let first = kit.sender.raw("", "", text).to("/raw");
        assert_eq!(kit.sender.send(&app, &first).await.dedup(), Some("fresh"));
        for kind in types {
            let replay = first.with_header("content-type", kind);
            let reply = kit.sender.send(&app, &replay).await;
            assert_eq!(reply.dedup(), Some("duplicate"), "{text} as {kind}");
        }
    }
    Ok(())
}
