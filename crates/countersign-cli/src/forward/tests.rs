use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

/// Waits for the end of a request with these last bytes, and gives all of it.
async fn read_until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.ends_with(end) {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            read => seen.extend_from_slice(&buffer[..read]),
        }
    }
    seen
}

/// An upstream that answers one request with these bytes and closes; the request comes with the result.
async fn one(
    answer: &'static [u8],
    change: impl FnOnce(&mut ForwardLimits),
) -> (Result<UpstreamAnswer, ForwardError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/in?own=1", listener.local_addr().unwrap());
    let upstream = Upstream::parse(&address, PathPolicy::Own).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let seen = read_until(&mut stream, b"\xff\0body").await;
        stream.write_all(answer).await.unwrap();
        if answer.is_empty() {
            // It hangs.
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
        seen
    });
    let mut limits = ForwardLimits::default();
    change(&mut limits);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-kept", "one"),
        ("x-kept", "two"),
        ("connection", "close, X-Hop"),
        ("x-hop", "gone"),
        ("x_hop", "gone"),
        ("transfer-encoding", "chunked"),
        ("host", "outside.example"),
        ("webhook-id", "from outside"),
        ("webhook_id", "from outside"),
        ("content-type", "application/json"),
    ] {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    let id = HeaderName::from_static("webhook-id");
    let outgoing = Outgoing {
        method: &Method::POST,
        uri: &"/hooks?x=1".parse().unwrap(),
        headers: &headers,
        leave_out: std::slice::from_ref(&id),
        add: vec![(id.clone(), HeaderValue::from_static("ours"))],
        body: Bytes::from_static(b"\xff\0body"),
    };
    let result = Forwarder::new(limits).forward(&upstream, outgoing).await;
    let seen = server.await.unwrap();
    (result, String::from_utf8_lossy(&seen).to_ascii_lowercase())
}

#[tokio::test]
async fn bytes_and_headers_arrive_as_they_were() {
    let answer =
        b"HTTP/1.1 202 Accepted\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";
    let (result, seen) = one(answer, |_| ()).await;
    let answer = result.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.body), (202, &b"ok"[..]));
    assert_eq!(answer.content_type.unwrap(), "text/plain");
    assert!(seen.starts_with("post /in?own=1 http/1.1\r\n"), "{seen}");
    for there in [
        "x-kept: one\r\n",
        "x-kept: two\r\n",
        "content-type: application/json\r\n",
        "content-length: 6\r\n",
        "webhook-id: ours\r\n",
        "host: 127.0.0.1:",
    ] {
        assert!(seen.contains(there), "{there} is not in {seen}");
    }
    for gone in ["outside", "gone", "chunked", "close", "webhook_id"] {
        assert!(!seen.contains(gone), "{gone} is in {seen}");
    }
}

#[tokio::test]
async fn what_is_no_whole_answer_is_none() {
    let short = |limits: &mut ForwardLimits| limits.total_time = Duration::from_millis(50);
    let few = |limits: &mut ForwardLimits| limits.answer_bytes = 3;
    let none = |_: &mut ForwardLimits| ();
    let redirect =
        b"HTTP/1.1 308 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let found = StatusCode::PERMANENT_REDIRECT;
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
    let chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let four = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour";
    type Change = fn(&mut ForwardLimits);
    let cases: [(&'static [u8], Change, ForwardError); 6] = [
        (b"", short, ForwardError::TimedOut),
        (b"HTTP/1.1 20", none, ForwardError::Broke),
        (half, none, ForwardError::DiedMidAnswer),
        (chunk, none, ForwardError::DiedMidAnswer),
        (redirect, none, ForwardError::Redirect(found)),
        (four, few, ForwardError::AnswerTooLong),
    ];
    for (answer, change, due) in cases {
        let (result, _) = one(answer, change).await;
        assert_eq!(result, Err(due), "{}", String::from_utf8_lossy(answer));
    }
}

#[tokio::test]
async fn nobody_there_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for (address, due) in [
        (format!("http://{address}/"), ForwardError::Refused),
        (
            "http://no-such-host.invalid/".to_owned(),
            ForwardError::NoConnection,
        ),
    ] {
        let upstream = Upstream::parse(&address, PathPolicy::Own).unwrap();
        let outgoing = Outgoing {
            method: &Method::POST,
            uri: &http::Uri::from_static("/"),
            headers: &HeaderMap::new(),
            leave_out: &[],
            add: Vec::new(),
            body: Bytes::new(),
        };
        let result = Forwarder::new(ForwardLimits::default())
            .forward(&upstream, outgoing)
            .await;
        assert_eq!(result, Err(due), "{address}");
    }
}

#[test]
fn paths_follow_the_policy() {
    let address = |base: &str, policy, arrived: &str| {
        let upstream = Upstream::parse(base, policy).unwrap();
        upstream
            .address(&arrived.parse().unwrap())
            .unwrap()
            .to_string()
    };
    let (own, append) = (PathPolicy::Own, PathPolicy::Append);
    assert_eq!(address("http://h:1/in", own, "/a?x=1"), "http://h:1/in?x=1");
    assert_eq!(address("http://h:1", own, "/a"), "http://h:1/");
    assert_eq!(address("http://h:1", append, "/a?x=1"), "http://h:1/a?x=1");
    assert_eq!(address("http://h/b/", append, "/a"), "http://h/b/a");
    assert_eq!(
        address("http://h/b?own=1", append, "/a?x=1"),
        "http://h/b/a?own=1"
    );
}

#[test]
fn addresses_that_cannot_be_asked_are_refused() {
    for (text, word) in [
        ("https://h/", "TLS"),
        ("http://user:pass@h/", "password"),
        ("ftp://h/", "no address"),
        ("127.0.0.1:3000", "no address"),
        ("/in", "no address"),
        ("", "no address"),
        ("http://h:99999/", "port"),
        ("http://h:65536/", "port"),
        ("http://h:30O0/", "port"),
        ("http://h:0/", "port"),
        ("http://h:/", "port"),
        ("http://[::1]:99999/", "port"),
        ("http://[::1]:/", "port"),
    ] {
        let refusal = Upstream::parse(text, PathPolicy::Own).unwrap_err();
        assert!(refusal.contains(word), "{text}: {refusal}");
    }
    for text in [
        "http://h/",
        "http://h:1/",
        "http://h:65535/",
        "http://[::1]/",
        "http://[::1]:3000/",
    ] {
        assert!(Upstream::parse(text, PathPolicy::Own).is_ok(), "{text}");
    }
}
