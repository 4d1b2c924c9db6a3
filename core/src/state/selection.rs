//! The selection item: which part of a database a state is (`FORMAT.md`, "Selection"). The exporter applies a
//! selection. A reader only shows it and compares it.

use crate::alloc;
use crate::cbor;
use crate::error::{Error, Result};
use crate::limits::SELECTION_MAX;

/// A rule that narrows a state to a part of its database. Names are exactly those of the schema.
///
/// The state of a selection is that of a database with this part alone, and the selection item besides. So nobody can
/// take it for the state of a whole database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// Only these tables; `None`: all.
    pub tables: Option<Vec<String>>,
    /// All but these.
    pub exclude: Vec<String>,
    /// For a table, the condition that its rows meet: an SQL expression.
    pub conditions: Vec<(String, String)>,
    /// These tables come back without rows.
    pub cache: Vec<String>,
}

/// The value of the item: tables, exclude, conditions, cache.
type Fields = (Option<Vec<String>>, Vec<String>, Vec<(String, String)>, Vec<String>);

impl Selection {
    /// True when it leaves nothing out. Then there is no selection item.
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    /// The canonical value: every list in the byte order of its names.
    ///
    /// # Errors
    /// Misuse when a name is twice in a list, or when nothing is left out; too big above the limit.
    pub(crate) fn to_value(&self) -> Result<Vec<u8>> {
        let sorted = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort_unstable();
            names
        };
        let mut conditions = self.conditions.clone();
        conditions.sort_unstable();
        let fields: Fields =
            (self.tables.as_deref().map(sorted), sorted(&self.exclude), conditions, sorted(&self.cache));
        if self.is_whole() || !is_canonical(&fields) {
            return Err(Error::misuse("a selection that leaves nothing out, or names a table twice in one list"));
        }
        let value = cbor::to_vec(&fields);
        if value.len() > SELECTION_MAX {
            Err(Error::too_big(format!("a selection of {} bytes; a bundle holds at most {SELECTION_MAX}", value.len())))
        } else {
            Ok(value)
        }
    }

    /// Reads over a value. Its form is checked later.
    pub(crate) fn skip(reader: &mut cbor::Reader<'_>) -> Result<()> {
        reader.array_of(4)?;
        if !reader.null() {
            skip_texts(reader, 1)?;
        }
        skip_texts(reader, 1)?;
        skip_texts(reader, 2)?;
        skip_texts(reader, 1)
    }

    pub(crate) fn from_value(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > SELECTION_MAX {
            return Err(Error::too_big(format!("a selection of more than {SELECTION_MAX} bytes")));
        }
        // A name takes at least a byte here. In memory it takes a string, and what the allocator adds.
        alloc::room(bytes.len().saturating_mul(2 * size_of::<String>() + 32), "the selection")?;
        let fields: Fields = cbor::from_slice(bytes, "the selection item")?;
        let canonical = is_canonical(&fields);
        let (tables, exclude, conditions, cache) = fields;
        let selection = Self { tables, exclude, conditions, cache };
        if canonical && !selection.is_whole() {
            Ok(selection)
        } else {
            Err(Error::corrupt("the selection item is not in canonical form"))
        }
    }
}

/// An array of texts, or of arrays of `width` texts.
fn skip_texts(reader: &mut cbor::Reader<'_>, width: usize) -> Result<()> {
    for _ in 0..reader.array()? {
        if width > 1 {
            reader.array_of(width)?;
        }
        for _ in 0..width {
            reader.decode::<&str>()?;
        }
    }
    Ok(())
}

fn is_canonical((tables, exclude, conditions, cache): &Fields) -> bool {
    let ascends = |names: &[String]| names.is_sorted_by(|a, b| a < b);
    tables.as_deref().is_none_or(ascends)
        && ascends(exclude)
        && ascends(cache)
        && conditions.is_sorted_by(|(a, _), (b, _)| a < b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_for_a_selection_and_back() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let selection = Selection {
            tables: Some(names(&["b", "a"])),
            exclude: Vec::new(),
            conditions: vec![("b".to_owned(), "x > 1".to_owned())],
            cache: names(&["a"]),
        };
        let value = selection.to_value().unwrap();
        let again = Selection::from_value(&value).unwrap();
        assert_eq!(again.tables, Some(names(&["a", "b"])));
        assert_eq!(again.to_value().unwrap(), value);
        assert!(Selection::default().to_value().is_err());
        assert!(Selection { cache: names(&["a", "a"]), ..Selection::default() }.to_value().is_err());
        assert!(Selection::from_value(&[0x84, 0xf6, 0x80, 0x80, 0x80]).is_err(), "whole");
        assert!(Selection::from_value(&[0x84, 0xf6, 0x82, 0x61, b'b', 0x61, b'a', 0x80, 0x80]).is_err(), "order");
    }
}
