//! A request in a curl command, as browsers copy them and `sign --curl` writes them.

use super::{Address, Request};

/// A request whose body may be in files.
#[derive(Debug, Default)]
pub(crate) struct Command {
    pub(crate) request: Request,
    /// What is joined by `&` to be the body.
    pub(crate) pieces: Vec<Piece>,
}

/// A part of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Bytes(Vec<u8>),
    File {
        name: String,
        /// Whether line breaks stay, as `--data-binary` leaves them.
        whole: bool,
    },
}

/// Reads one. Nothing in it is run, and no file is read.
pub(crate) fn parse(bytes: &[u8]) -> Result<Command, String> {
    let words = words(bytes)?;
    let mut words = words.into_iter();
    if words.next().as_deref() != Some(b"curl") {
        return Err("this is no curl command: it does not begin with `curl`".to_owned());
    }
    let mut command = Command::default();
    let (mut method, mut is_json) = (None, false);
    while let Some(word) = words.next() {
        let word = String::from_utf8(word).map_err(|_| "an option is not UTF-8 text")?;
        let (option, given) = split(&word);
        let mut value = |what: &str| {
            let value = given.clone().or_else(|| words.next());
            value.ok_or_else(|| format!("`{what}` lacks its value"))
        };
        match &*option {
            "-X" | "--request" => {
                let value = text(value("--request")?)?;
                if !value
                    .bytes()
                    .all(|at| at.is_ascii_alphabetic() || at == b'-')
                {
                    return Err("the method is not made of letters".to_owned());
                }
                method = Some(value.to_uppercase());
            }
            "-H" | "--header" => {
                let line = value("--header")?;
                // `Name;` sends an empty header, and `Name:` none.
                match line.strip_suffix(b";").filter(|name| !name.contains(&b':')) {
                    Some(name) => command.request.add(name, b"")?,
                    None if line.trim_ascii_end().ends_with(b":")
                        && line.iter().filter(|at| **at == b':').count() == 1 => {}
                    None => command.request.add_line(&line)?,
                }
            }
            "-d" | "--data" | "--data-ascii" => {
                command.pieces.push(piece(value("--data")?, false)?)
            }
            "--data-binary" => command.pieces.push(piece(value("--data-binary")?, true)?),
            "--data-raw" => command.pieces.push(Piece::Bytes(value("--data-raw")?)),
            "--json" => {
                is_json = true;
                command.pieces.push(piece(value("--json")?, true)?);
            }
            "--url" => command.set_url(value("--url")?)?,
            "-A" | "--user-agent" => {
                let agent = value("--user-agent")?;
                command.request.add(b"User-Agent", &agent)?;
            }
            "-I" | "--head" => method = method.or(Some("HEAD".to_owned())),
            "-F" | "--form" | "--form-string" | "--data-urlencode" | "-T" | "--upload-file"
            | "-G" | "--get" | "-K" | "--config" | "--url-query" => {
                return Err(format!(
                    "`{option}` makes a body that is not in the command: save the request itself"
                ));
            }
            _ if takes_value(&option) => {
                value(&option)?;
            }
            _ if option.starts_with('-') && option.len() > 1 => {}
            _ => command.set_url(word.into_bytes())?,
        }
    }
    let request = &mut command.request;
    if request.url.is_none() {
        request.target = "/".to_owned();
    }
    let posts = !command.pieces.is_empty();
    request.method = method.unwrap_or_else(|| if posts { "POST" } else { "GET" }.to_owned());
    if posts && request.header("content-type").is_none() {
        let kind: &[u8] = if is_json {
            b"application/json"
        } else {
            b"application/x-www-form-urlencoded"
        };
        request.add(b"Content-Type", kind)?;
    }
    Ok(command)
}

impl Command {
    fn set_url(&mut self, word: Vec<u8>) -> Result<(), String> {
        let url = text(word)?;
        let whole = if url.contains("://") {
            url
        } else {
            format!("http://{url}")
        };
        let address = Address::parse(&whole).ok_or("a word is neither an option nor an address")?;
        if self.request.url.is_some() {
            return Err("there are two addresses".to_owned());
        }
        self.request.target = address.target;
        self.request.url = Some(whole);
        Ok(())
    }
}

/// An option with its value in the same word: `--request=POST`, `-XPOST`, and `-sXPOST`, where letters without a
/// value stand before the one that has it.
fn split(word: &str) -> (String, Option<Vec<u8>>) {
    let given = |value: &str| (!value.is_empty()).then(|| value.as_bytes().to_vec());
    if word.starts_with("--") {
        return match word.split_once('=') {
            Some((option, value)) => (option.to_owned(), Some(value.as_bytes().to_vec())),
            None => (word.to_owned(), None),
        };
    }
    let Some(letters) = word.strip_prefix('-') else {
        return (word.to_owned(), None);
    };
    // One that is told apart without a value counts, too, where no letter with one comes.
    let telling = |at: char| SHORT.contains(at) || "GI".contains(at);
    match letters.find(telling) {
        Some(at) => {
            let (letter, value) = letters.split_at(at).1.split_at(1);
            (format!("-{letter}"), given(value))
        }
        None => (word.to_owned(), None),
    }
}

