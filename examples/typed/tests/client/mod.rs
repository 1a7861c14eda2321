//! A client that sends one request over a socket of its own.

use std::{error::Error, net::SocketAddr};

use countersign_testkit::SignedDelivery;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The status, and what deduplication made of the delivery.
pub async fn send(
    to: SocketAddr,
    delivery: &SignedDelivery,
) -> Result<(u16, Option<String>), Box<dyn Error>> {
    let mut request = format!(
        "POST {} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\ncontent-length: {}\r\n",
        delivery.path(),
        delivery.body().len()
    );
    for (name, value) in delivery.headers() {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(request.as_bytes()).await?;
    stream.write_all(delivery.body()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer)?;
    let status = answer.split(' ').nth(1).ok_or("no status")?.parse()?;
    let dedup = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        (name == countersign::DEDUP_HEADER).then(|| value.to_owned())
    });
    Ok((status, dedup))
}
