//! What a caller may choose, and how two callers of one database differ.

use crate::sql::arguments::{Argument, Arguments};
use crate::work::export::options::{Request, snapshot_options};
use crate::work::keyed::Keyed;
use crate::work::saving::patience;
use lifeboat_core::parallel::Threads;
use lifeboat_core::{Error, Result};
use lifeboat_store::events::Settings;
use lifeboat_store::{CopyName, Place};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

snapshot_options! {
    Options {
        minimum: Option<usize>,
        local: Option<String>,
        timeout: Option<f64>,
        writer: Option<String>,
        label: Option<String>,
        events: Option<Settings>,
        rollback: bool,
        read_all_every: Option<f64>,
    } {}
}

/// Options of `backup_save` that are about one save, and why they make no sense for many.
const OF_ONE_SAVE: [(&str, &str); 4] = [
    ("add", "is a decision for one save: call backup_save with it once; the protection goes on from there"),
    ("continue", "is a decision for one save: call backup_save with it once; the protection goes on from there"),
    ("date", "is the date of one save, and each save here has its own; leave it out"),
    ("files", "saves files, and a database is protected; call backup_save for files"),
];

/// What a caller asked for. The only secrets in it are URLs of receivers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    domain_id: String,
    stores: Vec<String>,
    /// This and the events may be those of a shared configuration.
    minimum: usize,
    events: Settings,
    /// The options as they were given, without the name of the schema.
    options: BTreeMap<String, Value>,
}

/// What a caller chose.
pub(crate) struct Chosen {
    /// What is saved. Its schema is that of the caller's connection.
    pub request: Request,
    pub minimum: Option<usize>,
    pub local: Option<String>,
    pub patience: Duration,
    pub writer: Option<String>,
    pub label: Option<String>,
    /// None: those of the shared configuration, if there is one.
    pub events: Option<Settings>,
    pub rollback: bool,
    pub read_all_every: Duration,
    given: BTreeMap<String, Value>,
}

impl Chosen {
    /// Reads the options at `index`.
    ///
    /// # Errors
    /// Misuse, which names the option.
    pub fn read(arguments: &Arguments<'_>, index: usize) -> Result<Self> {
        let given: BTreeMap<String, Value> = match arguments.get(index)? {
            // If it is not such an object, the options themselves are the error.
            Argument::Text(text) => serde_json::from_slice(text).unwrap_or_default(),
            _ => BTreeMap::new(),
        };
        if let Some((option, why)) = OF_ONE_SAVE.into_iter().find(|(option, _)| given.contains_key(*option)) {
            return Err(Error::misuse(format!("the option `{option}` {why}")));
        }
        let mut options: Options = arguments.options(index)?;
        let (minimum, local, rollback) = (options.minimum, options.local.take(), options.rollback);
        let (patience, writer, label) = (patience(options.timeout)?, options.writer.take(), options.label.take());
        let events = options.events.take();
        let read_all_every = read_all_every(options.read_all_every)?;
        let mut request = options.snapshot();
        if !given.contains_key("threads") {
            // The application comes first.
            request.threads = Threads::One;
        }
        Ok(Self { request, minimum, local, patience, writer, label, events, rollback, read_all_every, given })
    }
}

/// After this time all rows are read again, unless the caller says otherwise.
const READ_ALL_EVERY: Duration = Duration::from_secs(6 * 3600);

fn read_all_every(seconds: Option<f64>) -> Result<Duration> {
    let Some(seconds) = seconds else { return Ok(READ_ALL_EVERY) };
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        Error::misuse(format!("the option `read_all_every` is {seconds}; give a number of seconds, 0 or more"))
    })
}

impl Asked {
    pub fn new(
        keyed: &Keyed,
        copies: &[(Place, CopyName)],
        minimum: usize,
        events: &Settings,
        chosen: &Chosen,
    ) -> Self {
        let mut options = chosen.given.clone();
        // Each connection may have the file attached under another name.
        options.remove("schema");
        let stores = copies.iter().map(|(place, _)| place.to_string()).collect();
        Self { domain_id: keyed.domain.id().to_string(), stores, minimum, events: events.clone(), options }
    }

    /// What another caller asks for otherwise, in words. None: nothing.
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.domain_id != other.domain_id {
            return Some("the key or the domain is another one".to_owned());
        }
        if self.stores != other.stores {
            return Some(format!("its stores are {}", self.stores.join(", ")));
        }
        let names = self.options.keys().chain(other.options.keys());
        let option = names.into_iter().find(|name| self.options.get(*name) != other.options.get(*name)).map(|name| {
            match (self.options.get(name), other.options.get(name)) {
                (None, _) => format!("there, the option `{name}` is not given"),
                (_, None) => format!("there, the option `{name}` is given, too"),
                _ => format!("there, the option `{name}` has another value"),
            }
        });
        let minimum = (self.minimum != other.minimum).then(|| format!("there, the minimum is {}", self.minimum));
        let events = (self.events != other.events).then(|| "there, the settings of events are other ones".to_owned());
        option.or(minimum).or(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(stores: &[&str], options: Value) -> Asked {
        let options = serde_json::from_value(options).unwrap();
        let stores = stores.iter().map(|store| (*store).to_owned()).collect();
        Asked { domain_id: "d".into(), stores, minimum: 1, events: Settings::default(), options }
    }

    #[test]
    fn the_first_difference_is_named() {
        let first = asked(&["dir:a"], json!({"minimum": 1, "label": "x"}));
        assert_eq!(first.difference(&first.clone()), None);
        let difference = |other: Asked| first.difference(&other).unwrap();
        assert_eq!(difference(asked(&["dir:a", "dir:b"], json!({"minimum": 1}))), "its stores are dir:a");
        assert_eq!(difference(asked(&["dir:a"], json!({"minimum": 1}))), "there, the option `label` is given, too");
        let other = json!({"minimum": 1, "label": "x", "local": "l"});
        assert_eq!(difference(asked(&["dir:a"], other)), "there, the option `local` is not given");
        let other = json!({"minimum": 1, "label": "y"});
        assert_eq!(difference(asked(&["dir:a"], other)), "there, the option `label` has another value");
        // What a shared configuration says.
        let given: Settings = serde_json::from_value(json!({"limits": {"saves": 1}})).unwrap();
        let other = Asked { events: given, ..first.clone() };
        assert_eq!(difference(other), "there, the settings of events are other ones");
        assert_eq!(difference(Asked { minimum: 2, ..first.clone() }), "there, the minimum is 1");
        let other = Asked { domain_id: "e".into(), ..first.clone() };
        assert_eq!(difference(other), "the key or the domain is another one");
    }
}