/// The letters that have a value.
const SHORT: &str = "AbcCdDeEFhHKmoPQrtTuUwxXyYz";

/// Options that say nothing about the signature, and are followed by a value.
fn takes_value(option: &str) -> bool {
    const LONG: &str = " abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers \
        connect-timeout connect-to continue-at cookie cookie-jar create-file-mode crlfile curves delegation \
        dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url dump-header ech egd-file engine \
        etag-compare etag-save expect100-timeout ftp-account ftp-port happy-eyeballs-timeout-ms \
        haproxy-clientip hostpubmd5 hostpubsha256 hsts interface ip-tos ipfs-gateway keepalive-cnt \
        keepalive-time key key-type krb libcurl limit-rate local-port login-options mail-auth mail-from \
        mail-rcpt max-filesize max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir \
        parallel-max pass pinnedpubkey preproxy proto proto-default proto-redir proxy proxy-cacert \
        proxy-capath proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile proxy-header proxy-key \
        proxy-key-type proxy-pass proxy-pinnedpubkey proxy-service-name proxy-tls13-ciphers \
        proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy-user proxy1.0 pubkey quote random-file \
        range rate referer request-target resolve retry retry-delay retry-max-time sasl-authzid \
        service-name socks4 socks4a socks5 socks5-gssapi-service socks5-hostname speed-limit speed-time \
        stderr telnet-option tftp-blksize time-cond tls-max tls13-ciphers tlsauthtype tlspassword tlsuser \
        trace trace-ascii trace-config unix-socket user variable vlan-priority write-out ";
    match option.strip_prefix("--") {
        Some(long) => LONG.split_ascii_whitespace().any(|known| known == long),
        None => option
            .strip_prefix('-')
            .is_some_and(|short| short.len() == 1 && SHORT.contains(short)),
    }
}

fn piece(value: Vec<u8>, whole: bool) -> Result<Piece, String> {
    match value.strip_prefix(b"@") {
        Some(name) => Ok(Piece::File {
            name: text(name.to_vec())?,
            whole,
        }),
        None => Ok(Piece::Bytes(value)),
    }
}

/// What `--data` makes of a file.
pub(crate) fn without_breaks(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n' | 0))
        .collect()
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| "a word is not UTF-8 text".to_owned())
}

/// The words that a POSIX shell, or bash with `$'..'`, makes of a line.
fn words(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    const RUN: &str =
        "the command holds `$` or a backquote that a shell would replace: put the text itself";
    let (mut words, mut word) = (Vec::new(), None::<Vec<u8>>);
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => words.extend(word.take()),
            b'\\' => match rest.next() {
                Some(b'\n') => {}
                Some(b'\r') => drop(rest.next_if_eq(&b'\n')),
                Some(next) => word.get_or_insert_default().push(next),
                None => {}
            },
            b'\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or("a quote is not closed")? {
                        b'\'' => break,
                        next => word.push(next),
                    }
                }
            }
            b'"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or("a quote is not closed")? {
                        b'"' => break,
                        b'\\' => match rest.next().ok_or("a quote is not closed")? {
                            b'\n' => {}
                            next @ (b'"' | b'\\' | b'$' | b'`') => word.push(next),
                            next => word.extend([b'\\', next]),
                        },
                        b'`' => return Err(RUN.to_owned()),
                        b'$' if rest.peek().is_some_and(|next| {
                            next.is_ascii_alphabetic() || b"_({".contains(next)
                        }) =>
                        {
                            return Err(RUN.to_owned());
                        }
                        next => word.push(next),
                    }
                }
            }
            b'$' if rest.next_if_eq(&b'\'').is_some() => {
                let word = word.get_or_insert_default();
                ansi(&mut rest, word)?;
            }
            b'`' => return Err(RUN.to_owned()),
            b'$' if rest
                .peek()
                .is_some_and(|next| next.is_ascii_alphabetic() || b"_({".contains(next)) =>
            {
                return Err(RUN.to_owned());
            }
            b'|' | b';' | b'&' | b'<' | b'>' => {
                return Err(
                    "the command goes on behind curl: give the curl command alone".to_owned(),
                );
            }
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    Ok(words)
}

