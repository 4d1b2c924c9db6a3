//! The way out: live rows → canonical changes → chunks. The chunks then go to a
//! [`BundleWriter`](crate::stream::BundleWriter), which may run on another thread.

use crate::alloc;
use crate::cbor::{Append, Count, Write};
use crate::chain::base::Base;
use crate::crypto::digest::{Digest, Total};
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use crate::export::chunk::{ChunkBuilder, ExportOptions, ExportTotals, PlainChunk};
use crate::export::diff::{Changes, Difference};
use crate::export::encoder::{Encoded, Message};
use crate::export::ledger::LedgerBuilder;
use crate::export::state_digest::{Tally, is_large};
use crate::export::touched::Touched;
use crate::format::change::NO_KEY;
use crate::limits::CHAIN_MAX;
use crate::state::selection::Selection;
use crate::state::sink::{SchemaRow, Settings, StateSink, Table, schema_to_value, system_table_to_value};
use crate::state::value::{Key, NewRow, Value, encode_values};

/// The totals for a [`BundleWriter`](crate::stream::BundleWriter).
#[derive(Clone, Debug)]
pub struct Finished {
    /// Those of the bundle.
    pub bundle: ExportTotals,
    /// Those of the ledger, if the caller asked for one.
    pub ledger: Option<ExportTotals>,
    /// How many changes came where none was [expected](Export::expecting).
    pub unexpected: u64,
}

