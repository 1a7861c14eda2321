//! Where the tenant is named, and that only the lookup's answer counts.

use super::*;
use crate::{keys::Tenant, rejection::RejectionKind::*};

fn shops(at: TenantAt) -> Verifier {
    Verifier::builder(
        Scheme::body_hmac("X-Sig")
            .id_header("X-Id")
            .build()
            .unwrap(),
    )
    .tenants(at)
    .build()
    .unwrap()
}

#[test]
fn the_tenant_s_name_is_one_short_text_in_one_place() {
    const UNKNOWN: Result<&str, RejectionKind> = Err(UnknownTenant);
    const PATH: TenantAt = TenantAt::LastPathSegment;
    const QUERY: TenantAt = TenantAt::Query("shop");
    const HEADER: TenantAt = TenantAt::Header("X-Shop");
    let long: &'static str = Box::leak(format!("/{}", "x".repeat(257)).into_boxed_str());
    let at_path = |path| Request { path, ..signed() };
    let at_query = |query| Request { query, ..signed() };
    let rows: &[(&str, TenantAt, Request, Result<&str, RejectionKind>)] = &[
        (
            "segment",
            PATH,
            at_path("/webhooks/rebill/shop_7"),
            Ok("shop_7"),
        ),
        (
            "not decoded",
            PATH,
            at_path("/webhooks/shop%5f7"),
            Ok("shop%5f7"),
        ),
        ("slash at the end", PATH, at_path("/webhooks/"), UNKNOWN),
        ("no path", PATH, at_path(""), UNKNOWN),
        ("not ASCII", PATH, at_path("/webhooks/shöp"), UNKNOWN),
        ("too long", PATH, at_path(long), UNKNOWN),
        ("query", QUERY, at_query(Some("shop=a")), Ok("a")),
        (
            "among others",
            QUERY,
            at_query(Some("x=1&shop=a&shops=b")),
            Ok("a"),
        ),
        ("no query", QUERY, at_query(None), UNKNOWN),
        ("empty query", QUERY, at_query(Some("")), UNKNOWN),
        ("another name", QUERY, at_query(Some("Shop=a")), UNKNOWN),
        ("empty", QUERY, at_query(Some("shop=")), UNKNOWN),
        ("no value", QUERY, at_query(Some("shop")), UNKNOWN),
        // Which of the two a proxy looked at is anybody's guess.
        ("twice", QUERY, at_query(Some("shop=a&shop=b")), UNKNOWN),
        ("header", HEADER, signed().with("X-Shop", "a"), Ok("a")),
        ("no header", HEADER, signed(), UNKNOWN),
        (
            "empty header",
            HEADER,
            signed().with("X-Shop", ""),
            Err(HeaderMalformed),
        ),
        (
            "header twice",
            HEADER,
            signed().with("X-Shop", "a").with("X-Shop", "a"),
            Err(HeaderRepeated),
        ),
    ];
    for (name, at, request, expected) in rows {
        let head = shops(*at).precheck(request, Timestamp::from_unix_seconds(NOW));
        let tenant = head.as_ref().map(|head| head.tenant().unwrap_or_default());
        assert_eq!(tenant.map_err(Rejection::kind), *expected, "{name}");
    }
}

#[test]
fn only_the_lookup_s_tenant_has_keys_and_a_scope() {
    let verifier = shops(TenantAt::LastPathSegment);
    let scheme = *verifier.scheme();
    let now = Timestamp::from_unix_seconds(NOW);
    let head = || verifier.precheck(&signed(), now).unwrap();
    assert_eq!(head().tenant(), Some("webhooks"));
    // No answer, no key: a name in the request opens nothing.
    assert_eq!(kind(head().open(None)), Err(UnknownTenant));
    assert_eq!(kind(signed().judge(&verifier)), Err(UnknownTenant));

    let with = |keyring| Some(Tenant::new("id-of-the-shop", keyring));
    let keyring = Keyring::new(&scheme, Secret::new(KEY).unwrap()).unwrap();
    let mut intake = head().open(with(keyring)).unwrap();
    intake.push(signed().body).unwrap();
    assert_eq!(intake.finish().unwrap().tenant(), Some("id-of-the-shop"));

    let keyring = Keyring::new(&scheme, Secret::new("of another shop").unwrap()).unwrap();
    let mut intake = head().open(with(keyring)).unwrap();
    intake.push(signed().body).unwrap();
    assert_eq!(kind(intake.finish()), Err(SignatureMismatch));

    let base64 = crate::scheme::samples::BASE64_KEY;
    let keyring = Keyring::new(&base64, Secret::new("c2VjcmV0").unwrap()).unwrap();
    assert_eq!(kind(head().open(with(keyring))), Err(NoActiveKey));
}

#[test]
fn a_verifier_of_one_keyring_has_no_tenants() {
    let verifier = verifier(Scheme::body_hmac("X-Sig").id_header("X-Id"));
    let head = verifier.precheck(&signed(), Timestamp::from_unix_seconds(NOW));
    let head = head.unwrap();
    assert_eq!(head.tenant(), None);
    let other = Keyring::new(verifier.scheme(), Secret::new("other").unwrap()).unwrap();
    let mut intake = head.open(Some(Tenant::new("x", other))).unwrap();
    intake.push(signed().body).unwrap();
    assert_eq!(intake.finish().unwrap().tenant(), None);
}

fn signed() -> Request {
    Request::new("{}").with("X-Sig", tag(b"{}"))
}
