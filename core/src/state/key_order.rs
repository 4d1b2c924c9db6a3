//! The keys of one table, one after the other: whether they are in order, and whether two of them have equal values
//! (`FORMAT.md`, "Order").

use crate::error::{Error, Result};
use crate::state::value::compare_values;
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
    last: Vec<u8>,
}

impl KeyOrder {
    /// The keys that follow are of another table.
    pub fn restart(&mut self) {
        self.last.clear();
    }

    /// Takes the next key, which is known to be in order.
    pub fn note(&mut self, key: &[u8]) {
        key.clone_into(&mut self.last);
    }

    /// Takes the canonical bytes of the next key. None: the keys are not in order.
    ///
    /// # Errors
    /// Corrupt when the bytes are not a key.
    pub fn step(&mut self, key: &[u8]) -> Result<Option<Step>> {
        let step = if self.last.is_empty() {
            Step::Higher
        } else {
            match compare_values(&self.last, key)? {
                Ordering::Less => Step::Higher,
                Ordering::Equal if self.last.as_slice() < key => Step::SameValue,
                _ => return Ok(None),
            }
        };
        self.note(key);
        Ok(Some(step))
    }
}