/// Turns a state into the chunks of a full bundle, or of a delta. Drive it as a [`StateSink`], then call
/// [`Export::finish`].
///
/// Holds at most one chunk, and for a delta some megabytes of rows, however large the state is. A row that is too large
/// for a chunk is handed on in pieces.
pub struct Export<'s, F> {
    keys: DomainKeys,
    tally: Tally,
    changes: Changes<F>,
    /// The state that the delta leads from. None for a full bundle.
    difference: Option<Difference<'s>>,
    ledger: Option<LedgerBuilder<'s>>,
    /// The table that was named, if none of its rows has come.
    named: Option<String>,
    /// The encoded length of the current table.
    table_length: usize,
    /// A large row whose pieces are coming: its key, its digest, and the old digest of its change if there is one.
    large: Option<(Vec<u8>, Digest, Option<Option<Digest>>)>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<'s, F: FnMut(PlainChunk) -> Result<()>> Export<'s, F> {
    /// Makes a full bundle. Chunks go to `emit` as soon as they are full.
    pub fn new(keys: &DomainKeys, options: ExportOptions, emit: F) -> Self {
        Self {
            keys: keys.clone(),
            tally: Tally::new(keys),
            changes: Changes::new(ChunkBuilder::new(keys, emit), options),
            difference: None,
            ledger: None,
            named: None,
            table_length: 0,
            large: None,
            key: Vec::new(),
            value: Vec::new(),
        }
    }

    /// Makes a delta that leads on from `base`. `selection`: the part of a database that the state is.
    ///
    /// # Errors
    /// Mismatch when the base is of another domain or selection; too big when it has as many bundles as a chain may
    /// have.
    pub fn delta(
        keys: &DomainKeys,
        options: ExportOptions,
        base: Base<'s>,
        selection: Option<&Selection>,
        emit: F,
    ) -> Result<Self> {
        if base.bundle_count() >= CHAIN_MAX {
            return Err(Error::too_big(format!(
                "the base has {CHAIN_MAX} bundles, and no reader takes a chain of more: compose some of them into one first"
            )));
        }
        if base.public().domain_id != keys.domain_id {
            return Err(Error::mismatch(
                "the base is of another domain than the export; give a base of the same domain",
            ));
        }
        let canonical = |selection: &Selection| selection.to_value();
        if base.selection()?.as_ref().map(canonical).transpose()? != selection.map(canonical).transpose()? {
            return Err(Error::mismatch(
                "the base holds another selection than the export asks for; give the same options as for the base, or \
                 begin anew with a full bundle",
            ));
        }
        Ok(Self { difference: Some(Difference::new(base)), ..Self::new(keys, options, emit) })
    }

    /// Compares only these rows with the base of a delta. All others must be those of the base, and need not come. The
    /// bytes of the delta are those of a comparison of all rows. There can be no ledger of the state.
    ///
    /// # Errors
    /// Misuse for a full bundle.
    pub fn touching(mut self, touched: Touched) -> Result<Self> {
        let difference = self.difference.take();
        let difference =
            difference.ok_or_else(|| Error::misuse("a full bundle holds all rows, not the touched ones"))?;
        self.difference = Some(difference.within(touched));
        Ok(self)
    }

    /// Compares all rows, and counts the changes that are not in these.
    #[must_use]
    pub fn expecting(mut self, touched: Touched) -> Self {
        self.changes.expected = Some(touched);
        self
    }

    /// Also makes the chunks of a ledger of this state, for
    /// [`BundleWriter::ledger`](crate::stream::BundleWriter::ledger).
    #[must_use]
    pub fn with_ledger(mut self, emit: impl FnMut(PlainChunk) -> Result<()> + 's) -> Self {
        self.ledger = Some(LedgerBuilder::new(Box::new(emit)));
        self
    }

    /// Hands out the last chunks. Gives the totals that [`BundleWriter::finish`](crate::stream::BundleWriter::finish)
    /// needs for the bundle, and for the ledger.
    ///
    /// # Errors
    /// Misuse when no settings or no schema have come; corrupt when the base contradicts itself; those of `emit`.
    pub fn finish(mut self) -> Result<Finished> {
        let mut target = self.tally.finish()?;
        let mut base = Total::default();
        if let Some(difference) = &mut self.difference {
            difference.finish(&mut self.changes)?;
            base = difference.base().total();
            if difference.base().is_part() {
                if self.ledger.is_some() {
                    return Err(Error::misuse("a ledger has all rows, and only the touched ones were read"));
                }
                target = self.changes.chunks.target(base)?;
            }
        }
        let bundle = self.changes.chunks.finish(self.keys.domain_id, base, target)?;
        let ledger = self.ledger.map(|ledger| ledger.finish(&self.keys, target)).transpose()?;
        Ok(Finished { bundle, ledger, unexpected: self.changes.unexpected })
    }

    /// Takes the one item of a table. `is_shown`: a ledger holds it as it is.
    fn item(&mut self, table: &Table<'_>, value: &[u8], is_shown: bool) -> Result<()> {
        self.named = None;
        self.tally.begin(table)?;
        let digest = self.tally.add(&NO_KEY, value)?;
        if let Some(ledger) = &mut self.ledger {
            ledger.table(table)?;
            if is_shown { ledger.value(value, digest)? } else { ledger.digest(&NO_KEY, digest)? }
        }
        match &mut self.difference {
            Some(difference) => difference.item(table, digest, value, &mut self.changes),
            None => self.changes.push(table, &NO_KEY, None, Some((digest, value))),
        }
    }

    /// The first row of a table comes.
    fn begin(&mut self, name: &str) -> Result<()> {
        let table = Table::named(name)?;
        self.tally.begin(&table)?;
        let mut length = Count(0);
        table.encode(&mut length);
        self.table_length = length.0 as usize;
        if let Some(ledger) = &mut self.ledger {
            ledger.table(&table)?;
        }
        match &mut self.difference {
            Some(difference) => difference.table(&table, &mut self.changes),
            None => self.changes.table(&table),
        }
    }

    /// Takes the messages of an [`Encoder`](crate::stream::Encoder) on another thread, in their order.
    ///
    /// # Errors
    /// Those of this [`StateSink`].
    pub fn take(&mut self, encoded: Encoded) -> Result<()> {
        match encoded.0 {
            Message::Settings(settings) => self.settings(&settings),
            Message::Schema(schema) => self.schema(&schema),
            Message::Selection(selection) => self.selection(&selection),
            Message::SystemTable(name, value) => self.item(&Table::named(&name)?, &value, false),
            Message::Table(name) => self.table(&name),
            Message::Rows(batch) => {
                self.begin_named()?;
                batch.iter().try_for_each(|(key, value)| self.encoded_row(key, value))
            }
            Message::Large(key, digest) => {
                self.begin_named()?;
                let old = self.begin_large(&key, digest)?;
                if let Some(old) = old {
                    self.changes.chunks.begin_large(&key, old)?;
                }
                self.large = Some((key, digest, old));
                Ok(())
            }
            Message::Piece(piece) => match self.large {
                Some((_, _, Some(_))) => self.changes.chunks.large(|parts| {
                    let Ok(()) = parts.push(&piece);
                }),
                _ => Ok(()),
            },
            Message::LargeEnd => match self.large.take() {
                Some((key, digest, Some(old))) => self.changes.chunks.end_large(&key, old, Some(digest)),
                _ => Ok(()),
            },
        }
    }

    fn begin_named(&mut self) -> Result<()> {
        match self.named.take() {
            Some(name) => self.begin(&name),
            None => Ok(()),
        }
    }

    /// Takes a row as the canonical bytes of its key and its values.
    fn encoded_row(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let digest = self.tally.add(key, value)?;
        self.note(key, digest)?;
        match &mut self.difference {
            Some(difference) => difference.row(key, digest, value, &mut self.changes),
            None => self.changes.chunks.push(key, None, Some((digest, value))),
        }
    }

    /// Takes a row that is too large to be held encoded. Some: the caller must write its change, with this old digest.
    fn begin_large(&mut self, key: &[u8], digest: Digest) -> Result<Option<Option<Digest>>> {
        self.tally.add_digest(key, digest)?;
        self.note(key, digest)?;
        let Some(difference) = &mut self.difference else { return Ok(Some(None)) };
        let old = difference.large_row(key, digest, &mut self.changes)?;
        if old.is_some() {
            difference.begin_change(key, &mut self.changes)?;
        }
        Ok(old)
    }

    fn note(&mut self, key: &[u8], digest: Digest) -> Result<()> {
        match &mut self.ledger {
            Some(ledger) => ledger.digest(key, digest),
            None => Ok(()),
        }
    }
}

