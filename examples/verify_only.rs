//! A function behind a queue: a gateway in front has put each request on it as a message, and the function
//! proves it. `countersign-core` alone: no framework, no runtime, no store.
//!
//! ```text
//! cargo run --example verify_only
//! ```

use std::error::Error;

use countersign_core::{Head, Rejection, RejectionKind, Scheme, Secret, Timestamp, Verifier};

const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
    .prefix("sha256=")
    .id_header("X-Acme-Delivery")
    .declare();

/// What the gateway put on the queue.
struct Message {
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

impl Head for Message {
    fn method(&self) -> &str {
        "POST"
    }

    fn path(&self) -> &str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn each_header<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.headers
            .iter()
            .for_each(|(name, value)| visit(name, value.as_bytes()));
    }
}

/// What to do once: a verifier says that a message is true, not that it is new, so its id goes along.
fn on_message(verifier: &Verifier, message: &Message) -> Result<String, Rejection> {
    let verified = verifier.verify(message, message.body.into(), Timestamp::now())?;
    Ok(format!(
        "{:?}: {} bytes",
        verified.id(),
        verified.body().len()
    ))
}

fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::new("It's a Secret to Everybody")?;
    let verifier = Verifier::builder(ACME).secret(secret).build()?;
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let headers = vec![
        ("x-acme-signature", signature),
        ("x-acme-delivery", "dlv_1"),
    ];
    let mut message = Message {
        headers,
        body: "Hello, World!",
    };
    assert_eq!(
        on_message(&verifier, &message)?,
        "Some(\"dlv_1\"): 13 bytes"
    );
    message.body = "Hello, World?";
    let refused = on_message(&verifier, &message).unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::SignatureMismatch);
    println!("{refused}");
    Ok(())
}
