//! Digests and counts the items of a state as they pass by (`FORMAT.md`, "Digests and state ids").

use crate::cbor::Append;
use crate::change::{NewRow, Order};
use crate::digest::{Digest, Digester, Total};
use crate::limits::{CHANGE_MAX, CHUNK_MAX, COLUMNS_MAX, KEY_MAX};
use crate::state::{Table, schema_to_value, system_table_to_value};
use crate::value::encode_values;
use crate::{
    DomainKeys, Error, Key, Result, SchemaKind, SchemaRow, Selection, Settings, StateId, StateSink, TextEncoding, Value,
};

/// The key of an item that is no row: null.
pub(crate) const NO_KEY: [u8; 1] = [0xf6];

/// Sums up the digests of the items of a state, in canonical order, and holds the state to its rules: what a reader would
/// refuse, no exporter writes.
pub(crate) struct Tally {
    order: Order,
    digester: Digester,
    total: Total,
    /// The encoding that the settings name.
    encoding: Option<TextEncoding>,
    /// The tables that the schema has, sorted.
    tables: Option<Vec<String>>,
    /// The rows of a table come.
    in_rows: bool,
}

impl Tally {
    pub fn new(keys: &DomainKeys) -> Self {
        Self {
            order: Order::default(),
            digester: Digester::new(keys),
            total: Total::default(),
            encoding: None,
            tables: None,
            in_rows: false,
        }
    }

    /// The items that follow are of this table.
    ///
    /// # Errors
    /// Corrupt when it is not this table's turn, or the schema does not have it.
    pub fn begin(&mut self, table: &Table<'_>) -> Result<()> {
        match (table, self.encoding, &self.tables) {
            (Table::Settings, None, None) | (Table::Schema, Some(_), None) | (Table::Selection, Some(_), Some(_)) => {}
            (Table::Named(name), Some(_), Some(tables)) => {
                if tables.binary_search_by(|known| known.as_str().cmp(name)).is_err() {
                    return Err(Error::corrupt(format!("rows of the table {name:?}, which the schema does not have")));
                }
            }
            _ => return Err(Error::corrupt("a state begins with its settings, then its schema, each once")),
        }
        self.order.table(table)?;
        self.digester.table(table);
        self.in_rows = !table.is_one_item();
        Ok(())
    }

    /// True as long as no more than these have come.
    pub fn lacks_settings_or_schema(&self) -> bool {
        self.encoding.is_none() || self.tables.is_none()
    }

    /// These are the settings.
    pub fn learn_settings(&mut self, settings: &Settings) {
        self.encoding = Some(settings.encoding);
    }

    /// This is the schema.
    pub fn learn_schema(&mut self, schema: &[SchemaRow]) {
        let tables = schema.iter().filter(|row| row.kind == SchemaKind::Table);
        let mut tables: Vec<_> = tables.map(|row| row.name.clone()).collect();
        tables.sort_unstable();
        self.tables = Some(tables);
    }

    /// # Errors
    /// Corrupt or too big, when the row cannot be one of the table last begun.
    pub fn check_row(&self, row: &NewRow<'_>) -> Result<()> {
        if !self.in_rows {
            return Err(Error::corrupt("a row comes before its table, or of a table that is one item"));
        }
        let primary = match row.key {
            Key::Rowid(_) => &[],
            Key::Primary([]) => return Err(Error::corrupt("a primary key without values")),
            Key::Primary(values) => values,
        };
        let columns = primary.len() + row.values.len();
        if columns > COLUMNS_MAX {
            return Err(Error::too_big(format!("a row of {columns} values; a bundle holds at most {COLUMNS_MAX}")));
        }
        let key_length: usize = primary.iter().map(|value| value.payload().len()).sum();
        if key_length > KEY_MAX {
            return Err(Error::too_big(format!(
                "a primary key of {key_length} bytes; a bundle holds at most {KEY_MAX}"
            )));
        }
        primary.iter().chain(row.values).try_for_each(|value| self.check_value(value))
    }

    /// # Errors
    /// Corrupt or too big, when the value cannot stand in this state.
    pub fn check_value(&self, value: &Value<'_>) -> Result<()> {
        value.check()?;
        match value.encoding() {
            Some(encoding) if Some(encoding) != self.encoding => {
                Err(Error::corrupt("text in another encoding than the settings name"))
            }
            _ => Ok(()),
        }
    }

    /// The total of the state.
    ///
    /// # Errors
    /// Misuse, when settings or schema have not come.
    pub fn finish(&self) -> Result<Total> {
        match self.lacks_settings_or_schema() {
            true => Err(Error::misuse("a state has settings and a schema; these have not come")),
            false => Ok(self.total),
        }
    }

    /// The run of the table goes on.
    pub fn is_in(&self, table: &Table<'_>) -> bool {
        self.order.is_same_table(table)
    }

    /// Adds an item by the canonical bytes of its key and value.
    pub fn add(&mut self, key: &[u8], value: &[u8]) -> Result<Digest> {
        self.order.change(true, key)?;
        let digest = self.digester.item(key, value);
        self.total.add(digest);
        Ok(digest)
    }

    /// Adds a row that is too large to be held encoded.
    pub fn add_large(&mut self, key: &[u8], row: &NewRow<'_>) -> Result<Digest> {
        self.order.change(true, key)?;
        let mut stream = self.digester.stream();
        row.key.encode(&mut stream);
        encode_values(row.values, &mut stream);
        let digest = stream.finish();
        self.total.add(digest);
        Ok(digest)
    }
}

/// True when the encoded row is too large to be held beside a chunk.
///
/// # Errors
/// Too big, when it is too large for the format.
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

/// Finds the id of a state: drive it as a [`StateSink`], then call [`StateDigest::finish`]. Holds at most one row.
pub struct StateDigest<'k> {
    keys: &'k DomainKeys,
    tally: Tally,
    /// A table was named of which no row has come.
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
    /// Misuse, when no settings or no schema did.
    pub fn finish(self) -> Result<StateId> {
        Ok(self.tally.finish()?.state_id(self.keys))
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
        self.tally.learn_settings(settings);
        Ok(())
    }

    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        self.item(Table::Schema, &schema_to_value(schema)?)?;
        self.tally.learn_schema(schema);
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
        if let Some(name) = self.named.take() {
            self.tally.begin(&Table::named(&name)?)?;
        }
        let row = NewRow { key, values };
        self.tally.check_row(&row)?;
        self.key.clear();
        key.encode(&mut Append(&mut self.key));
        if is_large(&row, 0)? {
            return self.tally.add_large(&self.key, &row).map(drop);
        }
        self.value.clear();
        encode_values(values, &mut Append(&mut self.value));
        self.tally.add(&self.key, &self.value).map(drop)
    }

    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        rows.iter().flatten().try_for_each(|value| self.tally.check_value(value))?;
        match (rows, Table::named(name)?) {
            ([], _) => Ok(()),
            (rows, table) if table.is_one_item() => self.item(table, &system_table_to_value(rows)?),
            _ => Err(Error::misuse(format!("the table {name:?} is none of SQLite's own: its rows come one by one"))),
        }
    }
}
