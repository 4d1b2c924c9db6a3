//! Opened chunks → changes → rows, with everything checked: canonical form, order, index, sums and ids. The second half of
//! [`Restore`](crate::Restore), and the mirror of `export.rs`.

use crate::cbor::{Append, Reader};
use crate::change::{Change, Entry, RowReader, next_entry, next_item};
use crate::chunk::{ChunkKind, EntryBuilder};
use crate::digest::Total;
use crate::index::Summary;
use crate::limits::{CHANGE_MAX, CHUNK_MAX, INDEX_MAX, SUMMARY_MAX, TABLE_NAME_MAX};
use crate::reader::{Place, PublicReport};
use crate::restore::Opened;
use crate::state::{Table, schema_from_value, system_table_from_value};
use crate::tally::{NO_KEY, Tally};
use crate::value::decode_values;
use crate::{
    DomainKeys, Error, ErrorKind, Key, RecoveryKey, Result, SchemaKind, SchemaRow, Settings, StateSink, TextEncoding,
    Value,
};
use sha2::{Digest as _, Sha256};

/// What a bundle holds, all of it checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What anybody can read.
    pub public: PublicReport,
    /// The name of the domain.
    pub domain: String,
    /// The settings of the state.
    pub settings: Settings,
    /// The schema of the state.
    pub schema: Vec<SchemaRow>,
    /// The tables that have rows, and how many; `sqlite_sequence` and `sqlite_stat*` included.
    pub tables: Vec<(String, u64)>,
    /// All items: settings, schema, rows, and the tables that are one item.
    pub items: u64,
}

/// Reads changes out of opened chunks and hands the state that they make to a sink.
pub struct Decoder<S> {
    key: RecoveryKey,
    sink: S,
    domain: Option<Domain>,
    settings: Option<Settings>,
    schema: Option<Vec<SchemaRow>>,
    tables: Vec<(String, u64)>,
    /// The parts so far of a change that is too large for a chunk.
    large: Vec<u8>,
    index: IndexCheck,
    /// Said only when all bytes have come and are right: a missing chunk can make a full bundle look like a delta.
    unsupported: Option<Error>,
    report: Option<Report>,
}

struct Domain {
    keys: Box<DomainKeys>,
    tally: Tally,
}

impl<S: StateSink> Decoder<S> {
    /// Nothing has been taken yet.
    pub fn new(key: &RecoveryKey, sink: S) -> Self {
        Self {
            key: key.clone(),
            sink,
            domain: None,
            settings: None,
            schema: None,
            tables: Vec::new(),
            large: Vec::new(),
            index: IndexCheck::default(),
            unsupported: None,
            report: None,
        }
    }

