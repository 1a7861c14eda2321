//! `cargo bench --manifest-path bench/Cargo.toml [-- PART ..]`: see the library.
#![allow(clippy::print_stdout, reason = "a bench prints")]
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::{env, fs, path::Path, process::ExitCode};

use countersign_bench::{
    admission, facts, http, memory, public_keys, report::Section, verification,
};

type Measure = fn() -> Section;

const PARTS: [(&str, Measure); 8] = [
    ("verification", verification::body_tags),
    ("standard", verification::standard),
    ("keys", verification::keys),
    ("facts", facts::in_body),
    ("public-keys", public_keys::public_keys),
    ("admission", admission::in_process),
    ("http", http::over_loopback),
    ("memory", memory::memory_store),
];

fn main() -> ExitCode {
    // cargo says `--bench` to whatever it benches.
    let wanted: Vec<_> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|it| PARTS.iter().all(|(name, _)| name != it))
    {
        println!(
            "no part {unknown}; there are {:?}",
            PARTS.map(|(name, _)| name)
        );
        return ExitCode::from(2);
    }
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut page = include_str!("head.md").replace("MACHINE", &machine());
    for (_, measure) in PARTS
        .iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|it| it == name))
    {
        let section = measure();
        let text = section.markdown();
        print!("{text}");
        page.push_str(&text);
        if let Some(plot) = &section.plot
            && env::var_os("COUNTERSIGN_WRITE").is_some()
        {
            plot.draw(&docs.join("images"));
        }
    }
    if env::var_os("COUNTERSIGN_WRITE").is_some() && wanted.is_empty() {
        fs::write(docs.join("performance.md"), page).unwrap();
    }
    ExitCode::SUCCESS
}

/// The processor and the day, as the machine tells them.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let sha = if info.contains("sha_ni") {
        "with"
    } else {
        "without"
    };
    let date = std::process::Command::new("date").arg("+%Y-%m-%d").output();
    let date = date.map(|date| String::from_utf8_lossy(&date.stdout).trim().to_owned());
    format!(
        "{} of {}, {sha} SHA extensions, {}",
        match cores {
            1 => "One core".to_owned(),
            cores => format!("{cores} cores"),
        },
        model.unwrap_or("a processor without a name"),
        date.unwrap_or_default()
    )
}
