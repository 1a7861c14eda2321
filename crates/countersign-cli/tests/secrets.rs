//! Secrets: read from a file or a variable, and shown nowhere.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;

use countersign_core::Algorithm;
use countersign_senders::all;

mod support;

use support::{BODY, Place, Ran, SECRET, root, signature};

#[cfg(unix)]
#[test]
fn a_secret_that_everybody_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let (body, secret) = (place.file("body", BODY), place.file("secret", SECRET));
    let sign = || {
        place.run(&[
            "sign",
            "--scheme",
            "github",
            "--body",
            &body,
            "--secret-file",
            &secret,
        ])
    };
    assert_eq!(sign().err, "");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = sign();
    assert_eq!(ran.code, Some(0));
    assert!(
        ran.err.contains("warning: ") && ran.err.contains("everybody"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains(SECRET));
}

/// In no answer, no mistake, no argument: whatever is asked, and whatever goes wrong.
#[test]
fn a_secret_is_shown_nowhere() {
    let place = Place::new();
    let body = place.file("body", BODY);
    let header = signature(&place, &body);
    let tag = header.rsplit('=').next().unwrap();
    let token = place.file(
        "token.toml",
        "name = \"token\"\nsignature = { header = \"X-Token\", algorithm = \"token\", encoding = \"text\" }\nid = { header = \"X-Id\" }\n",
    );
    let secret = place.file("secret", SECRET);
    let quoted = place.file("quoted", format!("\"{SECRET}\"\n\n"));
    for args in [
        &["sign", "--scheme", "rebill-za", "--body", &body][..],
        &["sign", "--scheme", &token, "--body", &body],
        &["sign", "--scheme", &token, "--body", &body, "--curl"],
        &[
            "sign",
            "--scheme",
            &token,
            "--body",
            &body,
            "--curl",
            "--secret-file",
            &secret,
        ],
        &[
            "verify",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--header",
            &header,
        ],
        &[
            "verify", "--scheme", "stripe", "--body", &body, "--header", &header,
        ],
        &["verify", "--scheme", "standard-webhooks", "--body", &body],
        &[
            "explain",
            "--scheme",
            "rebill-za",
            "--body",
            "/dev/null",
            "--header",
            &header,
        ],
        &[
            "explain", "--scheme", "stripe", "--body", &body, "--header", &header,
        ],
        &[
            "explain",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--header",
            &header,
            "--secret-file",
            &quoted,
        ],
        &[
            "explain",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--header",
            &header,
            "--secret-file",
            &quoted,
            "--secret-file",
            &secret,
        ],
        &[
            "send",
            "--scheme",
            "rebill-za",
            "--event",
            "a",
            "--to",
            "http://127.0.0.1:1/",
        ],
        // Somebody who gives the secret where a name or a path is due.
        &[
            "verify",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--secret-env",
            SECRET,
        ],
        &[
            "verify",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--secret-file",
            SECRET,
        ],
    ] {
        for json in [&[][..], &["--json"]] {
            let ran = place.run(&[json, args].concat());
            assert!(!ran.out.contains(SECRET), "{args:?}: {}", ran.out);
            assert!(!ran.err.contains(SECRET), "{args:?}: {}", ran.err);
            if args[0] == "explain" || args[0] == "verify" {
                assert!(!ran.out.contains(tag) && !ran.err.contains(tag), "{args:?}");
            }
        }
    }
    // There is no option that takes one.
    let help = Place::new().run(&["verify", "--help"]).out;
    assert!(!help.contains("--secret <") && !help.contains("--secret="));
    assert_eq!(place.run(&["verify", "--secret", "x"]).code, Some(2));
    // What a process was started with can be read by everybody: the command starts none.
    let source = fs::read_to_string(root().join("crates/countersign-cli/src/secrets.rs")).unwrap();
    assert!(!source.contains("Command::new"));
}

#[test]
fn tokens_and_public_keys_are_explained() {
    let place = Place::new();
    let body = place.file("body", BODY);
    let token = place.file(
        "token.toml",
        "name = \"token\"\nsignature = { header = \"X-Token\", algorithm = \"token\", encoding = \"text\" }\nid = { header = \"X-Id\" }\n",
    );
    let ran = place.run(&["sign", "--scheme", &token, "--body", &body]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("signs nothing"), "{}", ran.err);
    let header = format!("X-Token: {SECRET}");
    let ran = place.run(&[
        "verify", "--scheme", &token, "--body", &body, "--header", &header,
    ]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.out.contains("nothing is signed"), "{}", ran.out);
    let public = all()
        .find(|preset| preset.scheme.algorithm() == Algorithm::Ed25519)
        .unwrap();
    let ran = place.run(&["sign", "--scheme", public.name, "--body", &body]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err.contains("private key") && !ran.err.contains(SECRET),
        "{}",
        ran.err
    );
    let mut command = place.command(&["sign", "--scheme", public.name, "--body", &body]);
    let ran = Ran::of(
        command
            .env("COUNTERSIGN_SECRET", "7f".repeat(32))
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}
