//! The options that all exports share: the part to export, the packing, and the base of a delta.

use crate::files::refuse_database;
use crate::sql::arguments::path_of;
use crate::sql::key_text::refuse_secret;
use crate::sql::options::{Compress, DEFAULT_DOMAIN, DEFAULT_SCHEMA};
use lifeboat_core::parallel::Threads;
use lifeboat_core::state::Selection;
use lifeboat_core::{AccessKey, Domain, Error, Result};
use lifeboat_sqlite::{Connection, Now, SelectionRequest, SourceCheck};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::path::PathBuf;

/// Declares a struct of options: fields of its own, then what is exported and how; between these, what a function has beside. (serde's
/// `flatten` would neither know the names of all options nor see one that is given twice.)
macro_rules! snapshot_options {
    ($(#[$about:meta])* $name:ident { $($(#[$own_about:meta])* $own:ident: $type:ty,)* } { $($beside:ident: $beside_type:ty,)* }) => {
        $(#[$about])*
        #[derive(Default, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct $name {
            $($(#[$own_about])* $own: $type,)*
            schema: Option<String>,
            domain: Option<String>,
            compress: crate::sql::options::Compress,
            $($beside: $beside_type,)*
            tables: Option<Vec<String>>,
            exclude: Vec<String>,
            r#where: crate::work::export::options::Conditions,
            cache: Vec<String>,
            now: Option<crate::work::export::options::NowOption>,
            closure: bool,
            threads: crate::work::export::options::ThreadsOption,
            check: Option<bool>,
        }

        impl $name {
            /// What these options ask for, without files.
            fn snapshot(self) -> crate::work::export::options::Request {
                let request = crate::work::export::options::Request {
                    schema: self.schema.unwrap_or_else(|| crate::sql::options::DEFAULT_SCHEMA.to_owned()),
                    domain: self.domain,
                    compress: self.compress,
                    threads: self.threads.0,
                    check: match self.check {
                        None => lifeboat_sqlite::SourceCheck::WhenCheap,
                        Some(true) => lifeboat_sqlite::SourceCheck::Always,
                        Some(false) => lifeboat_sqlite::SourceCheck::Never,
                    },
                    ..crate::work::export::options::Request::default()
                };
                let selection = lifeboat_core::state::Selection {
                    tables: self.tables,
                    exclude: self.exclude,
                    conditions: self.r#where.0,
                    cache: self.cache,
                };
                request.selecting(selection, self.now, self.closure)
            }
        }
    };
}
pub(crate) use snapshot_options;

/// The same for a function that may lead on from files.
macro_rules! export_options {
    ($(#[$about:meta])* $name:ident { $($own:ident: $type:ty,)* }) => {
        crate::work::export::options::snapshot_options! {
            $(#[$about])*
            $name { $($own: $type,)* } { base: Option<crate::work::export::options::Paths>, ledger: Option<String>, }
        }

        impl $name {
            /// What these options ask for, with paths that `app` does not have open as databases.
            fn request(
                mut self,
                app: &lifeboat_sqlite::Connection<'_>,
            ) -> lifeboat_core::Result<crate::work::export::options::Request> {
                let (base, ledger) = (self.base.take(), self.ledger.take());
                self.snapshot().with_files(app, base, ledger)
            }
        }
    };
}
pub(crate) use export_options;

/// The request for an export.
pub(crate) struct Request {
    /// The attached database.
    pub schema: String,
    /// The name of the domain.
    pub domain: Option<String>,
    /// How chunks are packed.
    pub compress: Compress,
    /// The part of the database, and the value of `:now`.
    pub selection: SelectionRequest,
    /// The chain whose state a delta leads on from, oldest first.
    pub base: Option<Vec<PathBuf>>,
    /// The file that remembers the last exported state.
    pub ledger: Option<PathBuf>,
    /// The number of threads that may work on it.
    pub threads: Threads,
    /// Whether the database itself is checked.
    pub check: SourceCheck,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            schema: DEFAULT_SCHEMA.to_owned(),
            domain: None,
            compress: Compress::default(),
            selection: SelectionRequest::default(),
            base: None,
            ledger: None,
            threads: Threads::default(),
            check: SourceCheck::default(),
        }
    }
}

impl Request {
    /// True for one of a series: other bundles may build on the new one.
    pub fn is_incremental(&self) -> bool {
        self.base.is_some() || self.ledger.is_some()
    }

    /// The domain of the new bundle.
    ///
    /// # Errors
    /// Misuse for a read key, for a write key without the name of its domain, and for a name that is empty or too long.
    pub fn domain(&self, key: &AccessKey) -> Result<Domain> {
        self.domain.iter().try_for_each(|name| refuse_secret(name, "the name of the domain"))?;
        let name = match (key, &self.domain) {
            (_, Some(name)) => name,
            (AccessKey::Write(_), None) => {
                return Err(Error::misuse(
                    "a write key does not tell the name of its domain; give it by the option \"domain\"",
                ));
            }
            (_, None) => DEFAULT_DOMAIN,
        };
        key.named_domain(name)
    }

    pub fn selecting(mut self, selection: Selection, now: Option<NowOption>, closure: bool) -> Self {
        self.selection = SelectionRequest { selection, now: now.map(|now| now.0), closure };
        self
    }

    /// # Errors
    /// Misuse for a path that cannot be one, an empty chain, and a database.
    pub fn with_files(mut self, app: &Connection<'_>, base: Option<Paths>, ledger: Option<String>) -> Result<Self> {
        let path = |text: &str, what: &str| {
            let path = path_of(text.as_bytes(), what)?;
            refuse_database(app, &path, what)?;
            Ok(path)
        };
        if let Some(Paths(paths)) = base {
            if paths.is_empty() {
                return Err(Error::misuse("the option `base` is an empty array; leave it out for a full bundle"));
            }
            self.base = Some(paths.iter().map(|text| path(text, "the base")).collect::<Result<_>>()?);
        }
        // The file is not opened here. The guard does that before it is replaced.
        self.ledger = ledger.map(|text| path_of(text.as_bytes(), "the ledger")).transpose()?;
        Ok(self)
    }
}

/// A path, or an array of paths.
pub(crate) struct Paths(Vec<String>);

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Paths;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or an array of paths, oldest first")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Paths, E> {
                Ok(Paths(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Paths, A::Error> {
                let mut paths = Vec::new();
                while let Some(path) = list.next_element()? {
                    paths.push(path);
                }
                Ok(Paths(paths))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// Pairs of a table and its condition, in the given order. (A map would silently drop a pair that comes twice.)
#[derive(Default)]
pub(crate) struct Conditions(pub Vec<(String, String)>);

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Conditions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from table names to SQL conditions")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Conditions, A::Error> {
                let mut conditions: Vec<(String, String)> = Vec::new();
                while let Some((table, condition)) = map.next_entry::<String, String>()? {
                    if conditions.iter().any(|(other, _)| *other == table) {
                        return Err(A::Error::custom(format_args!("the table `{table}` comes twice")));
                    }
                    conditions.push((table, condition));
                }
                Ok(Conditions(conditions))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// The value of `:now`.
pub(crate) struct NowOption(Now);

impl<'de> Deserialize<'de> for NowOption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = NowOption;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a text")
            }

            fn visit_i64<E: serde::de::Error>(self, integer: i64) -> Result<NowOption, E> {
                Ok(NowOption(Now::Integer(integer)))
            }

            fn visit_u64<E: serde::de::Error>(self, integer: u64) -> Result<NowOption, E> {
                // SQLite, too, reads an integer that is too large as a REAL.
                Ok(NowOption(i64::try_from(integer).map_or(Now::Real(integer as f64), Now::Integer)))
            }

            fn visit_f64<E: serde::de::Error>(self, real: f64) -> Result<NowOption, E> {
                Ok(NowOption(Now::Real(real)))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<NowOption, E> {
                Ok(NowOption(Now::Text(text.to_owned())))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// `threads`: how many threads an export may keep busy.
#[derive(Default)]
pub(crate) struct ThreadsOption(pub Threads);

impl<'de> Deserialize<'de> for ThreadsOption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = ThreadsOption;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("1, 2 or 3")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<ThreadsOption, E> {
                match number {
                    1 => Ok(ThreadsOption(Threads::One)),
                    2 => Ok(ThreadsOption(Threads::Two)),
                    3 => Ok(ThreadsOption(Threads::Three)),
                    other => Err(E::invalid_value(serde::de::Unexpected::Unsigned(other), &self)),
                }
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::options::read;
    use lifeboat_sqlite::{OpenMode, linked_api};

    export_options! {
        Sample { replace: bool, }
    }

    fn request(json: &str) -> Result<Request> {
        let app = Connection::open(linked_api!(), ":memory:", OpenMode::Create).unwrap();
        let options: Sample = read(json.as_bytes())?;
        let _ = options.replace;
        options.request(&app)
    }

    #[test]
    fn options_become_a_request() {
        let all = request(
            r#"{"schema": "s", "domain": "d", "base": ["a", "b"], "ledger": "l", "tables": ["t", "u"], "exclude": ["u"],
                "where": {"t": "x > :now"}, "cache": ["c"], "now": 12, "closure": true, "threads": 1}"#,
        )
        .unwrap();
        assert_eq!((&*all.schema, all.domain.as_deref()), ("s", Some("d")));
        assert_eq!(all.base, Some(vec!["a".into(), "b".into()]));
        assert_eq!((all.ledger, all.threads), (Some("l".into()), Threads::One));
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let selection = Selection {
            tables: Some(names(&["t", "u"])),
            exclude: names(&["u"]),
            conditions: vec![("t".to_owned(), "x > :now".to_owned())],
            cache: names(&["c"]),
        };
        assert_eq!(all.selection, SelectionRequest { selection, now: Some(Now::Integer(12)), closure: true });
        let none = request("{}").unwrap();
        assert_eq!((&*none.schema, none.domain.as_deref(), none.is_incremental()), ("main", None, false));
        assert_eq!(none.threads, Threads::Three);
        assert!(none.selection.selection.is_whole() && !none.selection.closure);
        assert_eq!(request(r#"{"base": "a"}"#).unwrap().base, Some(vec!["a".into()]));
        let now = |json: &str| request(json).unwrap().selection.now;
        assert_eq!(now(r#"{"now": 1.5}"#), Some(Now::Real(1.5)));
        assert_eq!(now(r#"{"now": "2020-01-01"}"#), Some(Now::Text("2020-01-01".to_owned())));
        assert_eq!(now(r#"{"now": 18446744073709551615}"#), Some(Now::Real(18_446_744_073_709_551_615.0)));
    }

    #[test]
    fn mistakes_are_named() {
        for (json, wanted) in [
            (
                r#"{"bse": "x"}"#,
                "there is no option `bse`; known options: replace, schema, domain, compress, base, ledger, tables, \
                 exclude, where, cache, now, closure, threads, check",
            ),
            (r#"{"base": "a", "base": "b"}"#, "the option `base` is given twice"),
            (r#"{"base": 1}"#, "the option `base` must be a path, or an array of paths, oldest first"),
            (r#"{"base": ["a", 1]}"#, "the option `base[1]` must be a string"),
            (r#"{"base": []}"#, "the option `base` is an empty array; leave it out for a full bundle"),
            (r#"{"base": [""]}"#, "the path of the base is empty"),
            (r#"{"ledger": ""}"#, "the path of the ledger is empty"),
            (r#"{"ledger": ["a"]}"#, "the option `ledger` must be a string"),
            (r#"{"tables": "t"}"#, "the option `tables` must be an array"),
            (r#"{"where": "x"}"#, "the option `where` must be an object from table names to SQL conditions"),
            (r#"{"where": {"t": 1}}"#, "the option `where.t` must be a string"),
            (r#"{"where": {"t": "1", "t": "2"}}"#, "the option `where`: the table `t` comes twice"),
            (r#"{"now": true}"#, "the option `now` must be a number or a text"),
            (r#"{"closure": "yes"}"#, "the option `closure` must be a boolean"),
            (r#"{"closure": null}"#, "the option `closure` must be a boolean"),
            (r#"{"threads": 0}"#, "the option `threads` must be 1, 2 or 3"),
            (r#"{"threads": -1}"#, "the option `threads` must be 1, 2 or 3"),
            (r#"{"threads": "1"}"#, "the option `threads` must be 1, 2 or 3"),
        ] {
            let found = request(json).err().unwrap().to_string();
            assert_eq!(found, format!("misuse: {wanted}"), "{json}");
        }
    }
}
