use std::{ffi::OsString, io, path::Path};

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;

const KEY: &str = "whsec_c2VydmljZXMta25vdy1tZS1ieS10aGlzLWtleQ==";

/// A machine with these variables, and no files but one.
struct Desk;

impl Sources for Desk {
    fn variable(&self, name: &str) -> Option<OsString> {
        match name {
            "GATEWAY_SECRET" => Some(KEY.into()),
            "ACME_SECRET" | "STRIPE_SECRET" => Some("hunter2".into()),
            "EMPTY" => Some("".into()),
            "PADDED" => Some("hunter2 ".into()),
            "SHORT" => Some("whsec_aHVudGVyMg==".into()),
            "DATABASE_URL" => Some("postgres://app:hunter2@127.0.0.1/app".into()),
            _ => None,
        }
    }

    fn file(&self, path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, bool)> {
        match path.to_str() {
            Some("/etc/countersign/old") => Ok((Zeroizing::new(b"hunter2\n".to_vec()), true)),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn read(text: &str) -> Result<Settings, Vec<Problem>> {
    Settings::read(text, Path::new("/etc/countersign"), &Desk)
}

const GOOD: &str = r#"listen = "127.0.0.1:0"
[signing]
secret_env = "GATEWAY_SECRET"
[store]
kind = "memory"
[endpoints.rebill]
path = "/webhooks/rebill"
scheme = "rebill-za"
secret_env = "ACME_SECRET"
upstream = "http://127.0.0.1:3000/in"
"#;

#[test]
fn a_good_file_is_read() {
    let settings = read(GOOD).unwrap();
    assert_eq!(settings.endpoints.len(), 1);
    assert_eq!(settings.admin.to_string(), "127.0.0.1:9464");
    let more = GOOD.replace(
        "secret_env = \"ACME_SECRET\"",
        "secret_env = [\"ACME_SECRET\"]\nsecret_file = \"old\"",
    );
    let settings = read(&more).unwrap();
    assert!(
        settings.warnings[0].contains("chmod 600"),
        "{:?}",
        settings.warnings
    );
    assert!(!format!("{settings:?}").contains("hunter2"));
}

/// Each change of the good file, and what must be said of it: line, key, and a part of the sentence.
#[test]
fn mistakes_are_told_with_line_and_key() {
    let replace = |from: &str, to: &str| GOOD.replace(from, to);
    let add = |text: &str| format!("{GOOD}{text}\n");
    let cases = [
        (
            add("tolerence = \"5m\""),
            11,
            "endpoints.rebill.tolerence",
            "did you mean `tolerance`",
        ),
        (
            add("secret = \"hunter2\""),
            11,
            "endpoints.rebill.secret",
            "`secret_env = \"NAME\"` or `secret_file",
        ),
        (
            replace("\"ACME_SECRET\"", "\"hunter2\""),
            9,
            "endpoints.rebill.secret_env",
            "name of an environment variable",
        ),
        (
            replace("ACME_SECRET", "NOT_THERE"),
            9,
            "endpoints.rebill.secret_env",
            "the variable that this names is not set",
        ),
        // Secrets that stand where a name should.
        (
            replace("ACME_SECRET", "HUNTER2"),
            9,
            "endpoints.rebill.secret_env",
            "the variable that this names is not set",
        ),
        (
            replace("GATEWAY_SECRET", "HUNTER2"),
            3,
            "signing.secret_env",
            "the variable that this names is not set",
        ),
        (
            replace("rebill-za", "hunter2"),
            8,
            "endpoints.rebill.scheme",
            "no sender has this name; the nearest names are ",
        ),
        (
            replace("ACME_SECRET", "EMPTY"),
            9,
            "endpoints.rebill.secret_env",
            "empty",
        ),
        (
            replace("ACME_SECRET", "PADDED"),
            9,
            "endpoints.rebill.secret_env",
            "white space",
        ),
        (
            replace("secret_env = \"ACME", "secret_file = \"ACME"),
            9,
            "endpoints.rebill.secret_file",
            "cannot be read",
        ),
        (
            replace("secret_env = \"ACME_SECRET\"", ""),
            6,
            "endpoints.rebill",
            "which secret?",
        ),
        (
            add("tolerance = \"soon\""),
            11,
            "endpoints.rebill.tolerance",
            "a time with its unit",
        ),
        (
            add("upstream_timeout = 30"),
            11,
            "endpoints.rebill.upstream_timeout",
            "a time with its unit",
        ),
        (
            add("upstream_timeout = \"2h\""),
            11,
            "endpoints.rebill.upstream_timeout",
            "at most 1h",
        ),
        (
            add("tolerance = \"5m\""),
            11,
            "endpoints.rebill.tolerance",
            "signs no time",
        ),
        (
            add("retention = \"1h\""),
            11,
            "endpoints.rebill.retention",
            "at least",
        ),
        (
            add("body_limit = \"1GB\""),
            11,
            "endpoints.rebill.body_limit",
            "a number of bytes",
        ),
        (
            add("accept_unsigned_body = true"),
            11,
            "endpoints.rebill.accept_unsigned_body",
            "leave this out",
        ),
        (
            add("accept_unsigned_body = 1"),
            11,
            "endpoints.rebill.accept_unsigned_body",
            "true or false",
        ),
        (
            add("verify_token_env = \"ACME_SECRET\""),
            6,
            "endpoints.rebill",
            "asks for no verify token",
        ),
        (
            add("url = \"https://example.com/\""),
            11,
            "endpoints.rebill.url",
            "does not",
        ),
        (
            replace("rebill-za", "rebil"),
            8,
            "endpoints.rebill.scheme",
            "nearest names are rebill-za, ",
        ),
        (
            replace("rebill-za", "./acme.toml"),
            8,
            "endpoints.rebill.scheme",
            "document cannot be read",
        ),
        (
            replace("/webhooks/rebill", "webhooks"),
            7,
            "endpoints.rebill.path",
            "a path as it stands",
        ),
        (
            replace("/webhooks/rebill", "/a?b"),
            7,
            "endpoints.rebill.path",
            "a path as it stands",
        ),
        (
            replace("http://127", "https://127"),
            10,
            "endpoints.rebill.upstream",
            "without TLS",
        ),
        (
            replace("http://127", "http://a:hunter2@127"),
            10,
            "endpoints.rebill.upstream",
            "no password",
        ),
        (
            replace("\"127.0.0.1:0\"", "\"8080\""),
            1,
            "listen",
            "an address and a port",
        ),
        (
            replace("127.0.0.1:0", "127.0.0.1:9464"),
            1,
            "admin",
            "one of its own",
        ),
        (
            replace("GATEWAY_SECRET", "ACME_SECRET"),
            2,
            "signing",
            "openssl rand",
        ),
        (replace("GATEWAY_SECRET", "SHORT"), 2, "signing", "24 bytes"),
        (
            replace("kind = \"memory\"", "kind = \"mysql\""),
            5,
            "store.kind",
            "must be memory",
        ),
        (
            replace("kind =", "knd ="),
            5,
            "store.knd",
            "did you mean `kind`",
        ),
        (replace("kind = \"memory\"", ""), 4, "store", "which store?"),
        (
            replace("kind = \"memory\"", "kind = \"sqlite\""),
            4,
            "store",
            "where is the database?",
        ),
        (
            replace("kind = \"memory\"", "kind = \"redis\""),
            4,
            "store",
            "where is the server?",
        ),
        (
            replace("kind = \"memory\"", "kind = \"memory\"\nlease = \"1ms\""),
            6,
            "store.lease",
            "at least 1s",
        ),
        (
            replace(
                "kind = \"memory\"",
                "kind = \"postgres\"\nurl = \"postgres://a:hunter2@h/d\"",
            ),
            6,
            "store.url",
            "url_env",
        ),
        (
            replace(
                "kind = \"memory\"",
                "kind = \"postgres\"\nurl_env = \"ACME_SECRET\"",
            ),
            6,
            "store.url_env",
            "an address such as",
        ),
        (
            replace("path = ", "path = 1 #"),
            7,
            "endpoints.rebill.path",
            "a text, in quotes",
        ),
        (replace("[store]", "[store"), 4, "", "this is no TOML"),
        (
            replace("[endpoints.rebill]", "[rebill]"),
            1,
            "endpoints",
            "there is no endpoint",
        ),
    ];
    for (text, line, key, part) in cases {
        let problems = read(&text).unwrap_err();
        let told = problems
            .iter()
            .any(|one| one.line == line && one.key == key && one.message.contains(part));
        assert!(told, "{line} {key} {part}: {problems:#?}");
        for problem in problems {
            let told = problem.to_string().to_lowercase();
            assert!(!told.contains("hunter2"), "{problem}");
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let second = "[endpoints.other]\npath = \"/webhooks/rebill\"\nscheme = \"strpe\"\nsecret = \"hunter2\"\n";
    let text = format!("{}{second}", GOOD.replace("listen", "lisen"));
    let problems = read(&text).unwrap_err();
    let lines: Vec<usize> = problems.iter().map(|one| one.line).collect();
    // The misspelt key; no secret and no upstream; and of two endpoints on one path either is named.
    assert!(lines.starts_with(&[1]), "{problems:#?}");
    assert_eq!(problems.len(), 6, "{problems:#?}");
    assert!(lines.is_sorted());
    let paths = problems
        .iter()
        .filter(|one| one.message.contains("has this path, too"));
    assert_eq!(paths.count(), 1);
}

#[test]
fn a_secret_of_two_endpoints_is_told_without_it() {
    let second = |scheme: &str, secret: &str| {
        let table = GOOD.split_once("[endpoints.rebill]").unwrap().1;
        let table = table
            .replace("/webhooks/rebill", "/webhooks/other")
            .replace("rebill-za", scheme)
            .replace("\"ACME_SECRET\"", secret);
        read(&format!("{GOOD}[endpoints.other]{table}")).unwrap()
    };
    // By another name, and beside another one.
    let warned = second("rebill-za", "[\"GATEWAY_SECRET\", \"STRIPE_SECRET\"]").warnings;
    let names = [
        "endpoints.other and endpoints.rebill",
        "endpoints.rebill and endpoints.other",
    ];
    assert!(
        names.iter().any(|name| warned[0].starts_with(name)),
        "{warned:?}"
    );
    assert!(warned[0].contains("can be replayed to the other"));
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(!warned[0].contains("hunter2"));
    for (scheme, secret) in [
        ("rebill-za", "\"GATEWAY_SECRET\""),
        // What is signed in another way does not fit there.
        ("github", "\"STRIPE_SECRET\""),
    ] {
        let warned = second(scheme, secret).warnings;
        assert!(warned.is_empty(), "{scheme}: {warned:?}");
    }
}

#[test]
fn addresses_of_stores_may_come_from_beside_the_file() {
    let text = GOOD.replace(
        "kind = \"memory\"",
        "kind = \"postgres\"\nurl_env = \"DATABASE_URL\"\nconnections = 4",
    );
    let settings = read(&text).unwrap();
    assert_eq!(settings.store.kind.name(), "postgres");
    assert!(!format!("{settings:?}").contains("hunter2"));
}

proptest! {
    /// Whatever the text is, it is read or complained of, with lines that there are.
    #[test]
    fn nothing_panics(text in "(\\PC|[\\[\\]=\"'.\n{}#]){0,200}") {
        if let Err(problems) = read(&text) {
            prop_assert!(!problems.is_empty());
            let lines = text.matches('\n').count() + 1;
            prop_assert!(problems.iter().all(|one| (1..=lines).contains(&one.line)));
        }
    }

    /// A good file with a piece of it taken out or put twice, and any value for a key.
    #[test]
    fn nothing_near_a_good_file_panics(
        from in 0..GOOD.len(),
        len in 0..40_usize,
        text in "(-?[0-9]{1,25}|\"\\PC{0,20}\"|true|\\[\\]|\\{\\}|1979-05-27|nan|0xff)",
    ) {
        let until = (from + len).min(GOOD.len());
        let (start, piece, end) = (&GOOD[..from], &GOOD[from..until], &GOOD[until..]);
        for changed in [format!("{start}{end}"), format!("{start}{piece}{piece}{end}"), format!("{start}{text}{end}")] {
            if let Err(problems) = read(&changed) {
                prop_assert!(problems.iter().all(|one| !one.to_string().contains("hunter2")));
            }
        }
    }
}
