//! Rows as JSON, exactly, and keys back from it (`backup_rows`, `backup_diff`).

use lifeboat_core::{TextEncoding, Value};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write;

/// The values in their order.
pub(crate) fn array(values: &[Value<'_>]) -> String {
    let mut json = String::from("[");
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        push(&mut json, value);
    }
    json.push(']');
    json
}

/// The values by the names of their columns, in the order given.
pub(crate) fn object(named: &[(&str, Value<'_>)]) -> String {
    let mut json = String::from("{");
    for (index, (name, value)) in named.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        push_string(&mut json, name);
        json.push(':');
        push(&mut json, value);
    }
    json.push('}');
    json
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

/// Bytes in hexadecimal digits, by what they are.
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
            // As a number of its own: the bits of a REAL are exact then.
            b'-' | b'0'..=b'9' if json.contains(['.', 'e', 'E']) => Self::Real(json.parse().ok()?),
            b'-' | b'0'..=b'9' => Self::Integer(json.parse().ok()?),
            _ => return None,
        })
    }
}

/// The values of a key that [`array()`] wrote; none for what it does not write.
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

fn push(json: &mut String, value: &Value<'_>) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Null => json.write_str("null"),
        Value::Integer(integer) => write!(json, "{integer}"),
        // What SQLite's own JSON functions write and read for infinity.
        Value::Real(real) if real.is_infinite() => json.write_str(if *real > 0.0 { "9e999" } else { "-9e999" }),
        // The debug form always has a point or an exponent, and is the shortest that reads back the same.
        Value::Real(real) => write!(json, "{real:?}"),
        Value::Blob(bytes) => push_bytes(json, "blob", bytes),
        Value::Text(bytes) => return push_text(json, std::str::from_utf8(bytes).ok(), bytes),
        Value::Utf16le(bytes) => return push_text(json, utf16(bytes, u16::from_le_bytes).as_deref(), bytes),
        Value::Utf16be(bytes) => return push_text(json, utf16(bytes, u16::from_be_bytes).as_deref(), bytes),
    };
}

fn push_text(json: &mut String, text: Option<&str>, bytes: &[u8]) {
    match text.filter(|text| !text.contains('\0')) {
        Some(text) => push_string(json, text),
        None => drop(push_bytes(json, "text", bytes)),
    }
}

fn push_string(json: &mut String, text: &str) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

fn push_bytes(json: &mut String, kind: &str, bytes: &[u8]) -> std::fmt::Result {
    write!(json, "{{\"{kind}\":\"")?;
    json.reserve(2 * bytes.len() + 2);
    bytes.iter().try_for_each(|byte| write!(json, "{byte:02x}"))?;
    json.write_str("\"}")
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
             \"a\\\"\\n\",{\"text\":\"610062\"},{\"text\":\"ff\"},\"ä\",{\"text\":\"d800\"}]"
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
        assert_eq!(object(&[("a\"b", Value::Integer(1)), ("", Value::Null)]), "{\"a\\\"b\":1,\"\":null}");
    }
}
