//! A span of time in settings.

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

const DAY: u64 = 86_400;
/// The longest span: 100 years.
const LONGEST: u64 = 36_500 * DAY;
const UNITS: [(char, u64); 4] = [('d', DAY), ('h', 3600), ('m', 60), ('s', 1)];

/// A number of seconds, or a text such as `"30d"`, `"12h"`, `"10m"`, `"90s"`. From a second to 100 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

impl Span {
    /// So many days.
    pub(super) const fn days(days: u64) -> Self {
        Self(days * DAY)
    }

    /// So many seconds.
    pub(super) const fn of(seconds: u64) -> Self {
        Self(seconds)
    }

    /// In seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Option<u64> {
        let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
        let number = text.strip_suffix(unit)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(seconds)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds, 1 or more, or a text such as \"30d\", \"12h\", \"10m\" or \"90s\"")
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Span, E> {
                match (1..=LONGEST).contains(&seconds) {
                    true => Ok(Span(seconds)),
                    false => Err(E::invalid_value(Unexpected::Unsigned(seconds), &self)),
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
                let seconds = Span::parse(text).filter(|seconds| (1..=LONGEST).contains(seconds));
                seconds.map(Span).ok_or_else(|| E::invalid_value(Unexpected::Other("such a text"), &self))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        let read = |text: &str| serde_json::from_str::<Span>(text).ok().map(Span::seconds);
        for (text, seconds) in
            [("\"30d\"", 2_592_000), ("\"12h\"", 43_200), ("\"10m\"", 600), ("\"90s\"", 90), ("7", 7)]
        {
            assert_eq!(read(text), Some(seconds), "{text}");
        }
        for text in [
            "0",
            "-1",
            "1.5",
            "\"\"",
            "\"d\"",
            "\"+1d\"",
            "\"1\"",
            "\"1 d\"",
            "\"1w\"",
            "\"0s\"",
            "\"99999999999d\"",
            "\"1é\"",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
