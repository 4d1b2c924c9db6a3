//! Rows as JSON, exactly, and keys back from it (`backup_rows`, `backup_diff`).

use crate::sql::json_value::{write_bytes, write_real, write_utf8, write_utf16};
use lifeboat_core::state::{TextEncoding, Value};
use lifeboat_core::{Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{self, Write};

/// The limit of a text's length.
#[derive(Clone, Copy)]
pub(crate) struct Limit(pub usize);

impl Limit {
    /// The values in their order.
    ///
    /// # Errors
    /// Too big for a text above the limit, or when there is no memory for it.
    pub fn array(self, values: &[Value<'_>]) -> Result<String> {
        self.text(|json| {
            for (index, value) in values.iter().enumerate() {
                json.write_all(if index > 0 { b"," } else { b"[" })?;
                push(json, value)?;
            }
            json.write_all(if values.is_empty() { b"[]" } else { b"]" })
        })
    }

    /// The values by the names of their columns, in the order given.
    ///
    /// # Errors
    /// As [`Limit::array`].
    pub fn object(self, named: &[(&str, Value<'_>)]) -> Result<String> {
        self.text(|json| {
            for (index, (name, value)) in named.iter().enumerate() {
                json.write_all(if index > 0 { b"," } else { b"{" })?;
                serde_json::to_writer(&mut *json, name)?;
                json.write_all(b":")?;
                push(json, value)?;
            }
            json.write_all(if named.is_empty() { b"{}" } else { b"}" })
        })
    }

    fn text(self, write: impl FnOnce(&mut Json) -> io::Result<()>) -> Result<String> {
        let mut json = Json { bytes: Vec::new(), limit: self.0 };
        write(&mut json).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => Error::too_big(format!(
                "a row that has more than {} bytes as JSON, SQLite's limit of a text here; restore the bundle to read it",
                self.0
            )),
            _ => Error::no_memory("there is no memory for a row of this size as JSON"),
        })?;
        String::from_utf8(json.bytes).map_err(|_| Error::host("the JSON of a row is not well-formed"))
    }
}

/// A text that is being written.
struct Json {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Json {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.bytes.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.try_reserve(bytes.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One value of a key that was given as JSON.
pub(crate) enum Parsed {
    Null,
    Integer(i64),
    Real(f64),
    Blob(Vec<u8>),
    /// In the encoding of the database.
    Text(TextEncoding, Vec<u8>),
}

/// Bytes in hexadecimal digits, with a name for their kind.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Bytes {
    Blob(String),
    Text(String),
}

impl Parsed {
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Real(real) => Value::Real(*real),
            Self::Blob(bytes) => Value::Blob(bytes),
            Self::Text(TextEncoding::Utf8, bytes) => Value::Text(bytes),
            Self::Text(TextEncoding::Utf16le, bytes) => Value::Utf16le(bytes),
            Self::Text(TextEncoding::Utf16be, bytes) => Value::Utf16be(bytes),
        }
    }

    fn read(json: &str, encoding: TextEncoding) -> Option<Self> {
        Some(match json.as_bytes().first()? {
            b'n' => Self::Null,
            b'"' => {
                let text: String = serde_json::from_str(json).ok()?;
                let bytes = match encoding {
                    TextEncoding::Utf8 => text.into_bytes(),
                    TextEncoding::Utf16le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                    TextEncoding::Utf16be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
                };
                Self::Text(encoding, bytes)
            }
            b'{' => match serde_json::from_str(json).ok()? {
                Bytes::Blob(digits) => Self::Blob(from_hex(&digits)?),
                Bytes::Text(digits) => Self::Text(encoding, from_hex(&digits)?),
            },
            // As a number by itself: then the bits of a REAL are exact.
            b'-' | b'0'..=b'9' if json.contains(['.', 'e', 'E']) => Self::Real(json.parse().ok()?),
            b'-' | b'0'..=b'9' => Self::Integer(json.parse().ok()?),
            _ => return None,
        })
    }
}

/// The values of a key that [`array()`] wrote. None for other texts.
pub(crate) fn read_array(json: &[u8], encoding: TextEncoding) -> Option<Vec<Parsed>> {
    let values: Vec<&RawValue> = serde_json::from_slice(json).ok()?;
    values.into_iter().map(|value| Parsed::read(value.get(), encoding)).collect()
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

fn push(json: &mut Json, value: &Value<'_>) -> io::Result<()> {
    match value {
        Value::Null => json.write_all(b"null"),
        Value::Integer(integer) => write!(json, "{integer}"),
        Value::Real(real) => write_real(json, *real),
        Value::Blob(bytes) => write_bytes(json, "blob", bytes),
        Value::Text(bytes) => write_utf8(json, bytes),
        Value::Utf16le(bytes) => write_utf16(json, bytes, u16::from_le_bytes),
        Value::Utf16be(bytes) => write_utf16(json, bytes, u16::from_be_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(values: &[Value<'_>]) -> String {
        Limit(10_000).array(values).unwrap()
    }

    #[test]
    fn values_are_exact() {
        let values = [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(1.0),
            Value::Real(-0.0),
            Value::Real(0.1 + 0.2),
            Value::Real(1e300),
            Value::Real(f64::NEG_INFINITY),
            Value::Blob(b""),
            Value::Blob(&[0, 255]),
            Value::Text(b"a\"\n"),
            Value::Text(b"a\0b"),
            Value::Text(&[0xff]),
            Value::Utf16le(&[0xe4, 0]),
            Value::Utf16be(&[0xd8, 0]),
            Value::Utf16le(&[0xe4, 0, 0xe4]),
        ];
        let json = array(&values);
        let parsed = |encoding| read_array(json.as_bytes(), encoding).unwrap();
        for (at, value) in values.iter().enumerate() {
            let encoding = match value {
                Value::Utf16le(_) => TextEncoding::Utf16le,
                Value::Utf16be(_) => TextEncoding::Utf16be,
                _ => TextEncoding::Utf8,
            };
            assert_eq!(array(&[parsed(encoding)[at].as_value()]), array(&[*value]), "and back");
        }
        assert_eq!(
            json,
            "[null,-9223372036854775808,1.0,-0.0,0.30000000000000004,1e300,-9e999,{\"blob\":\"\"},{\"blob\":\"00ff\"},\
             \"a\\\"\\n\",{\"text\":\"610062\"},{\"text\":\"ff\"},\"ä\",{\"text\":\"d800\"},{\"text\":\"e400e4\"}]"
        );
    }

    #[test]
    fn keys_that_are_none() {
        for json in
            ["", "[", "5", "[true]", "[[1]]", "[9223372036854775808]", r#"[{"blob":"0"}]"#, r#"[{"blob":"0g"}]"#]
        {
            assert!(read_array(json.as_bytes(), TextEncoding::Utf8).is_none(), "{json}");
        }
        assert!(read_array(b" [ ] ", TextEncoding::Utf8).unwrap().is_empty());
    }

    #[test]
    fn names_are_quoted() {
        let named = [("a\"b", Value::Integer(1)), ("", Value::Null)];
        assert_eq!(Limit(20).object(&named).unwrap(), "{\"a\\\"b\":1,\"\":null}");
        assert_eq!((Limit(2).object(&[]).unwrap(), Limit(2).array(&[]).unwrap()), ("{}".to_owned(), "[]".to_owned()));
    }

    #[test]
    fn what_is_too_long_is_not_made() {
        let text = [b'x'; 20];
        for (value, length) in [(Value::Text(&text), 24), (Value::Blob(&text), 53), (Value::Utf16le(&text), 34)] {
            assert_eq!(Limit(length).array(&[value]).unwrap().len(), length);
            assert_eq!(Limit(length - 1).array(&[value]).unwrap_err().kind(), lifeboat_core::ErrorKind::TooBig);
        }
    }

    #[test]
    fn long_utf_16_is_whole() {
        let text = "aä\u{1f600}\"\n".repeat(4096);
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let json = Limit(1 << 20).array(&[Value::Utf16be(&units)]).unwrap();
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
    }
}
