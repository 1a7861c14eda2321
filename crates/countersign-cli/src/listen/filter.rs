//! Which deliveries are shown and passed on.

// docs/decisions.md: D85.

use serde_json::Value;

use crate::failure::Failure;

/// What `--event` and `--where` say. Several types are one or another; several conditions all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    events: Vec<String>,
    conditions: Vec<(String, String)>,
}

impl Filter {
    pub(crate) fn parse(events: &[String], conditions: &[String]) -> Result<Self, Failure> {
        let conditions = conditions.iter().map(|text| {
            text.split_once('=')
                .filter(|(pointer, _)| pointer.starts_with('/'))
                .map(|(pointer, value)| (pointer.to_owned(), value.to_owned()))
                .ok_or_else(|| {
                    Failure::usage(
                        "--where: a condition is written /pointer=value, such as /data/status=paid",
                    )
                })
        });
        Ok(Self {
            events: events.to_vec(),
            conditions: conditions.collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn matches(&self, event: Option<&str>, body: &[u8]) -> bool {
        let of_type = |wanted: &String| {
            event.is_some_and(|event| match wanted.strip_suffix('*') {
                Some(start) => event.starts_with(start),
                None => event == wanted,
            })
        };
        if !self.events.is_empty() && !self.events.iter().any(of_type) {
            return false;
        }
        if self.conditions.is_empty() {
            return true;
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return false;
        };
        self.conditions.iter().all(|(pointer, wanted)| {
            body.pointer(pointer).is_some_and(|value| match value {
                Value::String(text) => text == wanted,
                // Numbers, true, false and null as they are written.
                value => serde_json::to_string(value).is_ok_and(|text| text == *wanted),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_conditions_are_met() {
        let filter = |events: &[&str], conditions: &[&str]| {
            let own = |texts: &[&str]| {
                texts
                    .iter()
                    .map(|&text| text.to_owned())
                    .collect::<Vec<_>>()
            };
            Filter::parse(&own(events), &own(conditions)).unwrap()
        };
        let body = br#"{"data":{"status":"paid","count":3,"test":false},"a=b":1}"#;
        for (events, conditions, event, due) in [
            (&[][..], &[][..], None, true),
            (&["invoice.paid"], &[], Some("invoice.paid"), true),
            (&["invoice.paid"], &[], Some("invoice.paid.late"), false),
            (&["invoice.*"], &[], Some("invoice.paid"), true),
            (&["invoice.*"], &[], Some("customer.made"), false),
            (&["a", "b"], &[], Some("b"), true),
            (&["a"], &[], None, false),
            (&[], &["/data/status=paid"], None, true),
            (&[], &["/data/status=open"], None, false),
            (&[], &["/data/count=3", "/data/test=false"], None, true),
            (&[], &["/data/count=3", "/data/test=true"], None, false),
            (&[], &["/data/none=1"], None, false),
            (&["a"], &["/data/count=3"], Some("b"), false),
        ] {
            let filter = filter(events, conditions);
            assert_eq!(filter.matches(event, body), due, "{filter:?} {event:?}");
        }
        assert!(!filter(&[], &["/a=1"]).matches(None, b"no JSON"));
        assert!(Filter::parse(&[], &["data=1".to_owned()]).is_err());
        assert!(Filter::parse(&[], &["/data".to_owned()]).is_err());
    }
}
