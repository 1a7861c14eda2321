//! What the docs say of the library, against the library.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use countersign_core::RejectionKind;
use countersign_tests::{
    code::{files, functions, root},
    table::rows,
};

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// `N` for every number and `".."` for every list of quoted texts, as the page writes them.
fn general(text: &str) -> String {
    let mut shown = String::new();
    let mut quoted = false;
    for at in text.chars() {
        match at {
            '"' if quoted => {
                quoted = false;
                shown.push_str("..\"");
            }
            '"' => {
                quoted = true;
                shown.push(at);
            }
            _ if quoted => {}
            '0'..='9' if shown.ends_with('N') => {}
            '0'..='9' => shown.push('N'),
            _ => shown.push(at),
        }
    }
    shown.replace("\"..\", \"..\"", "\"..\"")
}

/// The kind and the detail of a refusal, without the header between them.
fn without_header(text: &str) -> String {
    let kind = RejectionKind::ALL
        .iter()
        .map(|kind| kind.as_str())
        .find(|kind| text.starts_with(kind))
        .unwrap();
    let rest = text[kind.len()..].trim_start_matches(": ");
    let is_header = |part: &str| !part.contains(' ');
    let detail = match rest.split_once(": ") {
        Some((header, detail)) if is_header(header) => detail,
        _ if is_header(rest) => "",
        _ => rest,
    };
    match detail {
        "" => kind.to_owned(),
        detail => format!("{kind}: {detail}"),
    }
}

/// The kinds of refusal, each with its status and what its doc says: what it means, and what to do.
fn kinds() -> String {
    let code = page("crates/countersign-core/src/rejection.rs");
    let (_, table) = code.split_once("\nrejection_kinds! {\n").unwrap();
    let (table, _) = table.split_once("\n}\n").unwrap();
    let mut written = String::from("| the log says | status | what it means | what to do |\n");
    written.push_str("| --- | --- | --- | --- |\n");
    let mut said = [String::new(), String::new()];
    let (mut at, mut kinds) = (0, RejectionKind::ALL.iter());
    for line in table.lines().map(str::trim) {
        match line.strip_prefix("///").map(str::trim) {
            Some("") => at = 1,
            Some(text) if said[at].is_empty() => said[at].push_str(text),
            Some(text) => said[at].extend([" ", text]),
            None => {
                let kind = kinds.next().unwrap();
                assert!(line.starts_with(&format!("{kind:?} = ")), "{line}");
                let [means, mend] = said.each_ref().map(|text| text.trim_end_matches('.'));
                let mend = mend.strip_prefix("What to do: ");
                let mend = mend.unwrap_or_else(|| panic!("{kind:?} does not say what to do"));
                let (first, mend) = mend.split_at(1);
                let mend = format!("{}{mend}", first.to_uppercase());
                let (text, status) = (kind.as_str(), kind.status());
                written.push_str(&format!("| {text} | {status} | {means} | {mend} |\n"));
                said = [String::new(), String::new()];
                at = 0;
            }
        }
    }
    assert!(kinds.next().is_none());
    written
}

#[test]
fn the_page_of_refusals_says_what_the_kinds_say() {
    let file = root().join("docs/refusals.md");
    let text = page("docs/refusals.md");
    let (before, rest) = text.split_once("| the log says | status").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    let due = format!("{before}{}\n{after}", kinds());
    if std::env::var_os("COUNTERSIGN_WRITE").is_some() {
        fs::write(file, &due).unwrap();
    }
    let stale = "docs/refusals.md is stale: COUNTERSIGN_WRITE=1 writes it";
    assert!(page("docs/refusals.md") == due, "{stale}");
}

#[test]
fn every_refusal_is_explained() {
    let page = page("docs/refusals.md");
    let explains = |text: &str| page.contains(&format!("\n| {text} |"));
    let mut told = 0;
    for row in rows() {
        for refused in row.steps.iter().filter_map(|step| step.refused) {
            let text = general(&without_header(refused));
            assert!(explains(&text), "{}: {text}", row.name);
            told += 1;
        }
    }
    assert!(told > 60, "{told} refusals");
}

