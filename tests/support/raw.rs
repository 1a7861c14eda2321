//! HTTP written by hand over real sockets, so that requests can be as wrong as needed.

use std::{io, net::SocketAddr};

use countersign_testkit::SignedDelivery;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::kit::in_time;

/// A request as bytes, and how they are sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The head, up to and with the empty line.
    pub head: Vec<u8>,
    /// What follows it.
    pub body: Vec<u8>,
    /// What happens at the end.
    pub end: End,
}

/// What a client does after it sent what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Waits for the answer.
    Wait,
    /// Sends no more and says so, then waits for the answer.
    HalfClose,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status; 0 when the connection was closed without one.
    pub status: u16,
    /// The headers: names in lower case, values as they are.
    pub headers: Vec<(String, String)>,
    /// The body, as far as it came.
    pub body: String,
}

impl Response {
    /// The value of a header.
    ///
    /// # Panics
    ///
    /// When the header is repeated.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is repeated");
        value
    }
}

impl Request {
    /// Any request.
    #[must_use]
    pub fn new(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let mut head = start(method, target);
        for (name, value) in headers {
            line(&mut head, name, value);
        }
        if method == "POST" {
            line(&mut head, "content-length", &body.len().to_string());
        }
        head.extend_from_slice(b"\r\n");
        Self {
            head,
            body: body.into(),
            end: End::Wait,
        }
    }

    /// A delivery as an honest client sends it.
    #[must_use]
    pub fn of(delivery: &SignedDelivery) -> Self {
        Self::with(delivery, "POST", &[])
    }

    /// With another method.
    #[must_use]
    pub fn method(delivery: &SignedDelivery, method: &str) -> Self {
        Self::with(delivery, method, &[])
    }

    /// With more header lines, whose values may be any bytes.
    #[must_use]
    pub fn lines(delivery: &SignedDelivery, lines: &[&[u8]]) -> Self {
        Self::with(delivery, "POST", lines)
    }

    /// With a `Content-Length` of the test's choice.
    #[must_use]
    pub fn declaring(delivery: &SignedDelivery, length: u64, body: &[u8], end: End) -> Self {
        let mut head = head(delivery, "POST", &[]);
        head.extend_from_slice(format!("content-length: {length}\r\n\r\n").as_bytes());
        Self {
            head,
            body: body.to_vec(),
            end,
        }
    }

    /// In chunks of this many bytes; without the last chunk when it is not to end.
    #[must_use]
    pub fn chunked(delivery: &SignedDelivery, size: usize, ends: bool) -> Self {
        let mut head = head(delivery, "POST", &[]);
        head.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
        let mut body = Vec::new();
        for chunk in delivery.body().chunks(size) {
            body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        if ends {
            body.extend_from_slice(b"0\r\n\r\n");
        }
        Self {
            head,
            body,
            end: End::Wait,
        }
    }

    /// On a connection that stays open for another request.
    #[must_use]
    pub fn keeping_alive(mut self) -> Self {
        let closes = self.head.windows(CLOSE.len()).position(|at| at == CLOSE);
        if let Some(at) = closes {
            self.head.drain(at..at + CLOSE.len());
        }
        self
    }

    fn with(delivery: &SignedDelivery, method: &str, lines: &[&[u8]]) -> Self {
        let mut head = head(delivery, method, lines);
        line(
            &mut head,
            "content-length",
            &delivery.body().len().to_string(),
        );
        head.extend_from_slice(b"\r\n");
        Self {
            head,
            body: delivery.body().to_vec(),
            end: End::Wait,
        }
    }

    /// Sends the request on a connection of its own and reads the answer.
    ///
    /// # Errors
    ///
    /// When there is no connection to be had.
    pub async fn send(&self, to: SocketAddr) -> io::Result<Response> {
        let stream = self.begin(to).await?;
        answer(stream).await
    }

    /// Sends the request and leaves the connection to the caller.
    ///
    /// # Errors
    ///
    /// When there is no connection to be had.
    pub async fn begin(&self, to: SocketAddr) -> io::Result<TcpStream> {
        self.begin_on(TcpStream::connect(to).await?).await
    }

    /// Sends the request on a connection that is there, and leaves it to the caller.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub async fn begin_on(&self, mut stream: TcpStream) -> io::Result<TcpStream> {
        self.write(&mut stream).await?;
        Ok(stream)
    }

