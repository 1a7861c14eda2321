//! The engines, as the tests see them.

use std::{net::SocketAddr, time::Duration};

use countersign_handoff::{
    Envelope, Handed, JetStream, Publisher, RedisStreams,
    async_nats::jetstream::{Context, stream},
    redis::{self, aio::MultiplexedConnection, streams::StreamRangeReply},
};
use countersign_tests::{
    nats_server, nats_server::NatsServer, redis_server, redis_server::RedisServer,
};

/// For how long ids are known: longer than either sender retries.
pub(crate) const WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// An engine of the test's own, with a stream.
pub(crate) trait Engine: Sized {
    type Publisher: Publisher + Clone;
    /// What a process of its own is told to publish to.
    const NAME: &'static str;

    /// None where it is not installed.
    async fn start() -> Option<Self>;
    /// One that has room for a few deliveries of 100 KB, and then is full.
    async fn start_small() -> Option<Self>;
    fn addr(&self) -> SocketAddr;
    /// What publishes to the stream, by way of an address.
    async fn publisher(&self, at: SocketAddr) -> Self::Publisher;
    /// Everything in the stream.
    async fn messages(&self) -> Vec<Envelope>;
    /// Takes everything out.
    async fn clear(&self);
    fn kill(&mut self);
    fn resume(&mut self);

    async fn count(&self) -> usize {
        self.messages().await.len()
    }
}

pub(crate) const SUBJECT: &str = "webhooks.test";

pub(crate) struct Nats {
    pub(crate) server: NatsServer,
}

/// A stream as `JetStreamError::NoStream` says to make one.
pub(crate) fn stream() -> stream::Config {
    stream::Config {
        name: "WEBHOOKS".to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        discard: stream::DiscardPolicy::New,
        duplicate_window: WINDOW,
        max_age: WINDOW,
        ..stream::Config::default()
    }
}

impl Nats {
    pub(crate) async fn bare() -> Option<Self> {
        let server = NatsServer::start().unwrap()?;
        Some(Self { server })
    }

    pub(crate) async fn context(&self) -> Context {
        nats_server::context(self.server.addr()).await.unwrap()
    }

    async fn with(config: stream::Config) -> Option<Self> {
        let nats = Self::bare().await?;
        nats.context().await.create_stream(config).await.unwrap();
        Some(nats)
    }
}

impl Engine for Nats {
    type Publisher = JetStream;
    const NAME: &'static str = "nats";

    async fn start() -> Option<Self> {
        Self::with(stream()).await
    }

    async fn start_small() -> Option<Self> {
        let small = stream::Config {
            max_bytes: 1_000_000,
            ..stream()
        };
        Self::with(small).await
    }

    fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    async fn publisher(&self, at: SocketAddr) -> JetStream {
        let context = nats_server::context(at).await.unwrap();
        JetStream::builder(context, SUBJECT).check().await.unwrap()
    }

    async fn messages(&self) -> Vec<Envelope> {
        let context = self.context().await;
        let mut stream = context.get_stream("WEBHOOKS").await.unwrap();
        let state = stream.info().await.unwrap().state.clone();
        let mut all = Vec::new();
        for number in state.first_sequence..=state.last_sequence {
            let Ok(message) = stream.get_raw_message(number).await else {
                continue;
            };
            let headers = message.headers.iter().flat_map(|(name, values)| {
                let name: &str = name.as_ref();
                values.iter().map(move |value| (name, value.as_str()))
            });
            let envelope = Envelope::from_headers(headers, message.payload.clone()).unwrap();
            // The stream's own id is the message's, for its subject.
            let id = message.headers.get("Nats-Msg-Id").unwrap().as_str();
            assert_eq!(id, format!("{}:{SUBJECT}", envelope.message_id()));
            all.push(envelope);
        }
        all
    }

    async fn clear(&self) {
        let stream = self.context().await.get_stream("WEBHOOKS").await.unwrap();
        stream.purge().await.unwrap();
    }

    fn kill(&mut self) {
        self.server.kill().unwrap();
    }

    fn resume(&mut self) {
        self.server.resume().unwrap();
    }
}

pub(crate) struct Redis {
    pub(crate) server: RedisServer,
}

/// The stream's name.
pub(crate) const STREAM: &str = "webhooks";

impl Redis {
    pub(crate) async fn with(options: &[&str]) -> Option<Self> {
        let durable = ["--appendonly", "yes", "--appendfsync", "always"];
        let server = RedisServer::start(&[&durable, options].concat()).unwrap()?;
        let redis = Self { server };
        redis.make_stream().await;
        Some(redis)
    }

    async fn make_stream(&self) {
        let mut make = redis::cmd("XGROUP");
        make.arg("CREATE")
            .arg(STREAM)
            .arg("workers")
            .arg("0")
            .arg("MKSTREAM");
        let _made: () = make
            .query_async(&mut self.connection().await)
            .await
            .unwrap();
    }

    pub(crate) async fn connection(&self) -> MultiplexedConnection {
        let client = self.server.client().unwrap();
        for _ in 0..200 {
            // It may be loading its files.
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                && redis::cmd("PING")
                    .query_async::<String>(&mut connection)
                    .await
                    .is_ok()
            {
                return connection;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("redis does not answer");
    }

    pub(crate) async fn entries(&self) -> StreamRangeReply {
        let mut range = redis::cmd("XRANGE");
        range.arg(STREAM).arg("-").arg("+");
        range
            .query_async(&mut self.connection().await)
            .await
            .unwrap()
    }
}

impl Engine for Redis {
    type Publisher = RedisStreams;
    const NAME: &'static str = "redis";

    async fn start() -> Option<Self> {
        Self::with(&[]).await
    }

    async fn start_small() -> Option<Self> {
        Self::with(&["--maxmemory", "2500kb"]).await
    }

    fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    async fn publisher(&self, at: SocketAddr) -> RedisStreams {
        let client = redis_server::client(at).unwrap();
        let stream = RedisStreams::from_client(client, STREAM).unwrap();
        stream.check().await.unwrap()
    }

    async fn messages(&self) -> Vec<Envelope> {
        let entries = self.entries().await.ids;
        let read = |entry: &_| Handed::<countersign_core::Raw>::from_redis(entry);
        // What has no body in it is read by hand.
        let envelope = |entry: &redis::streams::StreamId| match read(entry) {
            Ok(handed) => handed.envelope().clone(),
            Err(_) => {
                let json: Vec<u8> = entry.get("cloudevent").unwrap();
                Envelope::from_json(&json).unwrap()
            }
        };
        entries.iter().map(envelope).collect()
    }

    async fn clear(&self) {
        let mut trim = redis::cmd("XTRIM");
        trim.arg(STREAM).arg("MAXLEN").arg(0);
        let _gone: i64 = trim
            .query_async(&mut self.connection().await)
            .await
            .unwrap();
    }

    fn kill(&mut self) {
        self.server.kill().unwrap();
    }

    fn resume(&mut self) {
        self.server.resume().unwrap();
    }
}
