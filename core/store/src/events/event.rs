//! One event: a line of JSON.

use super::kind::{Kind, Level};
use crate::date_of;
use crate::redact::redact;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// What an event says: names, numbers and short texts.
pub type About = Map<String, Value>;

/// The most bytes of one line.
pub(super) const LINE_MAX: usize = 4096;
/// The most bytes of one text. A store can say anything.
const TEXT_MAX: usize = 400;
/// The most elements of a list.
const LIST_MAX: usize = 5;

/// One event.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Event {
    /// Each log counts from 1, and never uses a number twice.
    pub number: u64,
    /// When it was noted, by the clock of this place.
    pub date: String,
    /// How much it matters.
    pub level: Level,
    /// What it is about.
    pub kind: Kind,
    /// Which log this is: 16 hexadecimal digits. A log that begins anew has another name.
    pub log: String,
    /// What it says.
    pub about: About,
}

impl Event {
    /// An event whose texts are short and hold no key.
    pub(super) fn new(number: u64, now: u64, level: Level, kind: Kind, log: &str, about: About) -> Self {
        let about = about.into_iter().map(|(name, value)| (name, safe(value))).collect();
        let mut event = Self { number, date: date_of(now), level, kind, log: log.to_owned(), about };
        if event.line().len() > LINE_MAX {
            event.about.retain(|_, value| !matches!(value, Value::Array(_) | Value::Object(_)));
        }
        if event.line().len() > LINE_MAX {
            event.about.clear();
        }
        event
    }

    /// The line, with its end.
    pub(super) fn line(&self) -> String {
        let text = serde_json::to_string(self).expect("texts and numbers are JSON");
        text + "\n"
    }

    /// The event as the log has it: one line of JSON, without its end.
    pub fn to_json(&self) -> String {
        self.line().trim_end().to_owned()
    }

    /// What a receiver knows it by: log, number, and 16 hexadecimal digits of the SHA-256 of its JSON. A log that comes
    /// back from a backup of the device gives numbers again that others had: what it says with them then is something
    /// else.
    pub(super) fn key(&self) -> String {
        let hash = Sha256::digest(self.to_json());
        let digits: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-{digits}", self.log, self.number)
    }

    /// The event of a line. None: the line is not what we write.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// A value whose texts are short and hold no key.
fn safe(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(safe_text(&text)),
        Value::Array(list) => Value::Array(list.into_iter().take(LIST_MAX).map(safe).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(name, value)| (name, safe(value))).collect()),
        other => other,
    }
}

fn safe_text(text: &str) -> String {
    // A key that is cut in the middle may no longer look like one.
    let text = redact(text);
    match text.len() <= TEXT_MAX {
        true => text,
        false => format!("{}…", &text[..text.floor_char_boundary(TEXT_MAX)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_short_and_hold_no_key() {
        let key = "lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86";
        let long = "é".repeat(1 << 20);
        let about = json!({
            "store": format!("dir:/{key}"), "why": long, "list": vec![format!("x {key}"); 100], "deep": {"x": key},
            "split": format!("{}{key}", " ".repeat(TEXT_MAX - 30)),
        });
        let Value::Object(about) = about else { unreachable!() };
        let event = Event::new(1, 0, Level::Failure, Kind::Damaged, "0", about);
        let line = event.line();
        assert!(line.len() <= LINE_MAX && !line.contains("qypqxpq9") && line.contains("[key]"), "{line}");
        assert_eq!(Event::read(line.trim_end().as_bytes()), Some(event));
        let about = (0..100).map(|number| (format!("name {number}"), json!("x".repeat(300)))).collect();
        assert!(Event::new(1, u64::MAX, Level::Normal, Kind::Saved, "0", about).line().len() <= LINE_MAX);
    }
}