#[test]
fn the_tests_that_the_architecture_names_exist() {
    let (page, tests) = (page("docs/architecture.md"), functions());
    let mut named = 0;
    for invariant in page.split("**Invariant:**").skip(1) {
        let text = invariant.split("\n\n").next().unwrap();
        let Some((_, names)) = text.split_once("Test") else {
            let otherwise = text.contains("`compile_fail`") || text.contains("By its type");
            assert!(otherwise, "no test of: {text}");
            continue;
        };
        for name in names.split('`').skip(1).step_by(2) {
            assert!(tests.contains(name), "{name}");
            named += 1;
        }
    }
    assert!(named >= 19, "{named} tests are named");
}

/// What the pages name: a file, a test, or a function whose name reads like a test's.
#[test]
fn the_files_and_tests_that_the_docs_name_exist() {
    let (tests, files) = (functions(), files(&root()));
    let targets = |name: &str| {
        let ends = [format!("tests/{name}.rs"), format!("tests/{name}/main.rs")];
        files
            .iter()
            .any(|file| ends.iter().any(|end| file.ends_with(end)))
    };
    let mut named = 0;
    let pages = files.iter().filter(|file| file.ends_with(".md"));
    for page in pages.filter(|file| !file.ends_with("CHANGELOG.md")) {
        let text = fs::read_to_string(root().join(page)).unwrap();
        // What other projects have is named there too.
        let (before, after) = text
            .split_once("## Evidence: the others")
            .unwrap_or((&text, ""));
        let after = after
            .split_once("## Evidence: countersign")
            .unwrap_or_default()
            .1;
        for quoted in [before, after]
            .iter()
            .flat_map(|part| part.split('`').skip(1).step_by(2))
        {
            let words: Vec<&str> = quoted.split_whitespace().collect();
            for pair in words.windows(2).filter(|pair| pair[0] == "--test") {
                assert!(targets(pair[1]), "{page}: {quoted}");
                named += 1;
            }
            let [name] = words[..] else { continue };
            let of_small = |at: char| at.is_ascii_lowercase() || at.is_ascii_digit() || at == '_';
            if name.ends_with(".rs") && !name.contains(['<', 'X', '*']) {
                let exists = files
                    .iter()
                    .any(|file| file == name || file.ends_with(&format!("/{name}")));
                assert!(exists, "{page}: {name}");
                named += 1;
            } else if name.chars().all(of_small)
                && name.matches('_').count() > 2
                && !name.starts_with("countersign_")
            {
                assert!(tests.contains(name), "{page}: {name}");
                named += 1;
            }
        }
    }
    assert!(named > 80, "{named} files and tests are named");
}

/// A point names its test, or says that nothing defends it, or that a type does.
#[test]
fn every_point_of_the_security_page_names_its_test() {
    let (page, tests) = (page("SECURITY.md"), functions());
    let (_, points) = page.split_once("## What countersign defends").unwrap();
    let (points, _) = points.split_once("### What is out of scope").unwrap();
    let mut named = 0;
    for point in points.split("\n* ").skip(1) {
        let point = point.split("\n\n").next().unwrap();
        let names = point.split('`').skip(1).step_by(2);
        let shown = names.filter(|name| tests.contains(*name) && name.contains('_'));
        let otherwise = ["**Not defended:**", "by its type", "fuzz targets"];
        let otherwise = otherwise.iter().any(|word| point.contains(word));
        let shown = shown.count();
        assert!(shown > 0 || otherwise, "no test of: {point}");
        named += shown;
    }
    assert!(named > 25, "{named} tests are named");
}

