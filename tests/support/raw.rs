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
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status; 0 when the connection was closed without one.
    pub status: u16,
    /// The head in lower case.
    pub head: String,
}

impl Response {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (header, value) = line.split_once(':')?;
            header.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Request {
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

    fn with(delivery: &SignedDelivery, method: &str, lines: &[&[u8]]) -> Self {
        let mut head = head(delivery, method, lines);
        let length = format!("content-length: {}\r\n\r\n", delivery.body().len());
        head.extend_from_slice(length.as_bytes());
        Self {
            head,
            body: delivery.body().to_vec(),
            end: End::Wait,
        }
    }

    /// Sends the request on a connection of its own and reads the answer's head.
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
        stream.write_all(&self.head).await?;
        // A server that refused from the head may close before the body is through.
        let _sent = stream.write_all(&self.body).await;
        if self.end == End::HalfClose {
            let _closed = stream.shutdown().await;
        }
        Ok(stream)
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
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let response = parse(&head);
    let length = response
        .header("content-length")
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
    stream.read_exact(&mut body).await?;
    Ok(stream)
}

/// Reads an answer's head.
///
/// # Errors
///
/// When the connection breaks in the middle of it.
///
/// # Panics
///
/// When there is no answer after a minute.
pub async fn answer(stream: TcpStream) -> io::Result<Response> {
    in_time(read_answer(stream)).await
}

async fn read_answer(mut stream: TcpStream) -> io::Result<Response> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) if bytes.is_empty() => return Ok(Response::default()),
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) => return Err(error),
        }
    }
    Ok(parse(&bytes))
}

fn parse(bytes: &[u8]) -> Response {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let head = text.split("\r\n\r\n").next().unwrap_or_default().to_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Response {
        status: status.unwrap_or_default(),
        head,
    }
}

fn head(delivery: &SignedDelivery, method: &str, lines: &[&[u8]]) -> Vec<u8> {
    let mut head = format!(
        "{method} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n",
        delivery.path()
    )
    .into_bytes();
    for (name, value) in delivery.headers() {
        head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    for line in lines {
        head.extend_from_slice(line);
        head.extend_from_slice(b"\r\n");
    }
    head
}
