//! Text that somebody else wrote, made fit for a terminal.

/// Text without anything that a terminal would obey: control characters and what changes the direction of
/// writing are written out.
pub(crate) fn shown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for at in text.chars() {
        let turns = matches!(at, '\u{61c}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if at.is_control() && at != '\n' || turns {
            plain.extend(at.escape_default());
        } else {
            plain.push(at);
        }
    }
    plain
}

/// The same, in one line: a line break would begin a line that seems to be ours.
pub(crate) fn in_line(text: &str) -> String {
    shown(text).replace('\n', "\\n")
}

/// A text as one word for a POSIX shell.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |at: char| at.is_ascii_alphanumeric() || "-_./:=@%+,".contains(at);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Bytes as one word for bash, zsh or ksh, whatever they are; none where they hold a zero byte.
pub(crate) fn shell_bytes(bytes: &[u8]) -> Option<String> {
    if bytes.contains(&0) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(|at| at.is_control() && at != '\n') => Some(shell_word(text)),
        _ => {
            let mut word = String::from("$'");
            for byte in bytes {
                match byte {
                    b'\'' | b'\\' => word.extend(['\\', char::from(*byte)]),
                    b' '..=b'~' => word.push(char::from(*byte)),
                    // Three octal digits end by themselves.
                    _ => word.push_str(&format!("\\{byte:03o}")),
                }
            }
            word.push('\'');
            Some(word)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing() {
        assert_eq!(
            shown("a\u{1b}[31mb\r\n\u{202e}c"),
            "a\\u{1b}[31mb\\r\n\\u{202e}c"
        );
        assert_eq!(
            in_line("a\nverified: b\u{2028}c"),
            "a\\nverified: b\\u{2028}c"
        );
    }

    #[test]
    fn words_survive_a_shell() {
        for bytes in [
            &b"it's"[..],
            b"",
            b"a b",
            b"$HOME `x` \"y\"",
            b"\xff\r\n'\\1",
            b"-x",
        ] {
            let word = shell_bytes(bytes).unwrap();
            let script = format!("printf %s {word}");
            let output = std::process::Command::new("bash")
                .args(["-c", &script])
                .output();
            assert_eq!(output.unwrap().stdout, bytes, "{word}");
        }
        assert_eq!(shell_bytes(b"a\0"), None);
    }
}
