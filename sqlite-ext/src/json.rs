//! Rows as JSON, exactly (`backup_rows`).

use lifeboat_core::Value;
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
        assert_eq!(
            array(&values),
            "[null,-9223372036854775808,1.0,-0.0,0.30000000000000004,1e300,-9e999,{\"blob\":\"\"},{\"blob\":\"00ff\"},\
             \"a\\\"\\n\",{\"text\":\"610062\"},{\"text\":\"ff\"},\"ä\",{\"text\":\"d800\"}]"
        );
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(object(&[("a\"b", Value::Integer(1)), ("", Value::Null)]), "{\"a\\\"b\":1,\"\":null}");
    }
}