    /// Sends the request on a connection that is there, and reads the answer.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub async fn send_on(&self, stream: &mut TcpStream) -> io::Result<Response> {
        self.write(stream).await?;
        answer_on(stream).await
    }

    async fn write(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.write_all(&self.head).await?;
        // A server that refused from the head may close before the body is through.
        let _sent = stream.write_all(&self.body).await;
        if self.end == End::HalfClose {
            let _closed = stream.shutdown().await;
        }
        Ok(())
    }
}

/// Opens this many connections, and makes sure that the server has accepted each of them: what
/// waits in its backlog is dropped when there is too much of it.
///
/// # Errors
///
/// When the server does not answer.
pub async fn connections(to: SocketAddr, count: u32) -> io::Result<Vec<TcpStream>> {
    stream::iter(0..count)
        .map(|_| accepted(to))
        .buffer_unordered(32)
        .try_collect()
        .await
}

/// A connection on which a request was answered, and which is still open.
async fn accepted(to: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(to).await?;
    let ask = b"GET /hook HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(ask).await?;
    answer_on(&mut stream).await?;
    Ok(stream)
}

/// Reads an answer, and ends the connection.
///
/// # Errors
///
/// When the connection breaks in the middle of the answer's head.
///
/// # Panics
///
/// When there is no answer after a minute.
pub async fn answer(mut stream: TcpStream) -> io::Result<Response> {
    answer_on(&mut stream).await
}

/// Reads an answer, and leaves the connection to the caller.
///
/// # Errors
///
/// When the connection breaks in the middle of the answer's head.
///
/// # Panics
///
/// When there is no answer after a minute.
pub async fn answer_on(stream: &mut TcpStream) -> io::Result<Response> {
    in_time(read_answer(stream)).await
}

async fn read_answer(stream: &mut TcpStream) -> io::Result<Response> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) if bytes.is_empty() => return Ok(Response::default()),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    };
    let mut body = bytes.split_off(end);
    let mut response = parse(&bytes);
    let chunked = response.header("transfer-encoding").is_some();
    let length = match response.header("content-length") {
        _ if response.status == 204 => Some(0),
        Some(length) => length.parse().ok(),
        None => None,
    };
    // A server that refused from the head may reset what it did not read, and an answer to HEAD names the length of
    // a body that does not come: what came is the body, and a test that needs more of it fails.
    while length.is_none_or(|length| body.len() < length)
        && !(chunked && body.ends_with(b"0\r\n\r\n"))
    {
        match stream.read_buf(&mut body).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    match length {
        _ if chunked => body = joined(&body),
        Some(length) => body.truncate(length),
        None => {}
    }
    response.body = String::from_utf8_lossy(&body).into_owned();
    Ok(response)
}

/// What chunks hold, as far as they came.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = chunks.windows(2).position(|window| window == b"\r\n") {
        let length = core::str::from_utf8(&chunks[..end]).ok();
        let length = length.and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let data = &chunks[end + 2..];
        match length.and_then(|length| data.split_at_checked(length)) {
            Some((chunk, rest)) if !chunk.is_empty() => {
                body.extend_from_slice(chunk);
                chunks = rest.strip_prefix(b"\r\n").unwrap_or_default();
            }
            _ => break,
        }
    }
    body
}

fn parse(head: &[u8]) -> Response {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines.filter_map(|line| line.split_once(':'));
    Response {
        status: status
            .and_then(|word| word.parse().ok())
            .unwrap_or_default(),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
        body: String::new(),
    }
}

const CLOSE: &[u8] = b"connection: close\r\n";

fn start(method: &str, target: &str) -> Vec<u8> {
    let line = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n");
    [line.as_bytes(), CLOSE].concat()
}

fn line(head: &mut Vec<u8>, name: &str, value: &str) {
    head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
}

fn head(delivery: &SignedDelivery, method: &str, lines: &[&[u8]]) -> Vec<u8> {
    let mut head = start(method, &delivery.target());
    for (name, value) in delivery.headers() {
        line(&mut head, name, value);
    }
    for line in lines {
        head.extend_from_slice(line);
        head.extend_from_slice(b"\r\n");
    }
    head
}
