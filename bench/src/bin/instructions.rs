//! Instructions of the paths that must be fast, outside the hash's block function, counted by callgrind:
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml --bin instructions
//! ```
//!
//! Fails when one takes over 3 % more than `instructions.txt` says; `COUNTERSIGN_WRITE=1` writes that
//! file. The hash is left out because valgrind knows no SHA extensions.
#![allow(clippy::print_stdout, reason = "it prints what it counts")]
#![allow(clippy::unwrap_used, reason = "it may stop")]

use std::{
    collections::HashMap,
    env, fs,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use countersign_bench::paths::{PATHS, TIMES};

const ALLOWED: f64 = 1.03;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.as_slice() {
        [] => count_all(),
        [path, times] => {
            let (_, path) = PATHS[path.parse::<usize>().unwrap()];
            path(times.parse().unwrap());
            ExitCode::SUCCESS
        }
        _ => ExitCode::from(2),
    }
}

fn count_all() -> ExitCode {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt");
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let committed: HashMap<&str, f64> = committed
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(count, name)| Some((name, count.parse().ok()?)))
        .collect();
    let (mut lines, mut over) = (String::new(), 0);
    for (at, (name, _)) in PATHS.iter().enumerate() {
        let Some(all) = count(at, TIMES).zip(count(at, 0)) else {
            println!("valgrind is needed, which does not run");
            return ExitCode::FAILURE;
        };
        let each = (all.0.saturating_sub(all.1)) as f64 / TIMES as f64;
        let said = committed.get(name).copied();
        let more = said.is_none_or(|said| each > said * ALLOWED);
        over += usize::from(more);
        let said = said.map_or_else(|| "none".to_owned(), |said| format!("{said:.0}"));
        let judged = if more { "OVER" } else { "" };
        println!("{each:>8.0}  committed {said:>8}  {name} {judged}");
        lines += &format!("{each:.0}\t{name}\n");
    }
    if env::var_os("COUNTERSIGN_WRITE").is_some() {
        fs::write(file, lines).unwrap();
        return ExitCode::SUCCESS;
    }
    match over {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Instructions of one run outside the hash. `None` where valgrind does not run.
fn count(path: usize, times: u64) -> Option<u64> {
    let out = env::temp_dir().join(format!("countersign-{}-{path}-{times}", std::process::id()));
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe().unwrap())
        .args([path.to_string(), times.to_string()])
        .stdout(Stdio::null())
        .status();
    let profile = fs::read_to_string(&out).unwrap_or_default();
    let _there_or_not = fs::remove_file(&out);
    status
        .is_ok_and(|status| status.success())
        .then(|| outside_the_hash(&profile))
}

/// The costs of all functions for themselves, but of those that hash a block.
fn outside_the_hash(profile: &str) -> u64 {
    let (mut names, mut counts, mut skip) = (HashMap::new(), true, false);
    let mut sum = 0;
    for line in profile.lines() {
        if let Some(function) = line
            .strip_prefix("fn=")
            .or_else(|| line.strip_prefix("cfn="))
        {
            // `(id) name` at first, `(id)` from then on.
            let (id, name) = function.split_once(' ').unwrap_or((function, ""));
            let hashes = |name: &str| {
                ["compress", "sha256_block", "sha256_hw"]
                    .iter()
                    .any(|of| name.contains(of))
            };
            if !name.is_empty() {
                names.insert(id, hashes(name));
            }
            if line.starts_with("fn=") {
                counts = !names.get(id).copied().unwrap_or_default();
            }
        } else if line.starts_with("calls=") {
            // What follows is what the callee took.
            skip = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line
                .split(' ')
                .nth(1)
                .and_then(|cost| cost.parse::<u64>().ok());
            if !core::mem::take(&mut skip) && counts {
                sum += cost.unwrap_or_default();
            }
        }
    }
    sum
}
