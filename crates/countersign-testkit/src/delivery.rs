//! A signed request, and the ways to spoil it.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;

/// One request of a sender. Comes from [`Sender`](crate::Sender).
#[derive(Clone, Debug)]
pub struct SignedDelivery {
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: Bytes,
    signature_header: String,
}

impl SignedDelivery {
    pub(crate) fn new(headers: Vec<(String, String)>, body: Bytes) -> Self {
        Self {
            path: "/".to_owned(),
            query: None,
            headers,
            body,
            signature_header: String::new(),
        }
    }

    pub(crate) fn signed_by(mut self, header: String) -> Self {
        self.signature_header = header;
        self
    }

    /// Sends to this path instead of `/`.
    #[must_use]
    pub fn to(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query that it is sent with, where a [procedure](countersign_core::scheme::Procedure) may read it.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The path, with the query where there is one.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    pub(crate) fn with_query(mut self, query: Option<String>) -> Self {
        self.query = query;
        self
    }

    /// The headers, in the case that the scheme writes them.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let of_name = |(header, _): &&(String, String)| header.eq_ignore_ascii_case(name);
        let (_, value) = self.headers.iter().find(of_name)?;
        Some(value)
    }

    /// The header that carries the signature.
    #[must_use]
    pub fn signature_header(&self) -> &str {
        &self.signature_header
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The same signature over a body with one bit changed.
    #[must_use]
    pub fn tampered(&self) -> Self {
        let mut body = self.body.to_vec();
        match body.last_mut() {
            Some(last) => *last ^= 1,
            None => body.push(b'!'),
        }
        self.with_body(body)
    }

    /// The same headers over another body.
    #[must_use]
    pub fn with_body(&self, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..self.clone()
        }
    }

    /// Without its signature.
    #[must_use]
    pub fn unsigned(&self) -> Self {
        self.without_header(&self.signature_header)
    }

    /// With a header set to one value.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        self.without_header(name).with_added_header(name, value)
    }

    /// With one more header, also where there is one of that name.
    #[must_use]
    pub fn with_added_header(&self, name: &str, value: &str) -> Self {
        let mut changed = self.clone();
        changed.headers.push((name.to_owned(), value.to_owned()));
        changed
    }

    /// Without a header.
    #[must_use]
    pub fn without_header(&self, name: &str) -> Self {
        let mut changed = self.clone();
        changed
            .headers
            .retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        changed
    }

    /// The delivery as an HTTP request. Headers that HTTP does not allow are left out.
    #[must_use]
    pub fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.target().parse().unwrap_or_default();
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (
                HeaderName::try_from(name.as_str()),
                HeaderValue::try_from(value.as_str()),
            ) {
                request.headers_mut().append(name, value);
            }
        }
        request
    }
}
