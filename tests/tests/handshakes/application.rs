//! What the application has to do with a handshake: it takes offers, has tenants, is slow, drains, and is told.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_offered_once_and_is_none_until_the_application_says_so() -> Tested {
    for place in Place::ADAPTERS {
        for row in rows() {
            if ![handshakes::ASANA.name(), handshakes::NOTION.name()].contains(&row.scheme.name()) {
                continue;
            }
            let bench = Bench::new(row.scheme)?;
            let addr = bench.kit.serve(place).await?;
            let asana = row.scheme.name() == handshakes::ASANA.name();
            let key = if asana {
                HOOK_SECRET
            } else {
                "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
            };
            let signed = |body: &'static str| {
                Sender::with_secret(row.scheme, key)
                    .raw("", "", body)
                    .to(PATH)
            };
            bench.taker.wait_for_one();
            assert_eq!(row.asks.send(addr).await?.status, 200);
            // The second one is refused, and the key proves nothing yet.
            assert_eq!(row.asks.send(addr).await?.status, 401);
            assert_eq!(
                Request::of(&signed("{\"n\":1}")).send(addr).await?.status,
                401
            );
            assert!(bench.is_untouched());
            let mut offered = bench.taker.secrets();
            assert_eq!((offered.len(), bench.taker.refused()), (1, 1));
            assert_eq!(bench.taker.tenants(), [None]);
            bench
                .kit
                .receiver
                .rotate(offered.remove(0), Duration::ZERO)?;
            let answer = Request::of(&signed("{\"n\":1}")).send(addr).await?;
            assert_eq!(
                answer.header("countersign-dedup"),
                Some("fresh"),
                "{place:?}"
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_is_handed_over_and_fetched_by_nobody() -> Tested {
    // The address would be fetched from here.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let body = format!(
        r#"{{"Type":"SubscriptionConfirmation","SubscribeURL":"http://{}/"}}"#,
        listener.local_addr()?
    );
    for place in Place::ADAPTERS {
        let bench = Bench::new(handshakes::SNS)?;
        let addr = bench.kit.serve(place).await?;
        let asks = bench.signed(&body);
        let answer = Request::of(&asks).send(addr).await?;
        assert_eq!(
            (answer.status, bench.taker.refused()),
            (401, 1),
            "{place:?}"
        );
        bench.taker.wait_for_one();
        // Not proved, not handed over.
        assert_eq!(Request::of(&asks.tampered()).send(addr).await?.status, 401);
        assert!(bench.taker.confirmations().is_empty());
        assert_eq!(Request::of(&asks).send(addr).await?.status, 200);
        assert_eq!(bench.taker.confirmations(), [body.as_str()]);
        assert!(bench.is_untouched());
        // A notification is none.
        let note = bench.signed(r#"{"Type":"Notification","MessageId":"1"}"#);
        let answer = Request::of(&note).send(addr).await?;
        assert_eq!(
            answer.header("countersign-dedup"),
            Some("fresh"),
            "{place:?}"
        );
    }
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    Ok(())
}

struct OnlyAnna(Keyring);

impl KeyringSource for OnlyAnna {
    async fn keyring(&self, tenant: &str) -> Result<Option<Tenant>, LookupError> {
        match tenant {
            "anna" => Ok(Some(Tenant::new("tenant-1", self.0.clone()))),
            "away" => Err(LookupError::new("the database is away")),
            _ => Ok(None),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_token_is_signed_with_the_tenants_key() -> Tested {
    let source = || -> Result<OnlyAnna, Box<dyn Error>> {
        let keyring = Keyring::new(&handshakes::X, Secret::new("annas secret")?)?;
        // The newest key answers.
        keyring.rotate(
            Secret::new("countersign-test-secret")?,
            Duration::from_secs(600),
        )?;
        Ok(OnlyAnna(keyring))
    };
    for place in Place::ADAPTERS {
        let source = source()?;
        let kit = Kit::without_secret(handshakes::X, |builder| {
            builder.tenants(TenantAt::LastPathSegment, source)
        })?;
        let addr = kit.serve(place).await?;
        let ask =
            |tenant: &str| Request::new("GET", &format!("{PATH}/{tenant}?crc_token=abc"), &[], "");
        let answer = ask("anna").send(addr).await?;
        let due = format!(
            r#"{{"response_token":"sha256={}"}}"#,
            STANDARD.encode(tag("abc"))
        );
        assert_eq!((answer.status, answer.body), (200, due), "{place:?}");
        assert_eq!(ask("berta").send(addr).await?.status, 401);
        assert_eq!(ask("away").send(addr).await?.status, 503);
        assert!(kit.store.calls().is_empty());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_names_its_tenant() -> Tested {
    let taker = Taker::default();
    let keyring = Keyring::new(&handshakes::ASANA, Secret::new("annas secret")?)?;
    let kit = Kit::without_secret(handshakes::ASANA, |builder| {
        let builder = builder.tenants(TenantAt::LastPathSegment, OnlyAnna(keyring));
        configure(&handshakes::ASANA, &taker, builder)
    })?;
    let addr = kit.serve(Place::AxumMethodRouter).await?;
    taker.wait_for_one();
    let headers = [("X-Hook-Secret", HOOK_SECRET)];
    let asks = Request::new("POST", &format!("{PATH}/berta"), &headers, "");
    assert_eq!(asks.send(addr).await?.status, 200);
    assert_eq!(taker.tenants(), [Some("berta".to_owned())]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_panics_or_is_slow_takes_nothing() -> Tested {
    let asks = Request::new("POST", PATH, &[("X-Hook-Secret", HOOK_SECRET)], "");
    for place in Place::ADAPTERS {
        let kit = Kit::new(handshakes::ASANA, |builder| {
            builder.on_offer(|_| async { panic!("told to panic") })
        })?;
        let answer = asks.send(kit.serve(place).await?).await?;
        assert_eq!((answer.status, answer.header("x-hook-secret")), (500, None));
    }
    // Its clock runs, so that its time ends.
    let receiver = Receiver::builder(handshakes::ASANA)
        .endpoint("test")
        .secret(Secret::new("secret")?)
        .store(MemoryStore::new())
        .limits(|limits| limits.lookup_time = Duration::from_millis(20))
        .on_offer(|_| core::future::pending())
        .build()?;
    let addr = Place::AxumMethodRouter
        .start(&receiver, &Default::default())
        .await?;
    let answer = asks.send(addr).await?;
    assert_eq!((answer.status, answer.header("x-hook-secret")), (503, None));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_drains_answers_no_question() -> Tested {
    for row in rows() {
        let bench = Bench::new(row.scheme)?;
        bench.taker.wait_for_one();
        let addr = bench.kit.serve(Place::AxumMethodRouter).await?;
        bench.kit.receiver.drain(Duration::ZERO).await;
        let status = row.asks.send(addr).await?.status;
        assert_eq!(status, 503, "{}", row.scheme.name());
    }
    Ok(())
}

#[test]
fn a_receiver_without_what_its_handshake_needs_does_not_build() {
    let builder = |scheme: Scheme| {
        Receiver::builder(scheme)
            .endpoint("test")
            .secret(Sender::new(scheme).secret().unwrap())
            .store(MemoryStore::new())
    };
    let token = || Secret::new(VERIFY_TOKEN).unwrap();
    let built = builder(handshakes::META).build();
    assert_eq!(built.unwrap_err(), ConfigError::NoVerifyToken);
    let built = builder(handshakes::DROPBOX).verify_token(token()).build();
    assert_eq!(built.unwrap_err(), ConfigError::NoVerifyToken);
    for scheme in [handshakes::ASANA, handshakes::NOTION, handshakes::SNS] {
        let built = builder(scheme).build();
        assert_eq!(built.unwrap_err(), ConfigError::NoOnOffer);
    }
    let takes = |_| core::future::ready(true);
    let built = builder(handshakes::SLACK).on_offer(takes).build();
    assert_eq!(built.unwrap_err(), ConfigError::NoOnOffer);
    for scheme in [handshakes::DISCORD, handshakes::XERO] {
        let kind = RejectionKind::SignatureMismatch;
        let built = builder(scheme).status(kind, 403).build();
        assert_eq!(built.unwrap_err(), ConfigError::HandshakeNeeds401(kind));
    }
    let kind = RejectionKind::SignatureMismatch;
    assert!(builder(handshakes::SLACK).status(kind, 403).build().is_ok());
}

/// Handlers and receivers of a test with one thread log on that thread.
#[tokio::test]
async fn a_question_is_told_of_without_a_byte_of_it() -> Tested {
    log::capture();
    for row in rows() {
        let bench = Bench::new(row.scheme)?;
        bench.taker.wait_for_one();
        // actix-web has threads of its own.
        let addr = bench.kit.serve(Place::AxumMethodRouter).await?;
        let answer = row.asks.send(addr).await?;
        assert!(matches!(answer.status, 200 | 204));
        let told = log::log();
        let handshake = row.scheme.handshakes()[0];
        let [entry] = &told[..] else {
            panic!("{}: {told:?}", row.scheme.name());
        };
        assert_eq!(
            entry.says("handshake"),
            (
                Level::INFO,
                "a handshake was answered",
                Some(handshake.as_str())
            )
        );
        // Refused at the next one, where there is something to refuse.
        row.asks.send(addr).await?;
        let texts = format!(
            "{entry:?} {:?} {:?} {:?}",
            log::log(),
            bench.taker.secrets(),
            bench.kit.receiver
        );
        let secrets = [
            VERIFY_TOKEN,
            HOOK_SECRET,
            "secret_tMrl",
            "1158201444",
            "abc123",
            "reachability",
            OKTA_CHALLENGE,
        ];
        for secret in secrets {
            assert!(!texts.contains(secret), "{texts}");
        }
    }
    Ok(())
}