impl<F: FnMut(PlainChunk) -> Result<()>> StateSink for Export<'_, F> {
    fn settings(&mut self, settings: &Settings) -> Result<()> {
        if let Some(difference) = &self.difference
            && difference.base().settings()?.encoding != settings.encoding
        {
            return Err(Error::mismatch(
                "the base has another text encoding than the database; begin anew with a full bundle",
            ));
        }
        self.item(&Table::Settings, &settings.to_value(), true)?;
        self.tally.rules.learn_settings(settings);
        Ok(())
    }

    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        self.item(&Table::Schema, &schema_to_value(schema)?, false)?;
        self.tally.rules.learn_schema(schema);
        Ok(())
    }

    fn selection(&mut self, selection: &Selection) -> Result<()> {
        self.item(&Table::Selection, &selection.to_value()?, true)
    }

    fn table(&mut self, name: &str) -> Result<()> {
        self.named = Some(name.to_owned());
        Ok(())
    }

    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        self.begin_named()?;
        let row = NewRow { key, values };
        self.tally.rules.check_row(&row)?;
        let (mut key_bytes, mut value) = (std::mem::take(&mut self.key), std::mem::take(&mut self.value));
        key_bytes.clear();
        key.encode(&mut Append(&mut key_bytes));
        let taken = if is_large(&row, self.table_length)? {
            let digest = self.tally.digest_large(&row);
            match self.begin_large(&key_bytes, digest)? {
                Some(old) => {
                    self.changes.chunks.push_large(&key_bytes, old, Some(digest), |parts| encode_values(values, parts))
                }
                None => Ok(()),
            }
        } else {
            value.clear();
            alloc::reserve(&mut value, row.room(), "a row")?;
            encode_values(values, &mut Append(&mut value));
            self.encoded_row(&key_bytes, &value)
        };
        (self.key, self.value) = (key_bytes, value);
        taken
    }

    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        rows.iter().flatten().try_for_each(|value| self.tally.rules.check_value(value))?;
        match (rows, Table::named(name)?) {
            ([], _) => Ok(()),
            (rows, table) if table.is_one_item() => self.item(&table, &system_table_to_value(rows)?, false),
            _ => Err(Error::misuse(format!(
                "the table {name:?} is not one of SQLite's own tables: hand over its rows one by one"
            ))),
        }
    }
}
