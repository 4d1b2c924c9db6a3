//! Options: one JSON object, last among the arguments. Unknown options, wrong types and options given twice are errors
//! that name the option and the known ones.

use lifeboat_core::stream::Compression;
use lifeboat_core::{Error, Result};
use lifeboat_store::shape::{self, Mistake, without_position};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// The schema of exports that name no schema.
pub(crate) const DEFAULT_SCHEMA: &str = "main";
/// The domain of exports that name no domain.
pub(crate) const DEFAULT_DOMAIN: &str = "default";

/// How chunks are packed, for each table.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Compress {
    /// For tables without a name here.
    pub default: Packing,
    /// For the named tables.
    pub tables: BTreeMap<String, Packing>,
}

/// One way of packing.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Packing {
    #[default]
    Zstd,
    None,
}

impl From<Packing> for Compression {
    fn from(packing: Packing) -> Self {
        match packing {
            Packing::Zstd => Self::Zstd,
            Packing::None => Self::None,
        }
    }
}

impl<'de> Deserialize<'de> for Compress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Compress;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"zstd\", \"none\", or an object from table names (\"*\" for all others) to one of these")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Compress, E> {
                let default = match text {
                    "zstd" => Packing::Zstd,
                    "none" => Packing::None,
                    other => return Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                };
                Ok(Compress { default, tables: BTreeMap::new() })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Compress, A::Error> {
                let mut compress = Compress::default();
                let mut default = None;
                while let Some((table, packing)) = map.next_entry::<String, Packing>()? {
                    let twice = if table == "*" {
                        default.replace(packing).is_some()
                    } else {
                        compress.tables.insert(table.clone(), packing).is_some()
                    };
                    if twice {
                        return Err(A::Error::custom(format_args!("the table `{table}` comes twice")));
                    }
                }
                compress.default = default.unwrap_or_default();
                Ok(compress)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// Reads the options of a function. `T` denies unknown fields and has a default for each.
///
/// # Errors
/// Misuse. The message shows names, never values: a value may be a key.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    // serde would accept an array for the fields in their order.
    match json.trim_ascii_start().first() {
        Some(b'[') => return Err(Error::misuse("the options must be a JSON object, not an array")),
        Some(b'{') => {}
        // It is mostly a path or a key, so it is not shown.
        _ => {
            return Err(Error::misuse(
                "the options must be a JSON object such as '{\"replace\": true}'; look at the order of the arguments",
            ));
        }
    }
    shape::read(json).map_err(explain)
}

fn explain(mistake: Mistake) -> Error {
    Error::misuse(match mistake {
        Mistake::NotJson(why) => {
            // Nobody needs the place in a line of options.
            format!("the options are not JSON: {}; they look like '{{\"replace\": true}}'", without_position(&why))
        }
        Mistake::NoObject => "the options must be a JSON object".to_owned(),
        Mistake::Unknown { field, known, .. } => format!("there is no option `{field}`; known options: {known}"),
        Mistake::Twice(field) => format!("the option `{field}` is given twice"),
        Mistake::Missing(field) => format!("the option `{field}` is missing"),
        Mistake::Wrong { path, expected } => format!("the option `{path}` must be {expected}"),
        Mistake::TooLarge(path) => format!("the option `{path}` is a number that is too large"),
        Mistake::Other { path, text } => format!("the option `{path}`: {text}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Sample {
        replace: bool,
        compress: Compress,
        expect: Option<String>,
        tables: Vec<String>,
        conditions: BTreeMap<String, String>,
        seconds: f64,
    }

    fn error(json: &str) -> String {
        read::<Sample>(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn options_are_read() {
        let options: Sample =
            read(br#"{"replace": true, "compress": {"*": "none", "docs": "zstd"}, "expect": "ab"}"#).unwrap();
        assert!(options.replace);
        assert_eq!(options.expect.as_deref(), Some("ab"));
        assert_eq!(options.compress.default, Packing::None);
        assert_eq!(options.compress.tables, BTreeMap::from([("docs".to_owned(), Packing::Zstd)]));
        let options: Sample = read(br#"{"compress": "none"}"#).unwrap();
        assert_eq!(options.compress, Compress { default: Packing::None, tables: BTreeMap::new() });
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(
            error(r#"{"base": "x"}"#),
            "misuse: there is no option `base`; known options: replace, compress, expect, tables, conditions, seconds"
        );
        assert_eq!(error(r#"{"replace": "yes"}"#), "misuse: the option `replace` must be a boolean");
        assert_eq!(error(r#"{"replace": true, "replace": true}"#), "misuse: the option `replace` is given twice");
        assert_eq!(
            error(r#"{"compress": "gzip"}"#),
            "misuse: the option `compress` must be \"zstd\", \"none\", or an object from table names (\"*\" for all others) to one of these"
        );
        assert_eq!(error(r#"{"compress": {"t": "gzip"}}"#), "misuse: the option `compress.t` must be `zstd` or `none`");
        assert_eq!(
            error(r#"{"compress": {"t": "zstd", "t": "none"}}"#),
            "misuse: the option `compress`: the table `t` comes twice"
        );
        assert_eq!(error("[]"), "misuse: the options must be a JSON object, not an array");
        assert_eq!(error(r#"{"seconds": "5"}"#), "misuse: the option `seconds` must be a number");
        assert_eq!(error(r#"{"seconds": 1e400}"#), "misuse: the option `seconds` is a number that is too large");
        assert_eq!(error(r#"{"tables": 1}"#), "misuse: the option `tables` must be an array");
        assert_eq!(error(r#"{"conditions": []}"#), "misuse: the option `conditions` must be an object");
        let other = "misuse: the options must be a JSON object such as '{\"replace\": true}'; look at the order of the arguments";
        for text in ["12", "", "app.bundle", "lifeboatkey1qqq"] {
            assert_eq!(error(text), other);
        }
        assert!(error(r#"{"replace": true} x"#).starts_with("misuse: the options are not JSON"));
        assert_eq!(error(r#"{"compress": {"t": 1}}"#), "misuse: the option `compress.t` must be a string");
        assert!(error("{replace: true}").starts_with("misuse: the options are not JSON"));
    }
}
