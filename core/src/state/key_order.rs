//! The keys of one table, one after the other: whether they are in order, and whether two of them have equal values
//! (`FORMAT.md`, "Order").

use crate::cbor::Append;
use crate::error::{Error, Result};
use crate::state::value::{Key, compare_values, rowid};
use std::cmp::Ordering;

/// How a key stands to the key before it in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It has a higher value, or it is the first key.
    Higher,
    /// It has the same value in higher bytes: 1.0 after 1. A delta may have both keys; a state may not.
    SameValue,
}

impl Step {
    /// Checks that the two keys can be in one state.
    ///
    /// # Errors
    /// Corrupt when they have equal values: 1 and 1.0 are two keys, and no table has both.
    pub fn check_distinct(self) -> Result<()> {
        match self {
            Self::Higher => Ok(()),
            Self::SameValue => Err(Error::corrupt("two keys of one table have equal values")),
        }
    }
}

/// Compares each key of a table with the one before it.
#[derive(Default)]
pub(crate) struct KeyOrder {
    last: Last,
    /// The last key, where it is not a rowid.
    bytes: Vec<u8>,
}

/// The key that came last.
#[derive(Clone, Copy, Default)]
enum Last {
    #[default]
    None,
    /// Most keys are rowids: these are kept as numbers.
    Rowid(i64),
    Other,
}

impl KeyOrder {
    /// The keys that follow are of another table.
    pub fn restart(&mut self) {
        self.last = Last::None;
    }

    /// Takes the next key, which is known to be in order.
    pub fn note(&mut self, key: &[u8]) {
        self.keep(key, rowid(key));
    }

    /// Takes the canonical bytes of the next key. None: the keys are not in order.
    ///
    /// # Errors
    /// Corrupt when the bytes are not a key.
    pub fn step(&mut self, key: &[u8]) -> Result<Option<Step>> {
        let rowid = rowid(key);
        let order = match (self.last, rowid) {
            (Last::None, _) => Ordering::Less,
            (Last::Rowid(last), Some(rowid)) => last.cmp(&rowid),
            (Last::Rowid(last), None) => {
                self.bytes.clear();
                Key::Rowid(last).encode(&mut Append(&mut self.bytes));
                compare_values(&self.bytes, key)?
            }
            (Last::Other, _) => compare_values(&self.bytes, key)?,
        };
        let step = match (order, self.last) {
            (Ordering::Less, _) => Step::Higher,
            (Ordering::Equal, Last::Other) if self.bytes.as_slice() < key => Step::SameValue,
            _ => return Ok(None),
        };
        self.keep(key, rowid);
        Ok(Some(step))
    }

    fn keep(&mut self, key: &[u8], rowid: Option<i64>) {
        self.last = match rowid {
            Some(rowid) => Last::Rowid(rowid),
            None => {
                key.clone_into(&mut self.bytes);
                Last::Other
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of all kinds after one another: as their values and bytes compare.
    #[test]
    fn keys_of_any_kind_are_compared() {
        let keys: [&[u8]; 9] = [
            &[0xf6],
            &[0x20],
            &[0x00],
            &[0x18, 0x18],
            &[0x81, 0x01],
            &[0x81, 0xfb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
            &[0x81, 0x02],
            &[0x82, 0x02, 0x00],
            &[0x81, 0x61, 0x61],
        ];
        for (number, first) in keys.into_iter().enumerate() {
            for (other, second) in keys.into_iter().enumerate() {
                let mut order = KeyOrder::default();
                assert_eq!(order.step(first), Ok(Some(Step::Higher)));
                let step = if (number, other) == (4, 5) { Step::SameValue } else { Step::Higher };
                assert_eq!(order.step(second), Ok((number < other).then_some(step)), "{first:02x?} {second:02x?}");
                order.restart();
                order.note(first);
                assert_eq!(order.step(second), Ok((number < other).then_some(step)), "{first:02x?} {second:02x?}");
            }
        }
    }
}