    /// Takes what an [`Opener`](crate::Opener) handed out, in its order.
    ///
    /// # Errors
    /// Corrupt, unsupported or too big; those of the sink.
    pub fn take(&mut self, opened: Opened) -> Result<()> {
        match opened {
            Opened::Keys(keys) => {
                self.domain = Some(Domain { tally: Tally::new(&keys), keys });
                Ok(())
            }
            Opened::Chunk { .. } if self.unsupported.is_some() => Ok(()),
            Opened::Chunk { kind, plaintext, place } => match self.chunk(kind, &plaintext) {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    self.unsupported = Some(error);
                    Ok(())
                }
                result => result.map_err(|error| locate(error, place)),
            },
            Opened::End(public) => match self.unsupported.take() {
                Some(error) => Err(error),
                None => self.end(public),
            },
        }
    }

    /// The whole state was handed to the sink, and it is the one that the bundle names.
    ///
    /// # Errors
    /// Truncated when the end has not come.
    pub fn finish(self) -> Result<(Report, S)> {
        let report = self.report.ok_or_else(|| Error::truncated("the bundle has no end"))?;
        Ok((report, self.sink))
    }

    /// The sink, to look at what it has got so far.
    pub fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    fn chunk(&mut self, kind: ChunkKind, plaintext: &[u8]) -> Result<()> {
        if !self.large.is_empty() && !matches!(kind, ChunkKind::Part | ChunkKind::LastPart) {
            return Err(Error::corrupt("a large change is not complete"));
        }
        match kind {
            ChunkKind::Changes => {
                let entry = self.changes(kind, plaintext)?.1;
                self.index.expect(&entry)
            }
            ChunkKind::Part => {
                if plaintext.len() != CHUNK_MAX {
                    return Err(Error::corrupt("a part of a large change that is not the last has not the full size"));
                }
                self.grow(plaintext)?;
                self.index.expect(&EntryBuilder::default().finish(kind))
            }
            ChunkKind::LastPart => {
                self.grow(plaintext)?;
                let change = std::mem::take(&mut self.large);
                if change.len() <= CHUNK_MAX || plaintext.is_empty() {
                    return Err(Error::corrupt("a change in parts that is not large"));
                }
                let (changes, entry) = self.changes(kind, &change)?;
                if changes != 1 {
                    return Err(Error::corrupt("the parts of a large change hold more than one change"));
                }
                self.index.expect(&entry)
            }
            ChunkKind::IndexPage => self.index.page(plaintext),
        }
    }

    fn grow(&mut self, part: &[u8]) -> Result<()> {
        if (self.large.len() + part.len()) as u64 > CHANGE_MAX + TABLE_NAME_MAX as u64 {
            return Err(Error::too_big(format!("a change of more than {CHANGE_MAX} bytes")));
        }
        let room = self.large.try_reserve(part.len());
        room.map_err(|_| Error::too_big("there is no memory for a row of this size"))?;
        self.large.extend_from_slice(part);
        Ok(())
    }

    /// Reads the changes of one plaintext; gives their number and the chunk's entry in the index.
    fn changes(&mut self, kind: ChunkKind, plaintext: &[u8]) -> Result<(u64, Vec<u8>)> {
        let Self { sink, domain: Some(Domain { tally, .. }), settings, schema, tables, .. } = self else {
            return Err(Error::corrupt("a chunk comes before the head"));
        };
        let mut reader = Reader::new(plaintext);
        let mut entry = EntryBuilder::default();
        let mut run: Option<Run<'_>> = None;
        let mut row = RowReader::default();
        let mut changes = 0;
        while !reader.is_empty() {
            if let Entry::Run(table) = next_entry(&mut reader)? {
                if run.as_ref().is_some_and(|run| run.is_empty || run.table == table) {
                    return Err(Error::corrupt("a run without changes, or in two pieces"));
                }
                if !tally.is_in(&table) {
                    expect_order(&table, settings.is_some(), schema.is_some())?;
                    tally.begin(&table)?;
                    if let Table::Named(name) = table {
                        is_in_schema(name, schema.as_deref().unwrap_or_default())?;
                        tables.push((name.to_owned(), 0));
                        if !table.is_one_item() {
                            sink.table(name)?;
                        }
                    }
                }
                row.begin_run();
                run = Some(Run { table, is_empty: true });
                continue;
            }
            let Some(run) = &mut run else { return Err(Error::corrupt("a chunk begins without the head of a run")) };
            let mut bound = Vec::new();
            let change = match (&run.table, settings.as_ref()) {
                (Table::Named(name), Some(settings)) if !run.table.is_one_item() => {
                    let change = row.next(&mut reader)?;
                    row.key().encode_bound(&mut Append(&mut bound));
                    let new = only_new(&change)?;
                    // Before the sink sees the row: order, digest and encoding are right.
                    let digest = tally.add(&row.key_bytes, new)?;
                    check_encoding(primary_of(&row.key()).iter().chain(&row.values), settings.encoding)
                        .map_err(|error| error.at(format!("table {name:?}")))?;
                    sink.row(row.key(), &row.values)?;
                    if let Some((_, rows)) = tables.last_mut() {
                        *rows += 1;
                    }
                    digest
                }
                (table, _) => {
                    let change = next_item(&mut reader, |reader| skip(table, reader))?;
                    bound.extend_from_slice(&NO_KEY);
                    let new = only_new(&change)?;
                    match (*table, &*settings) {
                        (Table::Settings, _) => {
                            let new = Settings::from_value(new)?;
                            sink.settings(&new)?;
                            *settings = Some(new);
                        }
                        (Table::Schema, _) => {
                            let new = schema_from_value(new)?;
                            sink.schema(&new)?;
                            *schema = Some(new);
                        }
                        (Table::Named(name), Some(settings)) => {
                            let rows = system_table_from_value(new)?;
                            check_encoding(rows.iter().flatten(), settings.encoding)
                                .map_err(|error| error.at(format!("table {name:?}")))?;
                            sink.system_table(name, &rows)?;
                            if let Some((_, count)) = tables.last_mut() {
                                *count = rows.len() as u64;
                            }
                        }
                        _ => return Err(selection()),
                    }
                    tally.add(&NO_KEY, new)?
                }
            };
            if run.is_empty {
                let mut table = Vec::new();
                run.table.encode(&mut Append(&mut table));
                entry.run(&table, bound);
                run.is_empty = false;
            }
            entry.write(change);
            changes += 1;
        }
        if run.is_none_or(|run| run.is_empty) {
            return Err(Error::corrupt("a chunk or its last run holds no change"));
        }
        Ok((changes, entry.finish(kind)))
    }

    fn end(&mut self, public: PublicReport) -> Result<()> {
        let (Some(Domain { keys, tally }), Some(settings), Some(schema)) =
            (self.domain.as_ref(), self.settings, self.schema.take())
        else {
            return Err(Error::corrupt("the bundle holds no settings or no schema"));
        };
        let summary = self.index.finish()?;
        if public.base_id.is_some() || summary.base != Total::default() {
            return Err(delta());
        }
        let total = tally.total;
        if summary.target != total || summary.chunks != self.index.chunks || summary.changes != total.count {
            return Err(Error::corrupt("the index states other sums than its chunks have"));
        }
        if total.state_id(keys) != public.state_id {
            return Err(Error::corrupt("the changes do not lead to the state that the tail names"));
        }
        if self.key.domain_id(&summary.domain).ok() != Some(public.domain_id) {
            return Err(Error::corrupt("the head names another domain than the index"));
        }
        self.report = Some(Report {
            public,
            domain: summary.domain,
            settings,
            schema,
            tables: std::mem::take(&mut self.tables),
            items: total.count,
        });
        Ok(())
    }
}

