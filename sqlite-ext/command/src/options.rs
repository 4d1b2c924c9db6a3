//! The options of a function, from those of the command line.

use crate::fail::Fail;
use crate::groups::{Base, Budget, Saving, Snapshot};
use lifeboat_store::events::Settings;
use lifeboat_store::shape;
use serde_json::{Map, Value};

/// The JSON object of a function's options.
#[derive(Clone, Default)]
pub struct Options(Map<String, Value>);

impl Options {
    /// None: no option is given.
    pub fn json(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| Value::Object(self.0.clone()).to_string())
    }

    pub fn put(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    pub fn flag(self, name: &str, given: bool) -> Self {
        self.put(name, given.then_some(true))
    }

    pub fn list(self, name: &str, values: Vec<String>) -> Self {
        self.put(name, (!values.is_empty()).then_some(values))
    }

    pub fn budget(self, budget: Budget) -> Self {
        self.put("max_bytes", budget.max_bytes).flag("trusted", budget.trusted)
    }

    /// # Errors
    /// Those of [`events`](Self::events).
    pub fn saving(self, saving: Saving) -> Result<Self, Fail> {
        let options = self.put("minimum", saving.minimum).put("local", saving.local);
        let options = options.put("timeout", saving.timeout.as_deref().map(number_or_text));
        options.put("writer", saving.writer).put("label", saving.label).events(saving.events)
    }

    pub fn base(self, base: Base) -> Self {
        self.list("base", base.base).put("ledger", base.ledger)
    }

    /// # Errors
    /// Misuse for a table that is named twice.
    pub fn snapshot(self, snapshot: Snapshot) -> Result<Self, Fail> {
        let mut conditions = Map::new();
        for pair in snapshot.conditions.chunks_exact(2) {
            insert(&mut conditions, "where", &pair[0], &pair[1])?;
        }
        let options = self.put("domain", snapshot.domain).compress(&snapshot.packing.compress)?;
        Ok(options
            .list("tables", snapshot.tables)
            .list("exclude", snapshot.exclude)
            .put("where", (!conditions.is_empty()).then_some(conditions))
            .list("cache", snapshot.cache)
            .flag("closure", snapshot.closure)
            .put("now", snapshot.now.as_deref().map(number_or_text))
            .put("threads", snapshot.threads)
            .put("check", snapshot.check))
    }

    /// # Errors
    /// Misuse for a table that is named twice, and for a way of packing that does not exist.
    pub fn compress(self, given: &[String]) -> Result<Self, Fail> {
        let mut tables = Map::new();
        for text in given {
            let (table, how) = text.rsplit_once('=').unwrap_or(("*", text));
            if !matches!(how, "zstd" | "none") {
                return Err(Fail::misuse(format!(
                    "--compress takes zstd or none, or TABLE=zstd or TABLE=none, not {text:?}"
                )));
            }
            insert(&mut tables, "compress", table, how)?;
        }
        Ok(self.put("compress", (!tables.is_empty()).then_some(tables)))
    }

    /// The settings of events in this file. They may hold secrets, so they never stand on the command line.
    ///
    /// # Errors
    /// Misuse for a file that cannot be read, or is not JSON.
    pub fn events(self, file: Option<String>) -> Result<Self, Fail> {
        let Some(file) = file else { return Ok(self) };
        let bytes = events_file(&file)?;
        let settings: Value = serde_json::from_slice(&bytes).map_err(|error| {
            Fail::misuse(format!("--events: '{file}' is not JSON, at line {} column {}", error.line(), error.column()))
        })?;
        Ok(self.put("events", Some(settings)))
    }

    /// # Errors
    /// Misuse for a name that comes twice, or is missing beside other names.
    pub fn files(self, given: Vec<String>) -> Result<Self, Fail> {
        if !given.iter().any(|file| file.contains('=')) {
            return Ok(self.list("files", given));
        }
        let mut names = Map::new();
        for file in given {
            let Some((name, path)) = file.split_once('=') else {
                return Err(Fail::misuse(format!(
                    "--files gives names to some files; give one to '{file}', too: NAME=FILE"
                )));
            };
            insert(&mut names, "files", name, path)?;
        }
        Ok(self.put("files", Some(names)))
    }
}

fn events_file(file: &str) -> Result<Vec<u8>, Fail> {
    std::fs::read(file).map_err(|error| Fail::misuse(format!("--events: '{file}' cannot be read: {error}")))
}

/// The settings of events in this file, for who uses them here.
///
/// # Errors
/// Misuse for a file that cannot be read, or does not hold such settings.
pub fn settings_in(file: &str) -> Result<Settings, Fail> {
    let read = shape::read(&events_file(file)?);
    read.map_err(|mistake| Fail::misuse(format!("--events: '{file}': {mistake}")))
}

/// JSON would keep the last of two.
fn insert(map: &mut Map<String, Value>, option: &str, name: &str, value: &str) -> Result<(), Fail> {
    match map.insert(name.to_owned(), value.into()) {
        None => Ok(()),
        Some(_) => Err(Fail::misuse(format!("--{option} names {name:?} twice"))),
    }
}

/// What looks like a number is one.
pub fn number_or_text(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) => Value::Number(number),
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::Packing;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn options_become_json() {
        let snapshot = Snapshot {
            packing: Packing { compress: texts(&["zstd", "a=b=none"]) },
            conditions: texts(&["t", "x = '='", "u", "1"]),
            now: Some("-5".to_owned()),
            check: Some(false),
            ..Snapshot::default()
        };
        let options = Options::default().snapshot(snapshot).unwrap().flag("replace", true).flag("add", false);
        assert_eq!(
            options.json().unwrap(),
            r#"{"check":false,"compress":{"*":"zstd","a=b":"none"},"now":-5,"replace":true,"where":{"t":"x = '='","u":"1"}}"#
        );
        assert_eq!(Options::default().json(), None);
        let files = Options::default().files(texts(&["a=b", "c=d=e"])).unwrap();
        assert_eq!(files.json().unwrap(), r#"{"files":{"a":"b","c":"d=e"}}"#);
        assert_eq!(Options::default().files(texts(&["a", "b"])).unwrap().json().unwrap(), r#"{"files":["a","b"]}"#);
        assert_eq!(number_or_text("2026-11-29"), Value::from("2026-11-29"));
        assert_eq!(number_or_text("1.5"), Value::from(1.5));
    }

    #[test]
    fn what_comes_twice_is_named() {
        let twice = Snapshot { conditions: texts(&["t", "1", "t", "2"]), ..Snapshot::default() };
        let error = |result: Result<Options, Fail>| result.err().unwrap().message;
        assert_eq!(error(Options::default().snapshot(twice)), "--where names \"t\" twice");
        assert_eq!(error(Options::default().compress(&texts(&["none", "zstd"]))), "--compress names \"*\" twice");
        assert!(error(Options::default().compress(&texts(&["gzip"]))).contains("not \"gzip\""));
        assert!(error(Options::default().files(texts(&["a=b", "c"]))).contains("'c'"));
    }
}
