//! Sending deliveries over real HTTP.

use std::{error::Error, net::SocketAddr};

use bytes::Bytes;
use countersign_testkit::SignedDelivery;
use http::{Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// A client that keeps its connections.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    to: SocketAddr,
}

impl Http {
    /// A client for one server.
    pub fn new(to: SocketAddr) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            to,
        }
    }

    /// The server.
    pub const fn to(&self) -> SocketAddr {
        self.to
    }

    /// Sends a delivery and reads the whole answer.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub async fn send(&self, delivery: &SignedDelivery) -> Result<Response<Bytes>, Box<dyn Error>> {
        let mut request = delivery.request();
        *request.uri_mut() = Uri::try_from(format!("http://{}{}", self.to, delivery.path()))?;
        let (head, body) = self.client.request(request).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }

    /// Gets a path's body.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub async fn get(&self, path: &str) -> Result<Bytes, Box<dyn Error>> {
        let uri = Uri::try_from(format!("http://{}{path}", self.to))?;
        let (_, body) = self.client.get(uri).await?.into_parts();
        Ok(body.collect().await?.to_bytes())
    }
}

/// A delivery as a command to paste into a shell.
pub fn curl(to: SocketAddr, delivery: &SignedDelivery) -> String {
    let quote = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut command = format!("curl -i http://{to}{}", delivery.path());
    for (name, value) in delivery.headers() {
        command.push_str(&format!(" \\\n  -H {}", quote(&format!("{name}: {value}"))));
    }
    let body = String::from_utf8_lossy(delivery.body());
    command.push_str(&format!(" \\\n  --data-raw {}", quote(&body)));
    command
}
