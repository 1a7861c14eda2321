//! Reading request heads without naming a web framework.

use smallvec::SmallVec;

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
const MAX_WANTED: usize = 32;

/// Where a wanted header's value is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(usize);

impl WantedHeaders {
    pub(crate) const fn new() -> Self {
        Self {
            names: Vec::new(),
            by_len: [0; MAX_NAME],
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
        *self.by_len.get_mut(name.len())? |= 1_u32.checked_shl(u32::try_from(at).ok()?)?;
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
        found.values.resize(self.names.len(), (None, 0));
        head.each_header(&mut |name, value| {
            let mut bits = self.by_len.get(name.len()).copied().unwrap_or(0);
            while bits != 0 {
                let at = bits.trailing_zeros() as usize;
                bits &= bits.wrapping_sub(1);
                if let (Some(wanted), Some((first, count))) =
                    (self.names.get(at), found.values.get_mut(at))
                    && wanted.is(name)
                {
                    first.get_or_insert(value);
                    *count = count.saturating_add(1);
                    return;
                }
            }
        });
    }
}

/// The wanted headers of one request.
#[derive(Debug, Default)]
pub(crate) struct FoundHeaders<'a> {
    values: SmallVec<[Found<'a>; 12]>,
}

/// The first value of a header, and how often the header occurs.
type Found<'a> = (Option<&'a [u8]>, u32);

/// A header that occurs more than once where it may not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repeated;

impl<'a> FoundHeaders<'a> {
    /// The only value of a header.
    pub(crate) fn one(&self, slot: Slot) -> Result<Option<&'a [u8]>, Repeated> {
        match self.values.get(slot.0) {
            Some((_, 2..)) => Err(Repeated),
            Some((value, _)) => Ok(*value),
            None => Ok(None),
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
