//! JSON that people write, and what is wrong with it. A mistake names its place, and never shows a value: a value may be
//! a key.

use serde::de::{DeserializeOwned, IgnoredAny};
use std::fmt;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It is not JSON: what the parser says, with the line and the column.
    NotJson(String),
    /// It is JSON, and no object.
    NoObject,
    /// There is no such field.
    Unknown {
        /// The place of the object, such as `a.b`. Empty: the outermost one.
        path: String,
        /// The field that nobody knows.
        field: String,
        /// The fields that are known, with commas between them.
        known: String,
    },
    /// A field of the outermost object stands there twice.
    Twice(String),
    /// A field is missing.
    Missing(String),
    /// A value is of another kind.
    Wrong {
        /// Its place.
        path: String,
        /// What is expected: "an array".
        expected: String,
    },
    /// A number does not fit into any type.
    TooLarge(String),
    /// Something else.
    Other {
        /// Its place.
        path: String,
        /// What is wrong.
        text: String,
    },
}

/// As it is said of a file.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(why) => write!(f, "this is not JSON: {why}"),
            Self::NoObject => f.write_str("this must be a JSON object"),
            Self::Unknown { path, field, known } => {
                let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
                write!(f, "there is no field `{field}`{place}; known are {known}")
            }
            Self::Twice(field) => write!(f, "the field `{field}` stands there twice"),
            Self::Missing(field) => write!(f, "the field `{field}` is missing"),
            Self::Wrong { path, expected } => write!(f, "`{path}` must be {expected}"),
            Self::TooLarge(path) => write!(f, "`{path}` is a number that is too large"),
            Self::Other { path, text } => write!(f, "`{path}`: {text}"),
        }
    }
}

/// Reads a JSON object. `T` denies unknown fields.
///
/// # Errors
/// What is wrong.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Mistake> {
    // serde would accept an array for the fields in their order.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(match serde_json::from_slice::<IgnoredAny>(json) {
            Ok(_) => Mistake::NoObject,
            Err(error) => Mistake::NotJson(error.to_string()),
        });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let (path, error) = (error.path().to_string(), error.into_inner());
        if error.to_string().starts_with("number out of range") {
            return Mistake::TooLarge(path);
        }
        // Where one of several words is expected, serde_json reports a number as a syntax error.
        if error.is_syntax() && path != "." && serde_json::from_slice::<IgnoredAny>(json).is_ok() {
            return Mistake::Wrong { path, expected: "a string".to_owned() };
        }
        Mistake::of(path, &error)
    })?;
    deserializer.end().map_err(|error| Mistake::of(".".to_owned(), &error))?;
    Ok(read)
}

/// What serde_json says, without the place in the text that it adds.
#[must_use]
pub fn without_position(text: &str) -> &str {
    text.rsplit_once(" at line ").map_or(text, |(text, _)| text)
}

impl Mistake {
    fn of(path: String, error: &serde_json::Error) -> Self {
        let whole = error.to_string();
        let text = without_position(&whole);
        if error.is_syntax() || error.is_eof() {
            return Self::NotJson(whole);
        }
        let field = |rest: &str| rest.trim_matches('`').to_owned();
        if let Some((unknown, known)) =
            text.strip_prefix("unknown field ").and_then(|rest| rest.split_once(", expected "))
        {
            let known = known.trim_start_matches("one of ").trim_matches('`');
            let known = known.replace("`, `", ", ").replace("` or `", ", ");
            let field = field(unknown);
            let path = path.strip_suffix(&*field).unwrap_or(&path).trim_end_matches('.').to_owned();
            // A URL in the place of a name is a value, and may hold a secret.
            let field = if field.contains("://") { "…".to_owned() } else { field };
            return Self::Unknown { path, field, known };
        }
        if let Some(twice) = text.strip_prefix("duplicate field ") {
            return Self::Twice(field(twice));
        }
        if let Some(missing) = text.strip_prefix("missing field ") {
            return Self::Missing(field(missing));
        }
        // "invalid type: string \"…\", expected a boolean": the value is not shown.
        match text.rsplit_once("expected ") {
            _ if path == "." => Self::NoObject,
            Some((_, expected)) => {
                // JSON's words for serde's own.
                let expected = match expected {
                    "a sequence" => "an array",
                    "a map" => "an object",
                    "u64" | "u32" | "u8" | "usize" => "a whole number, 0 or more",
                    "i64" | "i32" => "a whole number",
                    "f64" => "a number",
                    other if other.starts_with("struct ") => "an object",
                    other => other,
                };
                Self::Wrong { path, expected: expected.to_owned() }
            }
            None => Self::Other { path, text: text.to_owned() },
        }
    }
}
