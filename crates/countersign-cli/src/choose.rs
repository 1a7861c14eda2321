//! Which scheme is meant.

use std::fs;

use countersign_core::Scheme;
use countersign_senders::{Preset, all, document, find};

use crate::{args::SchemeArg, config::Config, failure::Failure};

/// A scheme, and what is known of its sender beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) scheme: Scheme,
    pub(crate) preset: Option<&'static Preset>,
}

impl SchemeArg {
    pub(crate) fn choose(&self, config: &Config) -> Result<Chosen, Failure> {
        let name = self.scheme.as_deref().or(config.scheme.as_deref());
        choose(name.ok_or_else(|| {
            Failure::usage("which sender? give `--scheme NAME`; `countersign schemes` lists them")
        })?)
    }
}

/// The sender of this name, or the document at this path.
pub(crate) fn choose(name: &str) -> Result<Chosen, Failure> {
    if let Some(preset) = find(name) {
        return Ok(Chosen {
            scheme: preset.scheme,
            preset: Some(preset),
        });
    }
    let is_path = name.contains(['/', '\\']) || name.ends_with(".toml");
    if !is_path {
        let names = nearest(name);
        return Err(Failure::usage(format!(
            "no sender is called \"{name}\"; the nearest names are {names}"
        )));
    }
    let text =
        fs::read_to_string(name).map_err(|error| Failure::no_answer(format!("{name}: {error}")))?;
    let scheme =
        document::from_toml(&text).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    Ok(Chosen {
        scheme,
        preset: None,
    })
}

/// The three names that are least different.
pub(crate) fn nearest(name: &str) -> String {
    let wanted: Vec<char> = name.to_lowercase().chars().take(64).collect();
    let mut names: Vec<(usize, &str)> = all()
        .map(|preset| {
            let known: Vec<char> = preset.name.chars().collect();
            // A part of a name is nearer than any name of the same length.
            let part = preset.name.contains(&name.to_lowercase()) && name.len() > 2;
            let edits = if part { 1 } else { distance(&wanted, &known) };
            (edits, preset.name)
        })
        .collect();
    names.sort();
    let names: Vec<&str> = names.iter().take(3).map(|(_, name)| *name).collect();
    names.join(", ")
}

/// How many characters must be added, removed or changed.
pub(crate) fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, left) in one.iter().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (right, cell) in other.iter().zip(row.iter_mut().skip(1)) {
            let changed = diagonal + usize::from(left != right);
            diagonal = *cell;
            before = changed.min(*cell + 1).min(before + 1);
            *cell = before;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_are_named() {
        assert!(nearest("strpe").starts_with("stripe, "));
        assert!(nearest("git-hub").starts_with("github, "));
        assert!(nearest("webhooks").contains("standard-webhooks"));
        assert_eq!(nearest("").split(", ").count(), 3);
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&letters("kitten"), &letters("sitting")), 3);
        assert_eq!(distance(&[], &letters("abc")), 3);
    }
}