/// So a new kind needs no other file of code, and no other page.
#[test]
fn a_kind_of_refusal_is_said_in_one_file_of_code_and_on_one_page() {
    let files = files(&root());
    let having = |text: &str, of: &dyn Fn(&str) -> bool| {
        let files = files.iter().filter(|file| of(file));
        let files = files.filter(|file| page(file).contains(text));
        files.map(String::as_str).collect::<Vec<_>>()
    };
    let code = |file: &str| {
        let is_test = file.contains("/tests/") || file.ends_with("tests.rs");
        file.starts_with("crates/") && file.ends_with(".rs") && !is_test
    };
    let pages = |file: &str| file.ends_with(".md");
    for kind in RejectionKind::ALL {
        let text = format!("\"{}\"", kind.as_str());
        let due = ["crates/countersign-core/src/rejection.rs"];
        assert_eq!(having(&text, &code), due, "{kind:?}");
        let row = format!("| {}", kind.as_str());
        assert_eq!(having(&row, &pages), ["docs/refusals.md"], "{kind:?}");
    }
}

#[test]
fn the_pages_count_the_senders() {
    // In fifties, so that one more is no reason to touch them.
    let senders = countersign_senders::all().count() / 50 * 50;
    for (name, said) in [
        ("README.md", format!("[More than {senders} senders](")),
        ("docs/comparison.md", format!("**more than {senders}** [g]")),
        (
            "crates/countersign-senders/README.md",
            format!("How more than {senders} senders"),
        ),
    ] {
        assert!(page(name).contains(&said), "{name}: {said}");
    }
}

#[test]
fn the_map_of_the_tests_names_each_of_them() {
    let map = page("tests/README.md");
    let targets = fs::read_dir(root().join("tests/tests")).unwrap();
    let targets: BTreeSet<String> = targets
        .map(|entry| {
            let path = entry.unwrap().path();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    let cells = map.lines().filter_map(|line| line.rsplit("| ").next());
    let named: BTreeSet<&str> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    for target in &targets {
        assert!(
            named.contains(target.as_str()),
            "{target} is not on the map"
        );
    }
    assert!(targets.len() > 25);
}

#[test]
fn the_architecture_names_every_room_of_the_core() {
    let page = page("docs/architecture.md");
    for folder in ["crates/countersign-core/src", "crates"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let short = name.strip_prefix("countersign").unwrap_or(name);
            let named = [name, short]
                .iter()
                .any(|name| page.contains(&format!("`{name}`")));
            assert!(named || name == "lib", "{folder}/{name}");
        }
    }
}

#[test]
fn the_tests_that_stop_misuse_exist() {
    let (page, tests) = (page("docs/misuse.md"), functions());
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let mut named = 0;
    for row in rows.filter(|row| !row.starts_with("| mistake")) {
        let cells = row.strip_suffix(" |").unwrap();
        let last = cells.rsplit('|').next().unwrap().trim();
        if last.is_empty() {
            // What no test shows, the page must not claim.
            assert!(
                row.contains("**nothing**") || row.contains("**the docs**"),
                "{row}"
            );
            continue;
        }
        assert!(tests.contains(last.trim_matches('`')), "{last}");
        named += 1;
    }
    assert!(named > 25, "{named} tests are named");
}

#[test]
fn decisions_have_addresses_and_code_names_them() {
    let page = page("docs/decisions.md");
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    let addresses: Vec<&str> = headings
        .map(|heading| heading.split_once(". ").unwrap().0)
        .collect();
    let decisions: BTreeSet<&str> = addresses.iter().copied().collect();
    assert_eq!(
        addresses.len(),
        decisions.len(),
        "an address is given twice"
    );
    for address in &decisions {
        assert!(
            page.contains(&format!("* [{address}](#")),
            "{address} in the index"
        );
    }
    let mut cited = BTreeSet::new();
    for (path, text) in sources(&root().join("crates")) {
        for (_, rest) in text
            .match_indices("docs/decisions.md: ")
            .map(|(at, name)| (at, &text[at + name.len()..]))
        {
            let list = rest.split(['.', ')', '\n']).next().unwrap();
            for address in list.split(", ") {
                assert!(
                    decisions.contains(address),
                    "{address} in {}",
                    path.display()
                );
                cited.insert(address.to_owned());
            }
        }
    }
    assert!(
        cited.len() > 35,
        "{} decisions are named by code",
        cited.len()
    );
}

/// Rust and Lua files below a folder.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path
            .extension()
            .is_some_and(|end| end == "rs" || end == "lua")
        {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}
