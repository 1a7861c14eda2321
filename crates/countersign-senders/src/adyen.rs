//! Adyen's standard notifications, which sign eight fields of their item.
//!
//! [`Verified::proved_message`](countersign_core::Verified::proved_message) is those fields, joined by `:`:
//! `pspReference`, `originalReference`, `merchantAccountCode`, `merchantReference`, `amount.value`,
//! `amount.currency`, `eventCode` and `success`. **Nothing else in the body is proved**: use [`Item`], which is
//! read from the proved message, and fetch the rest from Adyen.
//!
//! Adyen joins without escaping, so a field with `:` in it is refused, but for `merchantReference`: all others
//! have none, so where it begins and ends is certain.
//!
//! A notification is a list of items, each with a signature of its own: each is a delivery, known by its proved
//! message, so one that is taken out of a captured request and sent alone is the same delivery. Adyen's examples
//! take "the first (and only)" one; where there are several, all of them must be proved.

use core::time::Duration;
use std::borrow::Cow;

use countersign_core::{
    Scheme, Verified,
    scheme::{Encoding, IdenticalBodies, KeyFormat, Procedure, Signed, Unproved, Unreadable},
};
use serde::Deserialize;

/// Adyen's standard notifications. An application that verifies them says
/// [`accept_unsigned_body`](countersign_core::VerifierBuilder::accept_unsigned_body).
///
/// Its id is the proved message: the same event of the same payment is the same delivery for 8 days. The type is
/// `eventCode`, and it is signed.
pub const SCHEME: Scheme = Scheme::signed_by(&Items)
    .name("adyen")
    .signature_pointer("/notificationItems/*/NotificationRequestItem/additionalData/hmacSignature")
    .batch("/notificationItems")
    .event_pointer("/NotificationRequestItem/eventCode")
    .covers(&["/NotificationRequestItem/eventCode"])
    .encoding(Encoding::Base64)
    .key_format(KeyFormat::Hex)
    .retry_span(Duration::from_secs(7 * 86_400))
    .identical_bodies(IdenticalBodies::Copies {
        within: Duration::from_secs(8 * 86_400),
    })
    .evidence(
        "docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
    )
    .declare();

#[derive(Debug)]
struct Items;

impl Procedure for Items {
    fn name(&self) -> &'static str {
        "adyen"
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let read: Notification<'_> = serde_json::from_slice(request.body())
            .map_err(|_| Unreadable("the body is no notification of Adyen's"))?;
        for Outer { item } in &read.items {
            signed.prove(message(item)?, &item.additional_data.hmac_signature)?;
        }
        Ok(())
    }
}

/// The eight fields of an item, joined.
fn message(item: &Fields<'_>) -> Result<String, Unreadable> {
    let value = match &item.amount.value {
        Minor::Number(value) => *value,
        Minor::Text(text) => (text.parse()).map_err(|_| Unreadable("an amount is no number"))?,
    };
    let value = value.to_string();
    let fields = [
        &*item.psp_reference,
        item.original_reference.as_deref().unwrap_or_default(),
        &item.merchant_account_code,
        item.merchant_reference.as_deref().unwrap_or_default(),
        &value,
        &item.amount.currency,
        &item.event_code,
        &item.success,
    ];
    let mut others = (0..).zip(&fields).filter(|(at, _)| *at != FREE_FIELD);
    if others.any(|(_, field)| field.contains(':')) {
        return Err(Unreadable("a signed field holds what parts it from others"));
    }
    Ok(fields.join(":"))
}

/// `merchantReference`, which is the application's own text.
const FREE_FIELD: usize = 3;

#[derive(Deserialize)]
struct Notification<'a> {
    #[serde(borrow, rename = "notificationItems")]
    items: Vec<Outer<'a>>,
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow, rename = "NotificationRequestItem")]
    item: Fields<'a>,
}

/// serde refuses a field that is there twice.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    psp_reference: Cow<'a, str>,
    original_reference: Option<Cow<'a, str>>,
    merchant_account_code: Cow<'a, str>,
    merchant_reference: Option<Cow<'a, str>>,
    amount: Amount<'a>,
    event_code: Cow<'a, str>,
    success: Cow<'a, str>,
    additional_data: Additional<'a>,
}

#[derive(Deserialize)]
struct Amount<'a> {
    value: Minor,
    #[serde(borrow)]
    currency: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Minor {
    Number(i64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Additional<'a> {
    #[serde(borrow)]
    hmac_signature: Cow<'a, str>,
}

/// What Adyen signed, read from the proved message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item<'v> {
    /// The payment, or the modification of one.
    pub psp_reference: &'v str,
    /// The payment that was modified; empty for a payment itself.
    pub original_reference: &'v str,
    /// The account.
    pub merchant_account_code: &'v str,
    /// The application's own reference.
    pub merchant_reference: &'v str,
    /// The amount in minor units.
    pub value: i64,
    /// The currency.
    pub currency: &'v str,
    /// What happened.
    pub event_code: &'v str,
    /// Whether it went well.
    pub success: bool,
}

