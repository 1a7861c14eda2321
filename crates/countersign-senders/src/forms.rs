//! Forms as senders sign them: every field, decoded, in the order of the body.

use countersign_core::scheme::Unreadable;

/// A field's name and value.
pub(crate) type Field = (Vec<u8>, Vec<u8>);

/// The fields of a form, at most `most` of them. An escape that is none is refused, because readers differ on it.
pub(crate) fn fields(body: &[u8], most: usize) -> Result<Vec<Field>, Unreadable> {
    let body = str::from_utf8(body).map_err(|_| Unreadable("the form is no text"))?;
    let mut fields = Vec::new();
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        if fields.len() >= most {
            return Err(Unreadable("the form has too many fields"));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.push((decode(name)?, decode(value)?));
    }
    Ok(fields)
}

/// A field as text.
pub(crate) fn text(field: &[u8]) -> Result<&str, Unreadable> {
    str::from_utf8(field).map_err(|_| Unreadable("a field of the form is no text"))
}

fn decode(text: &str) -> Result<Vec<u8>, Unreadable> {
    const WRONG: Unreadable = Unreadable("a field of the form is not well encoded");
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    let digit = |byte: Option<u8>| {
        char::from(byte?)
            .to_digit(16)
            .and_then(|of| u8::try_from(of).ok())
    };
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(bytes.next()), digit(bytes.next()));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(WRONG);
                };
                (high << 4) | low
            }
            other => other,
        });
    }
    Ok(decoded)
}
