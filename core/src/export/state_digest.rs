//! Digests and counts the items of a state as they pass by (`FORMAT.md`, "Digests and state ids").

use crate::alloc;
use crate::cbor::Append;
use crate::crypto::digest::{Digest, Digester, Total};
use crate::crypto::id::StateId;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
#[cfg(feature = "parallel")]
use crate::export::encoder::{Encoded, Message};
use crate::format::change::{NO_KEY, Order};
use crate::limits::{CHANGE_MAX, CHUNK_MAX};
use crate::state::rules::Rules;
use crate::state::selection::Selection;
use crate::state::sink::{SchemaRow, Settings, StateSink, Table, schema_to_value, system_table_to_value};
use crate::state::value::{Key, NewRow, Value, encode_values};

/// Adds up the digests of the items of a state, in canonical order, and checks the state by its rules.
pub(crate) struct Tally {
    pub rules: Rules,
    order: Order,
    digester: Digester,
    total: Total,
}

impl Tally {
    pub fn new(keys: &DomainKeys) -> Self {
        Self {
            rules: Rules::default(),
            order: Order::default(),
            digester: Digester::new(keys),
            total: Total::default(),
        }
    }

    /// The next items are of this table.
    ///
    /// # Errors
    /// Corrupt when it is not this table's turn, or the schema does not have it.
    pub fn begin(&mut self, table: &Table<'_>) -> Result<()> {
        self.rules.begin(table)?;
        self.order.table(table)?;
        self.digester.table(table);
        Ok(())
    }

    /// The total of the state.
    ///
    /// # Errors
    /// Misuse when no settings or no schema have come.
    pub fn finish(&self) -> Result<Total> {
        self.rules.finish()?;
        Ok(self.total)
    }

    /// Adds an item by the canonical bytes of its key and value.
    pub fn add(&mut self, key: &[u8], value: &[u8]) -> Result<Digest> {
        self.order.change(key, false, true)?.check_distinct()?;
        let digest = self.digester.item(key, value);
        self.total.add(digest);
        Ok(digest)
    }

    /// Adds an item by its digest.
    pub fn add_digest(&mut self, key: &[u8], digest: Digest) -> Result<()> {
        self.order.change(key, false, true)?.check_distinct()?;
        self.total.add(digest);
        Ok(())
    }

    /// Gives the digest of a row of the current table that is too large to be held encoded. It does not add the digest.
    pub fn digest_large(&self, row: &NewRow<'_>) -> Digest {
        let mut stream = self.digester.stream();
        row.key.encode(&mut stream);
        encode_values(row.values, &mut stream);
        stream.finish()
    }
}

/// True when the encoded row is too large to be held beside a chunk.
///
/// # Errors
/// Too big when the row is too large for the format.
pub(crate) fn is_large(row: &NewRow<'_>, table_length: usize) -> Result<bool> {
    if row.length_bound() <= (CHUNK_MAX / 2) as u64 {
        return Ok(false);
    }
    let length = row.length();
    if length > CHANGE_MAX {
        return Err(Error::too_big(format!("a row of {length} bytes; a bundle holds rows of at most {CHANGE_MAX}")));
    }
    Ok(table_length as u64 + length > CHUNK_MAX as u64)
}

/// Finds the id of a state. Drive it as a [`StateSink`], then call [`StateDigest::finish`]. Holds at most one row.
pub struct StateDigest<'k> {
    keys: &'k DomainKeys,
    tally: Tally,
    /// The table that was named, if none of its rows has come.
    named: Option<String>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<'k> StateDigest<'k> {
    /// Ids are keyed: the same state has another id in another domain.
    pub fn new(keys: &'k DomainKeys) -> Self {
        Self { keys, tally: Tally::new(keys), named: None, key: Vec::new(), value: Vec::new() }
    }

    /// The id of the state that passed by.
    ///
    /// # Errors
    /// Misuse when no settings or no schema have come.
    pub fn finish(self) -> Result<StateId> {
        Ok(self.tally.finish()?.state_id(self.keys))
    }

    /// Takes the messages of an [`Encoder`](crate::stream::Encoder) on another thread, in their order. The encoder has
    /// checked each row by itself.
    ///
    /// # Errors
    /// Those of this [`StateSink`].
    #[cfg(feature = "parallel")]
    pub(crate) fn take(&mut self, encoded: Encoded) -> Result<()> {
        match encoded.0 {
            Message::Settings(settings) => self.settings(&settings),
            Message::Schema(schema) => self.schema(&schema),
            Message::Selection(selection) => self.selection(&selection),
            Message::SystemTable(name, value) => self.item(Table::named(&name)?, &value),
            Message::Table(name) => self.table(&name),
            Message::Rows(batch) => {
                self.begin_named()?;
                batch.iter().try_for_each(|(key, value)| self.tally.add(key, value).map(drop))
            }
            Message::Large(key, digest) => {
                self.begin_named()?;
                self.tally.add_digest(&key, digest)
            }
            // The digest of a large row has come before.
            Message::Piece(_) | Message::LargeEnd => Ok(()),
        }
    }

    fn begin_named(&mut self) -> Result<()> {
        match self.named.take() {
            Some(name) => self.tally.begin(&Table::named(&name)?),
            None => Ok(()),
        }
    }

    fn item(&mut self, table: Table<'_>, value: &[u8]) -> Result<()> {
        self.named = None;
        self.tally.begin(&table)?;
        self.tally.add(&NO_KEY, value).map(drop)
    }
}

impl StateSink for StateDigest<'_> {
    fn settings(&mut self, settings: &Settings) -> Result<()> {
        self.item(Table::Settings, &settings.to_value())?;
        self.tally.rules.learn_settings(settings);
        Ok(())
    }

    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        self.item(Table::Schema, &schema_to_value(schema)?)?;
        self.tally.rules.learn_schema(schema);
        Ok(())
    }

    fn selection(&mut self, selection: &Selection) -> Result<()> {
        self.item(Table::Selection, &selection.to_value()?)
    }

    fn table(&mut self, name: &str) -> Result<()> {
        self.named = Some(name.to_owned());
        Ok(())
    }

    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        self.begin_named()?;
        let row = NewRow { key, values };
        self.tally.rules.check_row(&row)?;
        self.key.clear();
        key.encode(&mut Append(&mut self.key));
        if is_large(&row, 0)? {
            let digest = self.tally.digest_large(&row);
            return self.tally.add_digest(&self.key, digest);
        }
        self.value.clear();
        alloc::reserve(&mut self.value, row.room(), "a row")?;
        encode_values(values, &mut Append(&mut self.value));
        self.tally.add(&self.key, &self.value).map(drop)
    }

    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        rows.iter().flatten().try_for_each(|value| self.tally.rules.check_value(value))?;
        match (rows, Table::named(name)?) {
            ([], _) => Ok(()),
            (rows, table) if table.is_one_item() => self.item(table, &system_table_to_value(rows)?),
            _ => Err(Error::misuse(format!(
                "the table {name:?} is not one of SQLite's own tables: hand over its rows one by one"
            ))),
        }
    }
}
