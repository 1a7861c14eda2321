//! The commands of the pages, run as a reader runs them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{fs, path::Path, process::Command};

mod support;

use support::{Place, binary, root};

/// A command, and what the page says that it prints.
struct Step {
    command: String,
    says: Vec<String>,
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            steps.push(Step {
                command: command.to_owned(),
                says: Vec::new(),
            });
        } else if inside {
            steps.last_mut().unwrap().says.push(line.to_owned());
        }
    }
    steps
}

/// All commands of a page in one shell, so that what one exports the next one has; what each printed.
fn run(steps: &[Step], place: &Place) -> Vec<Vec<String>> {
    let mut script = String::new();
    for step in steps {
        script.push_str(&format!(
            "{{ {}\n}} 2>&1\necho '--- end of step'\n",
            step.command
        ));
    }
    let folder = Path::new(binary()).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", place.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let parts = text.split("--- end of step\n");
    parts
        .map(|part| part.lines().map(str::to_owned).collect())
        .collect()
}

/// Ids of the moment stand as a star in the page.
fn alike(says: &str, is: &str) -> bool {
    match says.split_once('*') {
        Some((start, end)) => is.starts_with(start) && is.ends_with(end),
        None => says == is,
    }
}

#[test]
fn commands_of_the_pages_say_what_they_say() {
    let mut commands = 0;
    for name in ["docs/cli.md", "docs/signature-does-not-match.md"] {
        let file = root().join(name);
        let page = fs::read_to_string(&file).unwrap();
        let steps = steps(&page);
        let printed = run(&steps, &Place::new());
        if std::env::var_os("COUNTERSIGN_WRITE").is_some() {
            fs::write(&file, written(&page, &printed)).unwrap();
            continue;
        }
        for (step, printed) in steps.iter().zip(&printed) {
            let same = step.says.len() == printed.len()
                && step
                    .says
                    .iter()
                    .zip(printed)
                    .all(|(says, is)| alike(says, is));
            assert!(
                same,
                "{name}: {}\nsays {:#?}\nis {printed:#?}\nCOUNTERSIGN_WRITE=1 writes it",
                step.command, step.says
            );
            commands += 1;
        }
    }
    assert!(
        commands > 20 || std::env::var_os("COUNTERSIGN_WRITE").is_some(),
        "{commands}"
    );
}

#[test]
fn documents_of_the_page_are_schemes() {
    let page = fs::read_to_string(root().join("docs/cli.md")).unwrap();
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (document, rest) = rest.split_once("```").unwrap();
    let place = Place::new();
    let file = place.file("acme.toml", document);
    let ran = place.run(&["schemes", &file]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("X-Acme-Signature: sha256="), "{}", ran.out);
    // Every key that the table names is one, and all that there are are named.
    let table = rest.split_once("A document that could not").unwrap().0;
    let told = place.file("told.toml", format!("{document}\nno_such_key = 1\n"));
    let ran = place.run(&["schemes", &told]);
    let keys: Vec<&str> = ran.err.split('`').skip(1).step_by(2).collect();
    assert!(keys.len() > 25, "{}", ran.err);
    for key in keys.iter().filter(|key| **key != "no_such_key") {
        assert!(
            table.contains(&format!("`{key}`")),
            "{key} is not in the table"
        );
    }
}

/// The page with what its commands printed.
fn written(page: &str, printed: &[Vec<String>]) -> String {
    let (mut text, mut inside) = (String::new(), false);
    let mut printed = printed.iter();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && !line.starts_with("$ ") {
            continue;
        }
        text.push_str(line);
        text.push('\n');
        if inside && line.starts_with("$ ") {
            for line in printed.next().unwrap() {
                // An id that is made of the clock.
                let id = line
                    .split_once("cs-")
                    .filter(|(_, rest)| rest.bytes().all(|at| at.is_ascii_digit()));
                match id {
                    Some((start, _)) => text.push_str(&format!("{start}cs-*")),
                    None => text.push_str(line),
                }
                text.push('\n');
            }
        }
    }
    text
}