/// What stands in `$'..'`.
fn ansi(
    rest: &mut std::iter::Peekable<impl Iterator<Item = u8>>,
    word: &mut Vec<u8>,
) -> Result<(), String> {
    loop {
        match rest.next().ok_or("a quote is not closed")? {
            b'\'' => return Ok(()),
            b'\\' => match rest.next().ok_or("a quote is not closed")? {
                b'n' => word.push(b'\n'),
                b'r' => word.push(b'\r'),
                b't' => word.push(b'\t'),
                b'x' => word.push(number(rest, 16, 2, 0)),
                digit @ b'0'..=b'7' => word.push(number(rest, 8, 2, u32::from(digit - b'0'))),
                mark @ (b'u' | b'U') => {
                    let most = if mark == b'u' { 4 } else { 8 };
                    let mut code = 0_u32;
                    for _ in 0..most {
                        let Some(digit) = rest.peek().and_then(|at| char::from(*at).to_digit(16))
                        else {
                            break;
                        };
                        rest.next();
                        code = (code << 4) | digit;
                    }
                    let at = char::from_u32(code).ok_or("an escape is no character")?;
                    word.extend(at.encode_utf8(&mut [0; 4]).as_bytes());
                }
                next => word.push(next),
            },
            next => word.push(next),
        }
    }
}

/// A byte from at most this many digits more.
fn number(
    rest: &mut std::iter::Peekable<impl Iterator<Item = u8>>,
    base: u32,
    most: u32,
    first: u32,
) -> u8 {
    let mut value = first;
    for _ in 0..most {
        let Some(digit) = rest.peek().and_then(|at| char::from(*at).to_digit(base)) else {
            break;
        };
        rest.next();
        value = value * base + digit;
    }
    u8::try_from(value & 0xff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browsers_command_is_read() {
        let text = "curl 'https://x.example/h?a=1' \\\n  -X POST -H 'X-Sig: it'\\''s' --compressed \\\r\n  --data-raw $'{\"a\":\"\\u00fc\\x0a\\'\"}' -o out -s";
        let command = parse(text.as_bytes()).unwrap();
        assert_eq!(
            (&*command.request.method, &*command.request.target),
            ("POST", "/h?a=1")
        );
        assert_eq!(command.request.header("x-sig"), Some(&b"it's"[..]));
        assert_eq!(command.pieces, [Piece::Bytes("{\"a\":\"ü\n'\"}".into())]);
        let kind = command.request.header("content-type").unwrap();
        assert_eq!(kind, b"application/x-www-form-urlencoded");
    }

    #[test]
    fn files_are_named_and_not_read() {
        let command =
            parse(b"curl x.example -d @a -d b --data-binary @/etc/passwd -H \"A: \\\"b\\\"\"")
                .unwrap();
        let file = |name: &str, whole| Piece::File {
            name: name.to_owned(),
            whole,
        };
        assert_eq!(
            command.pieces,
            [
                file("a", false),
                Piece::Bytes(b"b".to_vec()),
                file("/etc/passwd", true)
            ]
        );
        assert_eq!(command.request.header("a"), Some(&b"\"b\""[..]));
        assert_eq!(without_breaks(b"a\r\nb"), b"ab");
        assert_eq!(
            parse(b"curl --json '{}' h")
                .unwrap()
                .request
                .header("content-type"),
            Some(&b"application/json"[..])
        );
    }

    #[test]
    fn options_take_their_values_along() {
        for (text, method) in [
            ("curl --max-redirs 5 x.example/h", "GET"),
            ("curl -sXPUT x.example/h", "PUT"),
            ("curl -sSX PUT x.example/h", "PUT"),
            ("curl -sSLo out x.example/h -d a", "POST"),
            (
                "curl -ksS --retry-delay 1 --proto =https x.example/h --data-raw a",
                "POST",
            ),
            ("curl -sI x.example/h", "HEAD"),
        ] {
            let read = parse(text.as_bytes()).map(|command| command.request);
            let read = read.map(|request| (request.method, request.target));
            assert_eq!(read, Ok((method.to_owned(), "/h".to_owned())), "{text}");
        }
    }

    #[test]
    fn nothing_is_run() {
        for (text, due) in [
            (&b""[..], "no curl"),
            (b"wget x", "no curl"),
            (b"curl $(id)", "shell would replace"),
            (b"curl \"$HOME\"", "shell would replace"),
            (b"curl `id`", "backquote"),
            (b"curl x; id", "goes on"),
            (b"curl x | sh", "goes on"),
            (b"curl 'x", "not closed"),
            (b"curl $'\\u", "not closed"),
            (b"curl -H", "lacks its value"),
            (b"curl -H nonsense x", "no colon"),
            (b"curl -F a=b x", "not in the command"),
            (b"curl -sG x -d a", "not in the command"),
            (b"curl -sX", "lacks its value"),
            (b"curl x y", "two addresses"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(due), "{said}");
        }
    }
}
