//! The way out: live rows → canonical changes → chunks. The chunks then go to a [`BundleWriter`](crate::BundleWriter),
//! which may run on another thread.

use crate::cbor::{Append, Write};
use crate::change::NewRow;
use crate::chunk::{ChangeKey, ChunkBuilder, Compression, ExportTotals, PlainChunk};
use crate::limits::CHUNK_MAX;
use crate::state::{Table, schema_to_value, system_table_to_value};
use crate::tally::{NO_KEY, Tally, is_large};
use crate::{DomainId, DomainKeys, Error, Key, Result, SchemaRow, Selection, Settings, StateSink, Value};
use std::collections::BTreeMap;

/// The old value of what was not there: null.
const NO_OLD: [u8; 1] = [0xf6];

/// What a caller may choose about an export. The bytes are a function of it.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// How chunks are packed.
    pub compression: Compression,
    /// Tables that are packed in another way, by name.
    pub tables: BTreeMap<String, Compression>,
}

/// Turns a state into the chunks of a full bundle. Drive it as a [`StateSink`], then call [`Export::finish`].
///
/// Holds at most one chunk, whatever the size of the state; a row that is too large for a chunk is handed on in pieces.
pub struct Export<F> {
    domain_id: DomainId,
    options: ExportOptions,
    tally: Tally,
    chunks: ChunkBuilder<F>,
    /// A table was named of which no row has come.
    named: Option<String>,
    key: Vec<u8>,
    /// The old and new value of the change in the making.
    change: Vec<u8>,
}

impl<F: FnMut(PlainChunk) -> Result<()>> Export<F> {
    /// Chunks go to `emit` as soon as they are full.
    pub fn new(keys: &DomainKeys, options: ExportOptions, emit: F) -> Self {
        Self {
            domain_id: keys.domain_id,
            options,
            tally: Tally::new(keys),
            chunks: ChunkBuilder::new(keys, emit),
            named: None,
            key: Vec::new(),
            change: Vec::new(),
        }
    }

    /// Hands out the last chunk and tells what [`BundleWriter::finish`](crate::BundleWriter::finish) needs.
    ///
    /// # Errors
    /// Misuse when no settings or no schema have come; those of `emit`.
    pub fn finish(mut self) -> Result<ExportTotals> {
        let target = self.tally.finish()?;
        self.chunks.end()?;
        Ok(ExportTotals { domain_id: self.domain_id, target, chunks: self.chunks.count })
    }

    fn begin(&mut self, table: &Table<'_>) -> Result<()> {
        let compression = match table {
            Table::Named(name) => self.options.tables.get(*name).copied(),
            _ => None,
        };
        self.tally.begin(table)?;
        self.chunks.table(table, compression.unwrap_or(self.options.compression))
    }

    fn item(&mut self, table: Table<'_>, value: &[u8]) -> Result<()> {
        self.named = None;
        self.begin(&table)?;
        let digest = self.tally.add(&NO_KEY, value)?;
        if self.chunks.table_length() + NO_OLD.len() + 2 + value.len() > CHUNK_MAX {
            return self.chunks.push_large(&ChangeKey::Item, digest, |parts| {
                let (Ok(()), Ok(())) = (parts.push(&NO_OLD), parts.push(value));
            });
        }
        self.change.clear();
        self.change.extend_from_slice(&NO_OLD);
        self.change.extend_from_slice(value);
        self.chunks.push(&ChangeKey::Item, &NO_KEY, &self.change, digest)
    }
}

impl<F: FnMut(PlainChunk) -> Result<()>> StateSink for Export<F> {
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
            self.begin(&Table::named(&name)?)?;
        }
        let row = NewRow { key, values };
        self.tally.check_row(&row)?;
        self.key.clear();
        key.encode(&mut Append(&mut self.key));
        if is_large(&row, self.chunks.table_length())? {
            let digest = self.tally.add_large(&self.key, &row)?;
            return self.chunks.push_large(&ChangeKey::Row(key), digest, |parts| row.encode_rest(parts));
        }
        self.change.clear();
        row.encode_rest(&mut Append(&mut self.change));
        let digest = self.tally.add(&self.key, &self.change[NO_OLD.len()..])?;
        self.chunks.push(&ChangeKey::Row(key), &self.key, &self.change, digest)
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
