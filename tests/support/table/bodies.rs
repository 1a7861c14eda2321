//! Bodies: their length, their end, and what is in them.

use super::{Row, Setup, accepted, bytes, invoice_bytes, paid, rebill, refused};
use crate::raw::{End, Request};

pub(super) fn rows() -> Vec<Row> {
    use Setup::{Hasty, InvoiceMaker, Rebill};
    const LIMIT: usize = 1024 * 1024;
    let good = rebill(paid());
    let length = u64::try_from(good.body().len()).unwrap_or_default();
    let over = bytes(vec![b'x'; LIMIT + 1]);
    let deep = format!(
        r#"{{"x":{}{},"id":"evt_1","type":"invoice.updated"}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let every = bytes((0..=255).cycle().take(10_000).collect::<Vec<u8>>());
    let twice = r#"{"id":"evt_1","id":"evt_2","type":"invoice.updated"}"#;
    let mut trailing = Request::chunked(&good, 8, false);
    trailing
        .body
        .extend_from_slice(b"0\r\nx-trailer: 1\r\n\r\n");
    let mut cut = Request::chunked(&good, 8, false);
    cut.end = End::HalfClose;
    vec![
        accepted("body empty, signed", Rebill, Request::of(&bytes(""))),
        refused(
            "body empty, signature of another",
            Rebill,
            "no key matches the signature",
            Request::of(&good.with_body("")),
        ),
        accepted(
            "body as long as allowed",
            Rebill,
            Request::of(&bytes(vec![b'x'; LIMIT])),
        ),
        refused(
            "body a byte over the limit, declared",
            Rebill,
            "body is over the limit: more than 1048576 bytes",
            Request::declaring(&over, LIMIT as u64 + 1, b"", End::Wait),
        ),
        refused(
            "body a byte over the limit, in chunks",
            Rebill,
            "body is over the limit: more than 1048576 bytes",
            Request::chunked(&over, LIMIT + 1, false),
        ),
        refused(
            "declared longer than it is",
            Rebill,
            "body could not be read",
            Request::declaring(&good, length + 100, good.body(), End::HalfClose),
        ),
        refused(
            "declared shorter than it is",
            Rebill,
            "no key matches the signature",
            Request::declaring(&good, length - 1, good.body(), End::Wait),
        ),
        accepted(
            "in chunks of a byte",
            Rebill,
            Request::chunked(&good, 1, true),
        ),
        accepted(
            "in chunks of 7 bytes",
            Rebill,
            Request::chunked(&every, 7, true),
        ),
        accepted(
            "in chunks of 4,096 bytes",
            Rebill,
            Request::chunked(&every, 4_096, true),
        ),
        accepted(
            "in one chunk",
            Rebill,
            Request::chunked(&every, 10_000, true),
        ),
        refused(
            "in chunks of 7 bytes, tampered",
            Rebill,
            "no key matches the signature",
            Request::chunked(&every.tampered(), 7, true),
        ),
        accepted("with trailers", Rebill, trailing),
        refused(
            "cut off in the middle",
            Rebill,
            "body could not be read",
            cut,
        ),
        refused(
            "never ending",
            Hasty,
            "body was not read in time",
            Request::chunked(&good, 8, false),
        ),
        refused(
            "declared and never sent",
            Hasty,
            "body was not read in time",
            Request::declaring(&good, length, b"", End::Wait),
        ),
        accepted(
            "not UTF-8",
            Rebill,
            Request::of(&bytes(vec![0xff, 0xfe, 0])),
        ),
        accepted(
            "not JSON",
            InvoiceMaker,
            Request::of(&invoice_bytes("not JSON")),
        ),
        accepted(
            "nested 100,000 deep",
            InvoiceMaker,
            Request::of(&invoice_bytes(deep)),
        ),
        accepted(
            "duplicate keys",
            InvoiceMaker,
            Request::of(&invoice_bytes(twice)),
        ),
    ]
}
