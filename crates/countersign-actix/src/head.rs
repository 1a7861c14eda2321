//! Reading actix-web's request heads the way the core wants to.

use actix_web::dev::RequestHead;
use countersign_core::Head;

/// A request head of actix-web, whose header types are those of `http` 0.2.
pub(crate) struct ActixHead<'a>(pub(crate) &'a RequestHead);

impl Head for ActixHead<'_> {
    fn method(&self) -> &str {
        self.0.method.as_str()
    }

    fn path(&self) -> &str {
        self.0.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.0.uri.query()
    }

    fn each_header<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in &self.0.headers {
            visit(name.as_str(), value.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn every_value_of_a_repeated_header_is_visited() {
        let request = TestRequest::post()
            .uri("/hooks/in?shop=7")
            .append_header(("X-Acme-Signature", "one"))
            .append_header(("x-acme-signature", "two"))
            .append_header(("X-Acme-Delivery", "d_1"))
            .to_srv_request();
        let head = ActixHead(request.head());
        assert_eq!(
            (head.method(), head.path(), head.query()),
            ("POST", "/hooks/in", Some("shop=7"))
        );
        let mut seen = Vec::new();
        head.each_header(&mut |name, value| seen.push((name, value)));
        seen.sort_unstable();
        assert_eq!(
            seen,
            [
                ("x-acme-delivery", b"d_1".as_slice()),
                ("x-acme-signature", b"one"),
                ("x-acme-signature", b"two"),
            ]
        );
    }
}