struct Run<'a> {
    table: Table<'a>,
    is_empty: bool,
}

fn primary_of<'k>(key: &Key<'k>) -> &'k [Value<'k>] {
    match key {
        Key::Rowid(_) => &[],
        Key::Primary(values) => values,
    }
}

/// A full bundle begins with settings, then the schema.
fn expect_order(table: &Table<'_>, has_settings: bool, has_schema: bool) -> Result<()> {
    match (table, has_settings, has_schema) {
        (Table::Settings, false, false) | (Table::Schema, true, false) | (Table::Named(_), true, true) => Ok(()),
        (Table::Selection, ..) => Err(selection()),
        (_, false, _) | (_, _, false) => Err(delta()),
        _ => Err(Error::corrupt("the settings or the schema come twice")),
    }
}

fn is_in_schema(name: &str, schema: &[SchemaRow]) -> Result<()> {
    match schema.iter().any(|row| row.kind == SchemaKind::Table && row.name == name) {
        true => Ok(()),
        false => Err(Error::corrupt(format!("rows of the table {name:?}, which the schema does not have"))),
    }
}

fn only_new<'a>(change: &Change<'a>) -> Result<&'a [u8]> {
    match (&change.old, change.new) {
        (None, Some(new)) => Ok(new),
        _ => Err(delta()),
    }
}

fn delta() -> Error {
    Error::unsupported("this is a delta bundle: it restores only on top of its base, which this version cannot do")
}

fn selection() -> Error {
    Error::unsupported("the bundle holds a selection of a database, which this version cannot restore")
}

fn check_encoding<'v>(values: impl Iterator<Item = &'v Value<'v>>, encoding: TextEncoding) -> Result<()> {
    for value in values {
        if value.encoding().is_some_and(|of_value| of_value != encoding) {
            return Err(Error::corrupt("text in another encoding than the file's"));
        }
    }
    Ok(())
}

/// Reads over the value of an item that is no row.
fn skip(table: &Table<'_>, reader: &mut Reader<'_>) -> Result<()> {
    let mut values = Vec::new();
    match table {
        Table::Settings => decode_values(reader, &mut values),
        _ => {
            for _ in 0..reader.array()? {
                decode_values(reader, &mut values)?;
            }
            Ok(())
        }
    }
}

fn locate(error: Error, place: Place) -> Error {
    match error.kind() {
        ErrorKind::Corrupt | ErrorKind::TooBig => error.at(place),
        _ => error,
    }
}

/// Compares the index with the entries that the chunks must have, without holding either.
#[derive(Default)]
struct IndexCheck {
    chunks: u64,
    expected: Sha256,
    expected_length: u64,
    found: Sha256,
    found_length: u64,
    /// The last page was not full, so none may follow.
    is_last: bool,
    summary: Vec<u8>,
}

impl IndexCheck {
    /// The next chunk must have this entry.
    fn expect(&mut self, entry: &[u8]) -> Result<()> {
        self.chunks += 1;
        self.expected.update(entry);
        self.expected_length += entry.len() as u64;
        match self.expected_length > INDEX_MAX {
            true => Err(Error::too_big(format!("an index of more than {INDEX_MAX} bytes"))),
            false => Ok(()),
        }
    }

    fn page(&mut self, page: &[u8]) -> Result<()> {
        if self.is_last || page.is_empty() {
            return Err(Error::corrupt("a page of the index that is not the last has not the full size"));
        }
        self.is_last = page.len() < CHUNK_MAX;
        let entries = usize::try_from(self.expected_length - self.found_length).unwrap_or(usize::MAX).min(page.len());
        let (entries, summary) = page.split_at(entries);
        self.found.update(entries);
        self.found_length += entries.len() as u64;
        if self.summary.len() + summary.len() > SUMMARY_MAX {
            return Err(Error::corrupt("the index is longer than its chunks account for"));
        }
        self.summary.extend_from_slice(summary);
        Ok(())
    }

    fn finish(&mut self) -> Result<Summary> {
        if self.found_length != self.expected_length || self.found.finalize_reset() != self.expected.finalize_reset() {
            return Err(Error::corrupt("the index does not describe the chunks"));
        }
        Summary::decode(&self.summary)
    }
}
