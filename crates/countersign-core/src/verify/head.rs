//! Reading request heads without naming a web framework.

/// The head of a request, as a web framework holds it.
///
/// Frameworks disagree on header types (actix-web still speaks `http` 0.2), so adapters implement
/// this for theirs.
pub trait Head {
    /// The method, such as `POST`.
    fn method(&self) -> &str;

    /// The path, without the query.
    fn path(&self) -> &str;

    /// The query, without the question mark.
    fn query(&self) -> Option<&str>;

    /// Calls `visit` with the name and the value of every header, repeated ones each time.
    fn each_header<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8]));
}

impl Head for http::request::Parts {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        self.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    fn each_header<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in &self.headers {
            visit(name.as_str(), value.as_bytes());
        }
    }
}

impl<B> Head for http::Request<B> {
    fn method(&self) -> &str {
        self.method().as_str()
    }

    fn path(&self) -> &str {
        self.uri().path()
    }

    fn query(&self) -> Option<&str> {
        self.uri().query()
    }

    fn each_header<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in self.headers() {
            visit(name.as_str(), value.as_bytes());
        }
    }
}

/// Which headers a receiver looks at, so that one pass over a request finds them all.
#[derive(Clone, Debug)]
pub(crate) struct WantedHeaders {
    names: Vec<Name>,
    /// For each length of a name, a bit for every wanted name of that length.
    by_len: [u32; MAX_NAME],
    /// For each last letter, a bit for every wanted name that ends so.
    by_end: [u32; ENDS],
}

/// A header's name as the scheme writes it, and as frameworks hand it over.
#[derive(Clone, Debug)]
struct Name {
    written: &'static str,
    lower: Box<str>,
}

impl Name {
    fn is(&self, name: &str) -> bool {
        *self.lower == *name || self.lower.eq_ignore_ascii_case(name)
    }
}

const MAX_NAME: usize = 64;
/// Letters of either case have their place by their lower five bits, and so has every other byte.
const ENDS: usize = 32;
const MAX_WANTED: usize = 32;

/// Where a wanted header's value is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(usize);

impl WantedHeaders {
    pub(crate) const fn new() -> Self {
        Self {
            names: Vec::new(),
            by_len: [0; MAX_NAME],
            by_end: [0; ENDS],
        }
    }

    /// Adds a name; the same name has the same slot. `None` when there are too many, or it is too
    /// long.
    pub(crate) fn add(&mut self, name: &'static str) -> Option<Slot> {
        let known = self.names.iter().position(|known| known.is(name));
        if let Some(at) = known {
            return Some(Slot(at));
        }
        let at = self.names.len();
        if at >= MAX_WANTED {
            return None;
        }
        let bit = 1_u32.checked_shl(u32::try_from(at).ok()?)?;
        *self.by_len.get_mut(name.len())? |= bit;
        *self.by_end.get_mut(end_of(name))? |= bit;
        self.names.push(Name {
            written: name,
            lower: name.to_ascii_lowercase().into(),
        });
        Some(Slot(at))
    }

    pub(crate) fn name(&self, slot: Slot) -> &'static str {
        self.names.get(slot.0).map_or("", |name| name.written)
    }

    /// Finds the wanted headers of a request.
    pub(crate) fn find<'a>(&self, head: &'a (impl Head + ?Sized), found: &mut FoundHeaders<'a>) {
        head.each_header(&mut |name, value| {
            let by_len = self.by_len.get(name.len()).copied().unwrap_or(0);
            let mut bits = by_len & self.by_end.get(end_of(name)).copied().unwrap_or(0);
            while bits != 0 {
                let at = bits.trailing_zeros();
                let bit = bits & bits.wrapping_neg();
                bits ^= bit;
                if self
                    .names
                    .get(at as usize)
                    .is_some_and(|wanted| wanted.is(name))
                {
                    found.add(at as usize, bit, value);
                    return;
                }
            }
        });
    }
}

fn end_of(name: &str) -> usize {
    usize::from(name.bytes().next_back().unwrap_or(0)) % ENDS
}

/// The wanted headers of one request.
#[derive(Debug, Default)]
pub(crate) struct FoundHeaders<'a> {
    /// The first value of each.
    values: [&'a [u8]; MAX_WANTED],
    /// A bit for each that occurs, and for each that occurs again.
    found: u32,
    repeated: u32,
}

/// A header that occurs more than once where it may not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repeated;

impl<'a> FoundHeaders<'a> {
    fn add(&mut self, at: usize, bit: u32, value: &'a [u8]) {
        if self.found & bit != 0 {
            self.repeated |= bit;
        } else if let Some(first) = self.values.get_mut(at) {
            *first = value;
            self.found |= bit;
        }
    }

    /// The only value of a header.
    pub(crate) fn one(&self, slot: Slot) -> Result<Option<&'a [u8]>, Repeated> {
        let Some(bit) = u32::try_from(slot.0)
            .ok()
            .and_then(|at| 1_u32.checked_shl(at))
        else {
            return Ok(None);
        };
        match (self.found & bit, self.repeated & bit) {
            (0, _) => Ok(None),
            (_, 0) => Ok(self.values.get(slot.0).copied()),
            _ => Err(Repeated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_name_in_any_case_and_counts() {
        let request = http::Request::builder()
            .header("x-one", "1")
            .header("X-Two", "2")
            .header("x-two", "3")
            .header("x-six", "6")
            .body(())
            .unwrap();
        let mut wanted = WantedHeaders::new();
        let one = wanted.add("X-One").unwrap();
        let two = wanted.add("x-two").unwrap();
        let none = wanted.add("x-none").unwrap();
        assert_eq!(wanted.add("X-ONE"), Some(one));
        let mut found = FoundHeaders::default();
        wanted.find(&request, &mut found);
        assert_eq!(found.one(one), Ok(Some(b"1".as_slice())));
        assert_eq!(found.one(two), Err(Repeated));
        assert_eq!(found.one(none), Ok(None));
        assert_eq!(wanted.name(two), "x-two");
    }

    #[test]
    fn too_many_and_too_long_names_are_refused() {
        let names: Vec<&'static str> = (0..=MAX_WANTED)
            .map(|at| &*Box::leak(format!("x-{at}").into_boxed_str()))
            .collect();
        let mut wanted = WantedHeaders::new();
        assert!(
            names
                .iter()
                .take(MAX_WANTED)
                .all(|name| wanted.add(name).is_some())
        );
        assert_eq!(wanted.add(names.last().unwrap()), None);
        let long: &'static str = Box::leak("x".repeat(MAX_NAME).into_boxed_str());
        assert_eq!(WantedHeaders::new().add(long), None);
    }
}
