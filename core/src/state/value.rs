//! The values that SQLite stores, the keys of rows, their one encoding and their canonical order (`FORMAT.md`, "Values"
//! and "Order").

use crate::cbor::{Append, Bytes, Null, Reader, Write, head_length, major, put, put_array, string_length};
use crate::error::{Error, Result};
use crate::limits::{BOUND_VALUE_MAX, BOUND_VALUES_MAX, COLUMNS_MAX, VALUE_MAX};
use std::cmp::Ordering;
use std::convert::Infallible;

/// The encoding of a database's text, with the number that SQLite's file header uses for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TextEncoding {
    /// `PRAGMA encoding = 'UTF-8'`
    Utf8 = 1,
    /// `PRAGMA encoding = 'UTF-16le'`
    Utf16le = 2,
    /// `PRAGMA encoding = 'UTF-16be'`
    Utf16be = 3,
}

impl TextEncoding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Utf8, Self::Utf16le, Self::Utf16be];

    /// The name that `PRAGMA encoding` has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16le => "UTF-16le",
            Self::Utf16be => "UTF-16be",
        }
    }
}

/// One stored value, borrowed from where it lies. Text is in the encoding of the database file, byte for byte.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A double. Never NaN: SQLite stores NULL in its place.
    Real(f64),
    /// Text of a UTF-8 file: any bytes, well-formed or not, NUL included.
    Text(&'a [u8]),
    /// Text of a UTF-16LE file: any code units, lone surrogates included; an even number of bytes.
    Utf16le(&'a [u8]),
    /// Text of a UTF-16BE file: as [`Value::Utf16le`] with the bytes of each unit swapped.
    Utf16be(&'a [u8]),
    /// A blob.
    Blob(&'a [u8]),
}

/// The key of a row in its table.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// The rowid; for a table whose rowid no SQL name reaches, the row's place in scan order, from 1.
    Rowid(i64),
    /// The primary-key values of a WITHOUT ROWID table, in the order of its PRIMARY KEY clause.
    Primary(&'a [Value<'a>]),
}

/// A row of a state.
pub(crate) struct NewRow<'a> {
    pub key: Key<'a>,
    pub values: &'a [Value<'a>],
}

