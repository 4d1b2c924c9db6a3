//! States and changes, for `spec.rs`: items as trees of CBOR.

use super::cbor::{Cbor, NULL, blob, list, real};
use super::keys::{Keys, Total};

/// Table, key, value.
pub type Item = (Cbor, Cbor, Cbor);

/// What a chunk says of one item.
#[derive(Clone, Debug)]
pub struct Change {
    pub table: Cbor,
    /// The key in full.
    pub key: Cbor,
    pub old: Cbor,
    pub new: Cbor,
    /// Its bytes, if they are not canonical.
    pub raw: Option<Vec<u8>>,
    /// What it counts for, if `new` does not say so: in a ledger, the digest that stands there.
    noted: Option<[u8; 16]>,
}

pub fn item(table: impl Into<Cbor>, key: impl Into<Cbor>, value: impl Into<Cbor>) -> Item {
    (table.into(), key.into(), value.into())
}

pub fn total(keys: &Keys, items: &[Item]) -> Total {
    items.iter().map(Change::write).fold(Total::default(), |total, change| Total {
        sum: total.sum.wrapping_add(change.adds(keys).0),
        items: total.items + 1,
    })
}

fn digest_of((table, key, value): &Item) -> Cbor {
    blob(Keys::bundle().digest(table, key, value))
}

impl Change {
    pub fn new(table: impl Into<Cbor>, key: impl Into<Cbor>, old: Cbor, new: Cbor) -> Self {
        Self { table: table.into(), key: key.into(), old, new, raw: None, noted: None }
    }

    /// An item out of nothing.
    pub fn write((table, key, value): &Item) -> Self {
        Self::new(table.clone(), key.clone(), NULL, value.clone())
    }

    /// An item that becomes another.
    pub fn update(before: &Item, value: impl Into<Cbor>) -> Self {
        Self::new(before.0.clone(), before.1.clone(), digest_of(before), value.into())
    }

    pub fn remove(before: &Item) -> Self {
        Self::update(before, NULL)
    }

    /// An item of a ledger: settings and selection stand in it, of others the digest.
    pub fn noted(keys: &Keys, (table, key, value): &Item) -> Self {
        let digest = keys.digest(table, key, value);
        let shown = matches!(table, Cbor::Int(0 | 2));
        let new = if shown { value.clone() } else { blob(digest) };
        Self { noted: Some(digest), ..Self::new(table.clone(), key.clone(), NULL, new) }
    }

    /// The same change, written so.
    #[must_use]
    pub fn written_as(mut self, raw: Vec<u8>) -> Self {
        self.raw = Some(raw);
        self
    }

    /// Its bytes, with this in the place of the key.
    pub fn written(&self, key: Cbor) -> Vec<u8> {
        self.raw.clone().unwrap_or_else(|| list![key, self.old.clone(), self.new.clone()].encode())
    }

    /// What it adds to the sum and to the number of items.
    pub fn adds(&self, keys: &Keys) -> (u128, i128) {
        let new = match (&self.noted, &self.new) {
            (Some(digest), _) => Some(*digest),
            (None, Cbor::Null) => None,
            (None, new) => Some(keys.digest(&self.table, &self.key, new)),
        };
        let number = |digest: Option<[u8; 16]>| digest.map_or(0, u128::from_be_bytes);
        let old = match &self.old {
            Cbor::Bytes(bytes) => bytes.as_slice().try_into().ok(),
            _ => None,
        };
        let items = i128::from(self.new != NULL) - i128::from(self.old != NULL);
        (number(new).wrapping_sub(number(old)), items)
    }
}

/// A key as an entry of the index has it.
pub fn bound(key: &Cbor) -> Cbor {
    let Cbor::Array(values) = key else { return key.clone() };
    let mut short = Vec::new();
    for value in values.iter().take(16) {
        let cut = match value {
            Cbor::Text(text) => text
                .as_bytes()
                .get(..32)
                .filter(|_| text.len() > 32)
                .map(|bytes| std::str::from_utf8(bytes).map_or_else(|_| list![1, blob(bytes)], Cbor::from)),
            Cbor::Bytes(bytes) => (bytes.len() > 32).then(|| blob(&bytes[..32])),
            Cbor::Array(wrapped) => match wrapped.as_slice() {
                [Cbor::Int(encoding), Cbor::Bytes(bytes)] if bytes.len() > 32 => {
                    match std::str::from_utf8(&bytes[..32]) {
                        Ok(text) if *encoding == 1 => Some(text.into()),
                        _ => Some(list![Cbor::Int(*encoding), blob(&bytes[..32])]),
                    }
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(cut) = cut {
            short.push(cut);
            return short.into();
        }
        short.push(value.clone());
    }
    short.into()
}

impl From<Item> for Change {
    fn from(item: Item) -> Self {
        Change::write(&item)
    }
}

// The states of the vectors.

pub fn settings() -> Item {
    item(0, NULL, list![0, 1, 1])
}

/// A row of the schema for a table: its definition without the name.
pub fn table(name: &str, columns: &str) -> Cbor {
    list!["table", name, name, format!("CREATE TABLE {name}{columns}")]
}

pub fn schema(rows: Vec<Cbor>) -> Item {
    item(1, NULL, rows)
}

pub fn schema_t() -> Item {
    schema(vec![table("t", "(a, b)")])
}

pub fn row_1() -> Item {
    item("t", 1, list!["hi", NULL])
}

pub fn row_2() -> Item {
    item("t", 2, list![real(1.5), blob([0xff])])
}

/// The state of FORMAT.md's worked bundle.
pub fn worked() -> Vec<Item> {
    vec![settings(), schema_t(), row_1(), row_2()]
}

/// That state with another row or rows in the place of row 2.
pub fn with_rows(rows: Vec<Item>) -> Vec<Item> {
    [vec![settings(), schema_t(), row_1()], rows].concat()
}

/// A state whose one table has the primary key (k, n) in the place of a rowid, and these rows.
pub fn keyed(rows: Vec<Item>) -> Vec<Item> {
    let schema = schema(vec![table("w", "(k, n, v, PRIMARY KEY(k, n)) WITHOUT ROWID")]);
    [vec![settings(), schema], rows].concat()
}
