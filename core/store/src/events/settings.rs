//! What the caller configures. The same JSON stands in the option `events` and in shared configuration.

use super::span::Span;
use super::url::Url;
use lifeboat_core::{Error, Result};
use serde::de::{Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// Limits, notifications, and how often normal events come.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, expecting = "an object with `normal_every`, `window`, `limits` or `notify`")]
pub struct Settings {
    /// How often `saved` and the figures of this machine are told. Default: a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normal_every: Option<Span>,
    /// How long before a limit is reached `limit_imminent` is told. Default: 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
    /// What must not be exceeded. Default: nothing is watched.
    pub limits: Limits,
    /// Where events are sent. Default: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
}

macro_rules! limits {
    ($($(#[$about:meta])* $name:ident $bound:ident $subject:ident,)*) => {
        /// Limits. One that is not given is not watched.
        #[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields, default, expecting = "an object from names of limits to numbers")]
        pub struct Limits {
            $($(#[$about])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<Limit>,)*
        }

        impl Limits {
            /// The limits that are given, with their names.
            pub fn given(&self) -> impl Iterator<Item = (Measure, Limit)> {
                [$((Measure { name: stringify!($name), bound: Bound::$bound, subject: Subject::$subject }, self.$name)),*]
                    .into_iter()
                    .filter_map(|(measure, limit)| Some((measure, limit?)))
            }
        }
    };
}

limits! {
    /// The bytes of a series in one copy.
    series_bytes Most Series,
    /// The objects of a series in one copy: records and bundles.
    objects Most Series,
    /// The number of the newest record.
    saves Most Series,
    /// The bytes of the largest bundle of a day.
    bundle_bytes Most Series,
    /// The bytes of the database.
    database_bytes Most Series,
    /// The bytes that must stay free on the file system of a store.
    free_bytes Least Store,
    /// The bytes of memory that must stay available on this machine.
    memory_bytes Least Machine,
    /// The most work that may wait for each processor of this machine, over 5 minutes. 1: all are busy.
    load Most Machine,
    /// How many bytes a second a check must read, at least.
    read_speed Least Machine,
}

/// On which side of a limit is the good side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Below it.
    Most,
    /// Above it.
    Least,
}

/// What a figure belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Series,
    Store,
    Machine,
}

/// A figure that can have a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The name of its limit.
    pub name: &'static str,
    /// The good side.
    pub bound: Bound,
    pub(super) subject: Subject,
}

impl Measure {
    /// Whether a value has reached this limit.
    pub fn is_reached(&self, value: f64, limit: f64) -> bool {
        match self.bound {
            Bound::Most => value >= limit,
            Bound::Least => value <= limit,
        }
    }
}

/// A limit: a number, or `{"value": …, "window": …}`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The limit itself.
    pub value: f64,
    /// How long before it is reached it is told. None: as [`Settings::window`].
    pub window: Option<Span>,
}

/// Where events are sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, expecting = "an object with `webhook` or `heartbeat`")]
pub struct Notify {
    /// Gets each event by POST.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Url>,
    /// Is asked by GET after saves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Url>,
    /// The shortest time between two heartbeats. Default: a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_every: Option<Span>,
    /// A file of certificates (PEM), trusted instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// `http:` also to another machine.
    pub allow_http: bool,
}

impl Settings {
    /// How often what is normal is told, if nothing else is said.
    pub const NORMAL_EVERY: Span = Span::days(1);
    /// How long before a limit is reached it is warned of, if nothing else is said.
    pub const WINDOW: Span = Span::days(30);

    /// Checks what the types do not say.
    ///
    /// # Errors
    /// Misuse: `http:` to another machine without `allow_http`. No text shows a URL.
    pub fn check(&self) -> Result<()> {
        let Some(notify) = &self.notify else { return Ok(()) };
        for (name, url) in [("webhook", &notify.webhook), ("heartbeat", &notify.heartbeat)] {
            if url.as_ref().is_some_and(|url| url.is_plain() && !url.is_loopback() && !notify.allow_http) {
                return Err(Error::misuse(format!(
                    "the setting `notify.{name}` is 'http:', without encryption, on another machine; use 'https:', or ask \
                     for it with \"allow_http\": true"
                )));
            }
        }
        Ok(())
    }

    /// The same settings, where relative paths in them begin at this directory.
    #[must_use]
    pub fn below(mut self, directory: &Path) -> Self {
        if let Some(notify) = &mut self.notify {
            notify.ca = notify.ca.take().map(|path| directory.join(path));
        }
        self
    }

    pub(super) fn normal_every(&self) -> u64 {
        self.normal_every.unwrap_or(Self::NORMAL_EVERY).seconds()
    }

    pub(super) fn window_of(&self, limit: &Limit) -> u64 {
        limit.window.or(self.window).unwrap_or(Self::WINDOW).seconds()
    }
}

impl Notify {
    pub(super) fn heartbeat_every(&self) -> u64 {
        self.heartbeat_every.unwrap_or(Span::of(60)).seconds()
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            value: f64,
            window: Option<Span>,
        }

        impl<'de> Visitor<'de> for Reader {
            type Value = Limit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, 0 or more, or {\"value\": NUMBER, \"window\": \"30d\"}")
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Limit, E> {
                self.visit_f64(value as f64)
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Limit, E> {
                match value >= 0.0 {
                    true => Ok(Limit { value, window: None }),
                    false => Err(E::invalid_value(serde::de::Unexpected::Float(value), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Limit, A::Error> {
                let Fields { value, window } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                let Limit { value, .. } = self.visit_f64(value)?;
                Ok(Limit { value, window })
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

impl Serialize for Limit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let Some(window) = self.window else { return serializer.serialize_f64(self.value) };
        let mut fields = serializer.serialize_struct("Limit", 2)?;
        fields.serialize_field("value", &self.value)?;
        fields.serialize_field("window", &window)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Settings, String> {
        let settings: Settings = serde_json::from_str(json).map_err(|error| error.to_string())?;
        settings.check().map_err(|error| error.to_string())?;
        Ok(settings)
    }

    #[test]
    fn settings_are_read_and_written() {
        let text = r#"{"normal_every":"12h","window":"14d","limits":{"series_bytes":5000000000.0,"free_bytes":{"value":1e9,"window":"7d"}},
            "notify":{"webhook":"https://example.com/a/secret?b","heartbeat":"http://127.0.0.1:80","heartbeat_every":300,"allow_http":false}}"#;
        let settings = read(text).unwrap();
        assert_eq!(settings.normal_every(), 43_200);
        let given: Vec<_> = settings.limits.given().collect();
        assert_eq!(
            (given[0].0.name, given[0].1.value, settings.window_of(&given[0].1)),
            ("series_bytes", 5e9, 14 * 86_400)
        );
        assert_eq!(
            (given[1].0.name, given[1].1.value, settings.window_of(&given[1].1)),
            ("free_bytes", 1e9, 7 * 86_400)
        );
        let again = read(&serde_json::to_string(&settings).unwrap()).unwrap();
        assert_eq!(again, settings);
        assert_eq!(settings.notify.unwrap().heartbeat_every(), 300);
        let empty = read("{}").unwrap();
        assert_eq!(empty, Settings::default());
        assert_eq!((empty.normal_every(), empty.limits.given().count()), (86_400, 0));
    }

    #[test]
    fn mistakes_are_named_and_urls_are_not_shown() {
        for (text, part) in [
            (r#"{"limit": 1}"#, "unknown field `limit`"),
            (r#"{"limits": {"bytes": 1}}"#, "unknown field `bytes`, expected one of `series_bytes`"),
            (r#"{"limits": {"saves": -1}}"#, "expected a number, 0 or more"),
            (r#"{"limits": {"saves": {"value": 1, "windows": 1}}}"#, "unknown field `windows`"),
            (r#"{"limits": {"saves": {"window": 1}}}"#, "missing field `value`"),
            (r#"{"window": "30 days"}"#, "expected a number of seconds"),
            (r#"{"window": 0}"#, "expected a number of seconds"),
            (r#"{"notify": {"webhook": "hunter2"}}"#, "a URL"),
            (r#"{"notify": {"webhook": "https://hunter2@example.com/"}}"#, "a URL"),
            (r#"{"notify": {"webhook": "http://example.com/hunter2"}}"#, "`notify.webhook` is 'http:'"),
            (r#"{"notify": {"heartbeat": "http://example.com/hunter2"}}"#, "`notify.heartbeat` is 'http:'"),
            (r#"{"notify": {"heartbeat": "https://", "allow_http": true}}"#, "a URL"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part) && !error.contains("hunter2"), "{text}: {error}");
        }
        assert!(read(r#"{"notify": {"webhook": "http://example.com/x", "allow_http": true}}"#).is_ok());
        let settings = read(r#"{"notify": {"webhook": "https://example.com/hunter2"}}"#).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