impl<'a> Value<'a> {
    /// The bytes of a text or blob. Other values have none.
    pub fn payload(&self) -> &'a [u8] {
        match *self {
            Value::Text(bytes) | Value::Utf16le(bytes) | Value::Utf16be(bytes) | Value::Blob(bytes) => bytes,
            Value::Null | Value::Integer(_) | Value::Real(_) => &[],
        }
    }

    /// The encoding of the file that this value belongs to. None for a value that is not text.
    pub fn encoding(&self) -> Option<TextEncoding> {
        match self {
            Value::Text(_) => Some(TextEncoding::Utf8),
            Value::Utf16le(_) => Some(TextEncoding::Utf16le),
            Value::Utf16be(_) => Some(TextEncoding::Utf16be),
            _ => None,
        }
    }

    /// Checks the value. An exporter refuses what no reader would take.
    pub(crate) fn check(&self) -> Result<()> {
        if self.payload().len() as u64 > VALUE_MAX {
            return Err(Error::too_big(format!(
                "a value of {} bytes; a bundle holds values of at most {VALUE_MAX}",
                self.payload().len()
            )));
        }
        match self {
            Value::Real(real) if real.is_nan() => Err(Error::corrupt("NaN, which SQLite never stores")),
            Value::Utf16le(units) | Value::Utf16be(units) if units.len() % 2 == 1 => {
                Err(Error::corrupt("UTF-16 text of an odd number of bytes"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn encode<W: Write<Error = Infallible>>(&self, out: &mut W) {
        let mut wrapped = |encoding: TextEncoding, bytes| {
            put_array(out, 2);
            put(out, encoding as u8);
            put(out, Bytes(bytes));
        };
        match *self {
            Value::Null => put(out, Null),
            Value::Integer(integer) => put(out, integer),
            Value::Real(real) => put(out, real),
            Value::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => put(out, text),
                Err(_) => wrapped(TextEncoding::Utf8, bytes),
            },
            Value::Utf16le(bytes) => wrapped(TextEncoding::Utf16le, bytes),
            Value::Utf16be(bytes) => wrapped(TextEncoding::Utf16be, bytes),
            Value::Blob(bytes) => put(out, Bytes(bytes)),
        }
    }

    /// Decodes one value, whose bytes need not be canonical.
    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self> {
        let value = match reader.major()? {
            major::UNSIGNED | major::NEGATIVE => Value::Integer(reader.decode()?),
            major::TEXT => Value::Text(reader.decode::<&str>()?.as_bytes()),
            major::BYTES => Value::Blob(reader.bytes()?),
            major::ARRAY => {
                reader.array_of(2)?;
                match (reader.decode::<u8>()?, reader.bytes()?) {
                    (1, bytes) => Value::Text(bytes),
                    (2, bytes) => Value::Utf16le(bytes),
                    (3, bytes) => Value::Utf16be(bytes),
                    (other, _) => return Err(Error::corrupt(format!("text in an encoding of number {other}"))),
                }
            }
            major::SIMPLE if reader.null() => Value::Null,
            major::SIMPLE => Value::Real(reader.decode()?),
            _ => return Err(Error::corrupt("a map or a tag stands where a value is expected")),
        };
        value.check()?;
        Ok(value)
    }

    /// Decodes one value, and tells whether its bytes were canonical. Of all forms that [`Value::decode`] takes, the
    /// canonical one is the only one of its length.
    fn decode_checked(reader: &mut Reader<'a>) -> Result<(Self, bool)> {
        let start = reader.rest().len();
        let is_wrapped = reader.major()? == major::ARRAY;
        let value = Self::decode(reader)?;
        let canonical = match value {
            Value::Null => 1,
            Value::Integer(integer) => int_length(integer),
            Value::Real(_) => 9,
            // Only text that is not well-formed is wrapped.
            Value::Text(bytes) if is_wrapped && std::str::from_utf8(bytes).is_ok() => return Ok((value, false)),
            Value::Text(bytes) | Value::Blob(bytes) | Value::Utf16le(bytes) | Value::Utf16be(bytes) => {
                2 * usize::from(is_wrapped) + string_length(bytes.len())
            }
        };
        Ok((value, start - reader.rest().len() == canonical))
    }

    /// Compares NULL, numbers by exact value, text by bytes, blobs by bytes. This is how SQLite compares them under
    /// BINARY: 1 and 1.0 are equal here.
    fn compare(&self, other: &Value<'_>) -> Ordering {
        let class = |value: &Value<'_>| match value {
            Value::Null => 0,
            Value::Integer(_) | Value::Real(_) => 1,
            Value::Text(_) | Value::Utf16le(_) | Value::Utf16be(_) => 2,
            Value::Blob(_) => 3,
        };
        match (self, other) {
            (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
            (Value::Real(a), Value::Real(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Value::Integer(a), Value::Real(b)) => compare_exactly(*a, *b),
            (Value::Real(a), Value::Integer(b)) => compare_exactly(*b, *a).reverse(),
            (a, b) => class(a).cmp(&class(b)).then_with(|| a.payload().cmp(b.payload())),
        }
    }
}

/// Compares an integer with a double (not NaN) by exact value. A conversion of either would round.
fn compare_exactly(integer: i64, real: f64) -> Ordering {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if real < -TWO_TO_63 {
        return Ordering::Greater;
    }
    if real >= TWO_TO_63 {
        return Ordering::Less;
    }
    // The double is in range, so the conversion only drops the fraction.
    integer.cmp(&(real as i64)).then_with(|| 0.0_f64.partial_cmp(&real.fract()).unwrap_or(Ordering::Equal))
}

/// Writes a row's values: one array.
pub(crate) fn encode_values<W: Write<Error = Infallible>>(values: &[Value<'_>], out: &mut W) {
    put_array(out, values.len());
    for value in values {
        value.encode(out);
    }
}

/// The length of an integer in canonical form.
pub(crate) fn int_length(integer: i64) -> usize {
    head_length(if integer < 0 { !integer } else { integer } as u64)
}

/// Reads a row's values into `values`, which is emptied first. Tells whether the bytes were canonical.
pub(crate) fn decode_values<'a>(reader: &mut Reader<'a>, values: &mut Vec<Value<'a>>) -> Result<bool> {
    let start = reader.rest().len();
    let length = reader.array()?;
    let mut is_canonical = start - reader.rest().len() == head_length(length as u64);
    if length > COLUMNS_MAX {
        return Err(Error::too_big(format!("a row of {length} values; SQLite has at most {COLUMNS_MAX} columns")));
    }
    values.clear();
    for _ in 0..length {
        let (value, is_value_canonical) = Value::decode_checked(reader)?;
        is_canonical &= is_value_canonical;
        values.push(value);
    }
    Ok(is_canonical)
}

impl Key<'_> {
    pub(crate) fn encode<W: Write<Error = Infallible>>(&self, out: &mut W) {
        match self {
            Key::Rowid(rowid) => put(out, *rowid),
            Key::Primary(values) => encode_values(values, out),
        }
    }

    /// The key as index entries hold it: its first values, with texts and blobs cut short, and nothing after the first
    /// cut. It is never above the key itself.
    pub(crate) fn encode_bound<W: Write<Error = Infallible>>(&self, out: &mut W) {
        let Key::Primary(values) = self else { return self.encode(out) };
        let values = &values[..values.len().min(BOUND_VALUES_MAX)];
        let kept = values.iter().take_while(|value| value.payload().len() <= BOUND_VALUE_MAX).count();
        let Some(cut) = values.get(kept) else { return encode_values(values, out) };
        put_array(out, kept + 1);
        values[..kept].iter().for_each(|value| value.encode(out));
        match *cut {
            Value::Text(bytes) => Value::Text(&bytes[..BOUND_VALUE_MAX]),
            Value::Utf16le(bytes) => Value::Utf16le(&bytes[..BOUND_VALUE_MAX]),
            Value::Utf16be(bytes) => Value::Utf16be(&bytes[..BOUND_VALUE_MAX]),
            Value::Blob(bytes) => Value::Blob(&bytes[..BOUND_VALUE_MAX]),
            value => value,
        }
        .encode(out);
    }
}

/// The rowid of a canonical key, if the key is a rowid. This is the quick way: every row passes here.
pub(crate) fn rowid(key: &[u8]) -> Option<i64> {
    let (head, rest) = key.split_first()?;
    let number = match (head & 0x1f, rest) {
        (0..=23, []) => u64::from(head & 0x1f),
        (24, [a]) => u64::from(*a),
        (25, [a, b]) => u64::from(u16::from_be_bytes([*a, *b])),
        (26, [a, b, c, d]) => u64::from(u32::from_be_bytes([*a, *b, *c, *d])),
        (27, rest) => u64::from_be_bytes(rest.try_into().ok()?),
        _ => return None,
    };
    let number = i64::try_from(number).ok()?;
    match head >> 5 {
        major::UNSIGNED => Some(number),
        major::NEGATIVE => Some(-1 - number),
        _ => None,
    }
}

/// Decodes a key from its canonical bytes; `primary` keeps the values of a primary key.
pub(crate) fn decode_key<'a>(key: &'a [u8], primary: &'a mut Vec<Value<'a>>) -> Result<Key<'a>> {
    if let Some(rowid) = rowid(key) {
        return Ok(Key::Rowid(rowid));
    }
    decode_values(&mut Reader::new(key), primary)?;
    Ok(Key::Primary(primary))
}

/// The bound of a canonical key, as [`Key::encode_bound`] writes it. The bound of null is null.
pub(crate) fn bound(key: &[u8]) -> Result<Vec<u8>> {
    let mut bound = Vec::new();
    match key {
        [0xf6] => bound.push(0xf6),
        key => decode_key(key, &mut Vec::new())?.encode_bound(&mut Append(&mut bound)),
    }
    Ok(bound)
}

/// The order of two keys by their canonical bytes, which were checked before. Their values decide. Where the values are
/// equal (1 and 1.0), the bytes decide.
pub(crate) fn compare_keys(a: &[u8], b: &[u8]) -> Result<Ordering> {
    Ok(compare_values(a, b)?.then_with(|| a.cmp(b)))
}

/// The order of two keys by their values alone: null, rowids, then primary keys value by value. A shorter key comes
/// before its extensions.
pub(crate) fn compare_values(a: &[u8], b: &[u8]) -> Result<Ordering> {
    compare_with(a, b, |length_a, length_b| length_a.cmp(&length_b))
}

/// The order of two bounds by the values that both have. Where keys ascend, their bounds never descend in this order: a
/// bound that is cut may have fewer values than the bound of a lower key.
pub(crate) fn compare_common_values(a: &[u8], b: &[u8]) -> Result<Ordering> {
    compare_with(a, b, |_, _| Ordering::Equal)
}

/// `lengths` orders two primary keys with these numbers of values, where one begins with the values of the other.
fn compare_with(a: &[u8], b: &[u8], lengths: impl Fn(usize, usize) -> Ordering) -> Result<Ordering> {
    if let (Some(a), Some(b)) = (rowid(a), rowid(b)) {
        return Ok(a.cmp(&b));
    }
    let (mut in_a, mut in_b) = (Reader::new(a), Reader::new(b));
    let class = |reader: &Reader<'_>| {
        reader.major().map(|major| match major {
            major::SIMPLE => 0,
            major::UNSIGNED | major::NEGATIVE => 1,
            _ => 2,
        })
    };
    match (class(&in_a)?, class(&in_b)?) {
        (1, 1) => Ok(in_a.decode::<i64>()?.cmp(&in_b.decode::<i64>()?)),
        (2, 2) => {
            let (length_a, length_b) = (in_a.array()?, in_b.array()?);
            for _ in 0..length_a.min(length_b) {
                let order = Value::decode(&mut in_a)?.compare(&Value::decode(&mut in_b)?);
                if order != Ordering::Equal {
                    return Ok(order);
                }
            }
            Ok(lengths(length_a, length_b))
        }
        (class_a, class_b) => Ok(class_a.cmp(&class_b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_doubles_are_compared_exactly() {
        const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
        let cases = [
            (i64::MIN, -TWO_TO_63, Ordering::Equal),
            (i64::MIN, (-TWO_TO_63).next_down(), Ordering::Greater),
            (i64::MIN, (-TWO_TO_63).next_up(), Ordering::Less),
            (i64::MIN + 1, -TWO_TO_63, Ordering::Greater),
            (i64::MAX, TWO_TO_63, Ordering::Less),
            (i64::MAX, TWO_TO_63.next_down(), Ordering::Greater),
            (i64::MAX, f64::INFINITY, Ordering::Less),
            (i64::MIN, f64::NEG_INFINITY, Ordering::Greater),
            // The integer lies between two doubles, and has the value of neither.
            ((1 << 53) + 1, (1_u64 << 53) as f64, Ordering::Greater),
            ((1 << 53) + 1, ((1_u64 << 53) + 2) as f64, Ordering::Less),
            (1, 1.5, Ordering::Less),
            (-1, -1.5, Ordering::Greater),
            (0, -0.0, Ordering::Equal),
        ];
        for (integer, real, order) in cases {
            assert_eq!(compare_exactly(integer, real), order, "{integer} {real}");
        }
    }

    /// What is canonical is told by lengths. Encoding again must tell the same.
    #[test]
    fn canonical_is_what_encoding_again_gives() {
        let (mut seen, mut number) = ([0; 2], 1_u64);
        let heads =
            [0x00, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x20, 0x38, 0x3b, 0x40, 0x42, 0x58, 0x59, 0x5f, 0x61, 0x78, 0x7f];
        let heads = [&heads[..], &[0x82, 0x98, 0x9f, 0xf6, 0xf9, 0xfa, 0xfb, 0xe0, 0xf8]].concat();
        for _ in 0..300_000 {
            let mut random = || {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (number >> 33) as usize
            };
            let mut bytes: Vec<u8> = (0..random() % 14).map(|_| (random() % 4) as u8).collect();
            for byte in &mut bytes {
                match random() % 6 {
                    0 => *byte = heads[random() % heads.len()],
                    1 => *byte = random() as u8,
                    _ => {}
                }
            }
            bytes.insert(0, 0x80 + (random() % 3) as u8);
            if random() % 8 == 0 {
                bytes.splice(0..1, [0x98, bytes[0] & 3]);
            }
            let (mut reader, mut values) = (Reader::new(&bytes), Vec::new());
            if let Ok(is_canonical) = decode_values(&mut reader, &mut values) {
                let mut again = Vec::new();
                encode_values(&values, &mut Append(&mut again));
                let taken = &bytes[..bytes.len() - reader.rest().len()];
                assert_eq!(is_canonical, again == taken, "{bytes:02x?}");
                seen[usize::from(is_canonical)] += 1;
            }
        }
        assert!(seen.iter().all(|seen| *seen > 1000), "{seen:?}");
    }
}
