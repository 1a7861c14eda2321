//! A request as HTTP/1.1 writes it: a line, headers, an empty line, the body.

use super::Request;

/// Reads one.
pub(crate) fn parse(bytes: &[u8]) -> Result<Request, String> {
    let mut rest = bytes;
    let first = line(&mut rest).ok_or("the file is empty")?;
    let mut request = Request::default();
    request.set_start(first)?;
    loop {
        let Some(line) = line(&mut rest) else {
            request
                .notes
                .push("the file ends with the head: the body is taken to be empty".to_owned());
            break;
        };
        if line.is_empty() {
            break;
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(
                "a header goes on in a second line, which HTTP no longer allows".to_owned(),
            );
        }
        request.add_line(line)?;
    }
    request.set_body(rest)?;
    let host = request
        .header("host")
        .and_then(|host| std::str::from_utf8(host).ok());
    if let Some(host) = host {
        let proto = request.header("x-forwarded-proto");
        let proto = if proto == Some(b"http") {
            "http"
        } else {
            "https"
        };
        request.url = Some(format!("{proto}://{host}{}", request.target));
    }
    Ok(request)
}

impl Request {
    fn set_start(&mut self, line: &[u8]) -> Result<(), String> {
        let wrong = "the first line is to be like `POST /path HTTP/1.1`";
        let line = std::str::from_utf8(line).map_err(|_| wrong)?;
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(wrong.to_owned());
        };
        let is_method = method
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        if !is_method || !version.starts_with("HTTP/") {
            return Err(wrong.to_owned());
        }
        method.clone_into(&mut self.method);
        // A proxy is asked with the whole address.
        self.target = match super::Address::parse(target) {
            Some(address) => address.target,
            None => target.to_owned(),
        };
        Ok(())
    }

    fn set_body(&mut self, rest: &[u8]) -> Result<(), String> {
        let chunked = self
            .header("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().ends_with(b"chunked"));
        if chunked && let Some(body) = unchunk(rest) {
            self.body = body;
            return Ok(());
        }
        let declared = self.header("content-length").and_then(|value| {
            std::str::from_utf8(value)
                .ok()?
                .trim()
                .parse::<usize>()
                .ok()
        });
        self.body = match declared {
            // An editor adds a line break at the end of a file.
            Some(len) if len < rest.len() => {
                let more = rest.len().saturating_sub(len);
                self.notes.push(format!(
                    "the file goes on {more} bytes behind the {len} that Content-Length declares; they are left out"
                ));
                rest.get(..len).unwrap_or(rest).to_vec()
            }
            Some(len) if len > rest.len() => {
                self.notes.push(format!(
                    "Content-Length declares {len} bytes and the file holds {}: the body was cut or changed when \
                     it was saved",
                    rest.len()
                ));
                rest.to_vec()
            }
            _ => rest.to_vec(),
        };
        Ok(())
    }
}

/// The next line without its end.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    if rest.is_empty() {
        return None;
    }
    let at = rest.iter().position(|byte| *byte == b'\n');
    let (line, after) = rest.split_at(at.unwrap_or(rest.len()));
    *rest = after.get(1..).unwrap_or_default();
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// The body of a chunked request; none where it is not chunked after all.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(&mut rest)?;
        let size = std::str::from_utf8(size).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let (chunk, after) = rest.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        rest = after
            .strip_prefix(b"\r\n")
            .or_else(|| after.strip_prefix(b"\n"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_byte_for_byte() {
        let request =
            parse(b"POST /hooks?a=1 HTTP/1.1\r\nHost: x.example\r\nX-Sig:  5257 \r\n\r\n{}\r\n")
                .unwrap();
        assert_eq!((&*request.method, &*request.target), ("POST", "/hooks?a=1"));
        assert_eq!(request.url.as_deref(), Some("https://x.example/hooks?a=1"));
        assert_eq!(request.header("x-sig"), Some(&b"5257"[..]));
        assert_eq!(request.body, b"{}\r\n");
        let editor = parse(b"POST / HTTP/1.1\nContent-Length: 2\n\n{}\n").unwrap();
        assert_eq!(
            (editor.body.as_slice(), editor.notes.len()),
            (&b"{}"[..], 1)
        );
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{\"\r\n3\r\na\"}\r\n0\r\n\r\n";
        assert_eq!(parse(chunked).unwrap().body, b"{\"a\"}");
        let proxied = parse(b"POST http://x.example/y HTTP/1.1\n\n").unwrap();
        assert_eq!(proxied.target, "/y");
    }

    #[test]
    fn what_is_no_request_is_said() {
        for (bytes, due) in [
            (&b""[..], "empty"),
            (b"{\"a\":1}", "first line"),
            (b"POST /", "first line"),
            (b"POST / HTTP/1.1\nnonsense\n\n", "no colon"),
            (b"POST / HTTP/1.1\nA: b\n c\n\n", "second line"),
            (b"POST / HTTP/1.1\nA b: c\n\n", "name of a header"),
        ] {
            let said = parse(bytes).unwrap_err();
            assert!(said.contains(due), "{said}");
        }
    }
}