impl<'v> Item<'v> {
    /// Reads the proved message of an item. `None` for another sender's delivery, and for a whole notification
    /// ([`Verified::into_items`] takes it apart; a receiver does).
    #[must_use]
    pub fn of(verified: &'v Verified) -> Option<Self> {
        if verified.scheme().procedure().map(Procedure::name) != Some("adyen") {
            return None;
        }
        Self::read(verified.proved_message()?)
    }

    /// Reads a proved message that was handed over, in the process that takes it. It says nothing of who proved it:
    /// look first that the scheme is [`SCHEME`], by its name.
    #[must_use]
    pub fn read(proved: &'v [u8]) -> Option<Self> {
        let message = str::from_utf8(proved).ok()?;
        // Three fields before the one that may hold `:`, four behind it.
        let mut left = message.splitn(4, ':');
        let (psp_reference, original_reference, merchant_account_code) =
            (left.next()?, left.next()?, left.next()?);
        let mut right = left.next()?.rsplitn(5, ':');
        let (success, event_code, currency, value) =
            (right.next()?, right.next()?, right.next()?, right.next()?);
        Some(Self {
            psp_reference,
            original_reference,
            merchant_account_code,
            merchant_reference: right.next()?,
            value: value.parse().ok()?,
            currency,
            event_code,
            success: success == "true",
        })
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::{Rejection, Secret, Timestamp, Verifier, VerifierError};

    use super::*;

    const KEY: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
    /// From Adyen's Python library, `test/UtilTest.py`.
    const ITEM: &str = r#"{"NotificationRequestItem":{"pspReference":"7914073381342284","merchantReference":"TestPayment-1407325143704","merchantAccountCode":"TestMerchant","amount":{"currency":"EUR","value":1130},"eventCode":"AUTHORISATION","success":"true","paymentMethod":"visa","additionalData":{"hmacSignature":"coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="}}}"#;

    fn body(items: &[&str]) -> String {
        format!(
            r#"{{"live":"false","notificationItems":[{}]}}"#,
            items.join(",")
        )
    }

    fn verify(body: String) -> Result<Verified, Rejection> {
        verify_with(KEY, body)
    }

    /// The only item of a notification.
    fn only(body: String) -> Verified {
        let mut items = verify(body).unwrap().into_items(2).unwrap();
        let item = items.next().unwrap();
        assert!(items.next().is_none());
        item
    }

    fn verify_with(key: &str, body: String) -> Result<Verified, Rejection> {
        let secret = Secret::new(key).unwrap();
        let verifier = Verifier::builder(SCHEME).secret(secret);
        let verifier = verifier.accept_unsigned_body().build().unwrap();
        let request = http::Request::post("/").body(()).unwrap();
        verifier.verify(&request, body.into(), Timestamp::from_unix_seconds(0))
    }

    #[test]
    fn a_published_item_is_proved_and_read() {
        let proved = only(body(&[ITEM]));
        assert!(!proved.body_is_signed() && proved.id().is_none());
        let event = proved.event_type().unwrap();
        assert!(event.is_signed() && event.as_str() == "AUTHORISATION");
        let item = Item::of(&proved).unwrap();
        assert_eq!(
            (item.value, item.currency, item.success),
            (1130, "EUR", true)
        );
        assert_eq!(item.psp_reference, "7914073381342284");
        assert_eq!(item.merchant_reference, "TestPayment-1407325143704");
    }

    /// The signed fields of items in Adyen's libraries: two of Python, with a backslash and slashes, and one of
    /// Java, with an amount that is text.
    const OTHERS: [(&str, &str); 3] = [
        (
            "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174",
            r#"{"pspReference":"T7FD4VM4D3RZNN82","merchantAccountCode":"AntoniStroinski","merchantReference":"\\\\slashes are fun","amount":{"currency":"EUR","value":1000},"eventCode":"AUTHORISATION","success":"true","additionalData":{"hmacSignature":"nIgT81gaB5oJpn2jPXupDq68iRo2wUlBsuYjtYfwKqo="}}"#,
        ),
        (
            "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174",
            r#"{"pspReference":"X3GWNS6KJ8NKGK82","merchantAccountCode":"AntoniStroinski","merchantReference":"//slashes are fun","amount":{"value":1000,"currency":"EUR"},"eventCode":"AUTHORISATION","success":"true","additionalData":{"hmacSignature":"9Z0xdpG9Xi3zcmXv14t/BvMBut77O/Xq9D4CQXSDUi4="}}"#,
        ),
        (
            "9064450A8892A093D9E97EFCC9639DE31B74F3A7803135555A3C96F5A57915D6",
            r#"{"pspReference":"test_REPORT_AVAILABLE","merchantAccountCode":"Magento2Rik","merchantReference":"testMerchantRef1","amount":{"currency":"EUR","value":"0"},"eventCode":"REPORT_AVAILABLE","success":"true","additionalData":{"hmacSignature":"NuEkADFmlCC6VgX+wcoPAegIWxVPNBPCuKlM4Hzo5qc="}}"#,
        ),
    ];

    #[test]
    fn published_items_with_odd_texts_are_proved() {
        for (key, item) in OTHERS {
            let item = format!("{{\"NotificationRequestItem\":{item}}}");
            let whole = verify_with(key, body(&[&item])).unwrap();
            let proved = whole.into_items(1).unwrap().next().unwrap();
            let read: serde_json::Value = serde_json::from_str(&item).unwrap();
            let reference = &read["NotificationRequestItem"]["merchantReference"];
            let item = Item::of(&proved).unwrap();
            assert_eq!(reference.as_str(), Some(item.merchant_reference));
        }
    }

    #[test]
    fn every_signed_field_counts_and_the_others_change_nothing() {
        let first = only(body(&[ITEM]));
        for (from, to) in [
            ("7914073381342284", "7914073381342285"),
            ("TestPayment-", "TestPayment_"),
            ("TestMerchant", "TestMerchan1"),
            ("EUR", "USD"),
            ("1130", "1131"),
            ("AUTHORISATION", "CANCELLATION"),
            ("\"true\"", "\"false\""),
            ("\"eventCode\"", "\"originalReference\":\"1\",\"eventCode\""),
            // Bytes traded over the separator, and a field twice.
            (
                "\"TestMerchant\"",
                "\"TestMerchant:TestPayment-1407325143704\"",
            ),
            ("\"success\"", "\"eventCode\":\"AUTHORISATION\",\"success\""),
            ("coqC", "coqD"),
        ] {
            let changed = ITEM.replace(from, to);
            assert_ne!(changed, ITEM, "{from}");
            assert!(verify(body(&[&changed])).is_err(), "{from}");
            assert!(verify(body(&[ITEM, &changed])).is_err(), "{from}");
        }
        let other = only(body(&[&ITEM.replace("visa", "mc")]));
        assert_eq!(other.proved_message(), first.proved_message());
    }

    #[test]
    fn only_the_free_field_may_hold_what_parts_fields() {
        let why = |from: &str, to: &str| {
            let refused = verify(body(&[&ITEM.replace(from, to)])).unwrap_err();
            refused.to_string().contains("holds what parts it")
        };
        // A reference `a:b` could else be cut, its first part given to the account.
        assert!(why("\"TestMerchant\"", "\"TestMerchant:a\""));
        assert!(why("\"AUTHORISATION\"", "\"EUR:AUTHORISATION\""));
        assert!(!why("TestPayment-", "a:b-"));
    }

    #[test]
    fn every_item_is_a_delivery_and_is_the_same_one_alone() {
        let items: Vec<_> = (verify(body(&[ITEM, ITEM])).unwrap().into_items(2).unwrap()).collect();
        assert_eq!(items.len(), 2);
        for item in items {
            assert_eq!(item.proved_message(), only(body(&[ITEM])).proved_message());
            assert_eq!(Item::of(&item).unwrap().value, 1130);
            let handed = item.proved_message().unwrap();
            assert_eq!(Item::read(handed), Item::of(&item));
            assert_eq!(Item::read(&handed[..20]), None);
        }
        let whole = verify(body(&[ITEM, ITEM])).unwrap();
        assert!(whole.proved_message().is_none() && Item::of(&whole).is_none());
    }

    #[test]
    fn no_item_too_many_and_deep_json_are_refused() {
        assert!(verify(body(&[])).is_err());
        assert!(verify(body(&[ITEM; 100])).is_ok());
        assert!(verify(body(&[ITEM; 101])).is_err());
        assert!(verify("[".repeat(100_000)).is_err());
        // Skipped without recursion, like every field that is not signed.
        let deep = format!(
            "\"deep\":{}1{},\"eventCode\"",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert!(verify(body(&[&ITEM.replace("\"eventCode\"", &deep)])).is_ok());
    }

    #[test]
    fn it_is_asked_for_by_name() {
        let silent = Verifier::builder(SCHEME).secret(Secret::new(KEY).unwrap());
        assert_eq!(silent.build().unwrap_err(), VerifierError::BodyNotSigned);
    }
}
