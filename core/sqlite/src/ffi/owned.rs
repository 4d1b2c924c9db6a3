//! Rows that outlive the statement they came from: those of the small tables that are handed over whole.

use lifeboat_core::state::Value;

/// A row of values with memory of its own.
pub(crate) struct OwnedRow {
    values: Vec<OwnedValue>,
}

enum OwnedValue {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Utf16le(Vec<u8>),
    Utf16be(Vec<u8>),
    Blob(Vec<u8>),
}

impl OwnedRow {
    pub(crate) fn new<'v>(values: impl IntoIterator<Item = Value<'v>>) -> Self {
        Self { values: values.into_iter().map(OwnedValue::from).collect() }
    }

    pub(crate) fn values(&self) -> Vec<Value<'_>> {
        self.values.iter().map(Value::from).collect()
    }
}

impl From<Value<'_>> for OwnedValue {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(integer) => Self::Integer(integer),
            Value::Real(real) => Self::Real(real),
            Value::Text(text) => Self::Text(text.to_vec()),
            Value::Utf16le(text) => Self::Utf16le(text.to_vec()),
            Value::Utf16be(text) => Self::Utf16be(text.to_vec()),
            Value::Blob(blob) => Self::Blob(blob.to_vec()),
        }
    }
}

impl<'a> From<&'a OwnedValue> for Value<'a> {
    fn from(value: &'a OwnedValue) -> Self {
        match value {
            OwnedValue::Null => Self::Null,
            OwnedValue::Integer(integer) => Self::Integer(*integer),
            OwnedValue::Real(real) => Self::Real(*real),
            OwnedValue::Text(text) => Self::Text(text),
            OwnedValue::Utf16le(text) => Self::Utf16le(text),
            OwnedValue::Utf16be(text) => Self::Utf16be(text),
            OwnedValue::Blob(blob) => Self::Blob(blob),
        }
    }
}
