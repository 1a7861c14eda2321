//! What is refused from the head: methods, content types, tenants; and receivers that drain.

use super::{Row, Setup, accepted, paid, rebill, refused};
use crate::raw::Request;

pub(super) fn rows() -> Vec<Row> {
    use Setup::Rebill;
    let good = rebill(paid());
    let typed = |value: &str| Request::of(&good.with_header("content-type", value));
    let encoded = |value: &str| Request::of(&good.with_header("content-encoding", value));
    let tenant = |path: &str| {
        let sender = Setup::Tenants.sender();
        Request::of(&sender.delivery("invoice.paid", paid()).to(path))
    };
    vec![
        refused(
            "GET",
            Rebill,
            "method is not POST",
            Request::method(&good, "GET"),
        ),
        refused(
            "HEAD",
            Rebill,
            "method is not POST",
            Request::method(&good, "HEAD"),
        ),
        refused(
            "PUT",
            Rebill,
            "method is not POST",
            Request::method(&good, "PUT"),
        ),
        refused(
            "text/plain",
            Rebill,
            "content type is not the scheme's: it is not among \"application/json\"",
            typed("text/plain"),
        ),
        accepted(
            "content type with a parameter",
            Rebill,
            typed("application/json; charset=utf-8"),
        ),
        accepted(
            "content type with a suffix",
            Rebill,
            typed("application/vnd.acme.v2+json"),
        ),
        accepted(
            "content type with a suffix and a parameter",
            Rebill,
            typed("application/cloudevents+json; charset=utf-8"),
        ),
        refused(
            "content type with another suffix",
            Rebill,
            "content type is not the scheme's: it is not among \"application/json\"",
            typed("application/vnd.acme.v2+jsonp"),
        ),
        accepted(
            "content type in upper case",
            Rebill,
            typed("Application/JSON"),
        ),
        accepted(
            "no content type",
            Rebill,
            Request::of(&good.without_header("content-type")),
        ),
        refused(
            "gzip",
            Rebill,
            "content encoding is not the scheme's",
            encoded("gzip"),
        ),
        accepted("identity", Rebill, encoded("identity")),
        accepted("known tenant", Setup::Tenants, tenant("/hook/anna")),
        refused(
            "unknown tenant",
            Setup::Tenants,
            "tenant is unknown",
            tenant("/hook/ben"),
        ),
        refused(
            "no tenant",
            Setup::Tenants,
            "tenant is unknown",
            tenant("/hook"),
        ),
        refused(
            "draining",
            Setup::Draining,
            "receiver is draining",
            Request::of(&good),
        ),
    ]
}
