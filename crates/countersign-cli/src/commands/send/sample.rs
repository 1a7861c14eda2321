//! Bodies: a sample of the sender, or one that was given, each event with one of its own.

use countersign_core::{Scheme, scheme::Place};
use countersign_senders::Preset;
use serde_json::Value;

use crate::failure::Failure;

/// What bodies are made from.
pub(super) struct Sample {
    shape: Shape,
    /// Where each event has its own text.
    own: Vec<String>,
    /// Whether a field is added that tells events apart.
    marked: bool,
}

enum Shape {
    Json(Value),
    /// As it is, each time.
    Bytes(Vec<u8>),
}

impl Sample {
    pub(super) fn new(
        scheme: &Scheme,
        preset: Option<&Preset>,
        body: Option<Vec<u8>>,
        set: &[String],
        once: bool,
    ) -> Result<Self, Failure> {
        let given = body.is_some();
        let text = match (body, preset) {
            (Some(body), _) => body,
            (None, Some(preset)) => preset.sample.as_bytes().to_vec(),
            (None, None) => b"{}".to_vec(),
        };
        // A body that was given and is sent once goes out byte for byte.
        if given && once && set.is_empty() {
            return Ok(Self {
                shape: Shape::Bytes(text),
                own: Vec::new(),
                marked: false,
            });
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(&text) else {
            if set.is_empty() {
                return Ok(Self {
                    shape: Shape::Bytes(text),
                    own: Vec::new(),
                    marked: false,
                });
            }
            return Err(Failure::usage(
                "--set: the body is not JSON, so it has no fields to set",
            ));
        };
        let item = scheme
            .batch()
            .map(|items| format!("{items}/0"))
            .unwrap_or_default();
        let place = |place| match place {
            Some(Place::Body(pointer)) => Some(format!("{item}{pointer}")),
            _ => None,
        };
        let (id, event) = (place(scheme.id()), place(scheme.event()));
        let time = scheme.time_pointer().map(str::to_owned);
        let places = [id.as_deref(), event.as_deref(), time.as_deref()];
        let mut taken = Vec::new();
        for assignment in set {
            taken.push(assign(&mut value, assignment, &places)?);
        }
        // The same bytes about the same entity are a repeat, and are not run.
        let subject = scheme
            .subject_pointer()
            .map(|pointer| format!("{item}{pointer}"));
        let subject =
            subject.filter(|pointer| value.pointer(pointer).is_some_and(Value::is_string));
        let marked = scheme.id().is_none() && subject.is_none() && value.is_object();
        let own = [id, subject].into_iter().flatten();
        let own = own.filter(|pointer| !taken.contains(pointer)).collect();
        Ok(Self {
            shape: Shape::Json(value),
            own,
            marked,
        })
    }

    /// The body of the event with this id; as bytes where they are fixed.
    pub(super) fn body(&self, id: &str) -> Result<Value, &[u8]> {
        let value = match &self.shape {
            Shape::Bytes(bytes) => return Err(bytes),
            Shape::Json(value) => value,
        };
        let mut value = value.clone();
        for pointer in &self.own {
            put(&mut value, pointer, Value::from(id));
        }
        if let (true, Value::Object(fields)) = (self.marked, &mut value) {
            fields.insert("countersign".to_owned(), Value::from(id));
        }
        Ok(value)
    }
}

/// Sets a field that is there, or one of those that the sender's library writes.
fn assign(value: &mut Value, assignment: &str, places: &[Option<&str>]) -> Result<String, Failure> {
    let Some((pointer, text)) = assignment
        .split_once('=')
        .filter(|(at, _)| at.starts_with('/'))
    else {
        return Err(Failure::usage("--set: write it like /data/id=inv_7"));
    };
    let new = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    if places.contains(&Some(pointer)) {
        put(value, pointer, new);
    } else if let Some(field) = value.pointer_mut(pointer) {
        *field = new;
    } else {
        let known = pointers(value);
        return Err(Failure::usage(format!(
            "--set: the body has no {pointer}; it has {}",
            known.join(", ")
        )));
    }
    Ok(pointer.to_owned())
}

/// Writes a value at a pointer of object keys, which are made where they are missing.
fn put(value: &mut Value, pointer: &str, new: Value) {
    let mut at = value;
    for step in pointer.split('/').skip(1) {
        at = match at {
            Value::Array(items) => {
                let item = step
                    .parse::<usize>()
                    .ok()
                    .and_then(|number| items.get_mut(number));
                let Some(item) = item else { return };
                item
            }
            Value::Object(fields) => fields
                .entry(step)
                .or_insert_with(|| Value::Object(serde_json::Map::new())),
            _ => return,
        };
    }
    *at = new;
}

/// Every field that can be set, a dozen at most.
fn pointers(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    walk(
                        value,
                        &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                        found,
                    );
                }
            }
            Value::Array(items) => {
                for (number, value) in items.iter().enumerate() {
                    walk(value, &format!("{at}/{number}"), found);
                }
            }
            _ => found.push(at.to_owned()),
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found.truncate(12);
    found
}

#[cfg(test)]
mod tests {
    use countersign_senders::find;

    use super::*;

    fn sample(name: &str, set: &[&str]) -> Result<Sample, Failure> {
        let preset = find(name).unwrap();
        let set: Vec<String> = set.iter().map(|at| (*at).to_owned()).collect();
        Sample::new(&preset.scheme, Some(preset), None, &set, false)
    }

    #[test]
    fn events_have_bodies_of_their_own() {
        let rebill = sample("rebill-za", &[]).unwrap();
        assert_ne!(rebill.body("a"), rebill.body("b"));
        assert_eq!(rebill.body("a").unwrap()["id"], "a");
        let set = sample("rebill-za", &["/status=void"]).unwrap();
        assert_eq!(set.body("a").unwrap()["status"], "void");
        let fixed = sample("rebill-za", &["/id=inv_9"]).unwrap();
        assert_eq!(fixed.body("a").unwrap()["id"], "inv_9");
        let stripe = sample("stripe", &["/type=invoice.paid"]).unwrap();
        let body = stripe.body("evt_1").unwrap();
        assert_eq!(
            (&body["id"], &body["type"]),
            (&Value::from("evt_1"), &Value::from("invoice.paid"))
        );
    }

    #[test]
    fn an_unknown_pointer_is_an_error() {
        let said = sample("rebill-za", &["/statsu=paid"])
            .err()
            .unwrap()
            .message;
        assert_eq!(said, "--set: the body has no /statsu; it has /id, /status");
        assert!(sample("rebill-za", &["status=paid"]).is_err());
    }
}
