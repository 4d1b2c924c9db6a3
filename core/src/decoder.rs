//! Opened chunks → changes → rows, with everything checked: canonical form, order, index, sums and ids. The second half of
//! [`Restore`](crate::Restore), and the mirror of `export.rs`.

use crate::cbor::{Append, Reader};
use crate::change::{Change, NewRow, Next, RowReader, next_item, what_is_next};
use crate::chunk::ChunkKind;
use crate::digest::{Digest, Total};
use crate::index::{EntryBuilder, IndexCheck};
use crate::limits::{CHANGE_MAX, CHUNK_MAX, RUN_HEAD_MAX, RUNS_MAX, SCHEMA_MAX, SYSTEM_TABLE_MAX};
use crate::reader::{Place, PublicReport};
use crate::restore::Opened;
use crate::state::{Table, schema_from_value, system_table_from_value};
use crate::tally::{NO_KEY, Tally};
use crate::value::decode_values;
use crate::{DomainKeys, Error, ErrorKind, RecoveryKey, Result, SchemaRow, Selection, Settings, StateSink};

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
    /// Which part of a database it is; none for a whole one.
    pub selection: Option<Selection>,
    /// The tables that have rows, and how many; `sqlite_sequence` and `sqlite_stat*` included.
    pub tables: Vec<(String, u64)>,
    /// All items: settings, schema, rows, and the tables that are one item.
    pub items: u64,
}

/// Reads changes out of opened chunks and hands the state that they make to a sink.
///
/// Trusts its caller that what it takes came out of an [`Opener`](crate::Opener), in order.
pub struct Decoder<S> {
    key: RecoveryKey,
    sink: S,
    domain: Option<Domain>,
    settings: Option<Settings>,
    schema: Option<Vec<SchemaRow>>,
    selection: Option<Selection>,
    tables: Vec<(String, u64)>,
    /// The parts so far of a change that is too large for a chunk.
    large: Vec<u8>,
    index: IndexCheck,
    /// Why this may be no full bundle. Said only when all bytes have come and are right: a missing chunk can make a full
    /// bundle look like a delta.
    not_full: Option<Error>,
    report: Option<Report>,
}

struct Domain {
    keys: Box<DomainKeys>,
    tally: Tally,
}

/// Why a chunk is not taken.
enum Refusal {
    /// Its content is wrong.
    Chunk(Error),
    /// The sink's own error, which its caller gets unchanged.
    Sink(Error),
    /// It is not a chunk of a full bundle of a whole database.
    NotFull(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Chunk(error)
    }
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
            selection: None,
            tables: Vec::new(),
            large: Vec::new(),
            index: IndexCheck::default(),
            not_full: None,
            report: None,
        }
    }

    /// Takes what an [`Opener`](crate::Opener) handed out, in its order.
    ///
    /// # Errors
    /// Corrupt, unsupported or too big; those of the sink, unchanged.
    pub fn take(&mut self, opened: Opened) -> Result<()> {
        match opened {
            Opened::Keys(keys) => {
                self.domain = Some(Domain { tally: Tally::new(&keys), keys });
                Ok(())
            }
            Opened::Chunk { .. } if self.not_full.is_some() => Ok(()),
            Opened::Chunk { kind, plaintext, place } => match self.chunk(kind, &plaintext) {
                Ok(()) => Ok(()),
                Err(Refusal::Chunk(error)) => Err(locate(error, place)),
                Err(Refusal::Sink(error)) => Err(error),
                Err(Refusal::NotFull(error)) => {
                    self.not_full = Some(error);
                    Ok(())
                }
            },
            Opened::End(public) => self.end(public),
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

    fn chunk(&mut self, kind: ChunkKind, plaintext: &[u8]) -> Result<(), Refusal> {
        let is_part = matches!(kind, ChunkKind::Part | ChunkKind::LastPart);
        if !self.large.is_empty() && !is_part {
            return Err(Error::corrupt("a large change is not complete").into());
        }
        let entry = match kind {
            ChunkKind::Changes => self.changes(kind, plaintext)?,
            ChunkKind::Part => {
                if plaintext.len() != CHUNK_MAX {
                    return Err(Error::corrupt("a part of a large change, not its last, has not the full size").into());
                }
                self.grow(plaintext)?;
                EntryBuilder::default().finish(kind)
            }
            ChunkKind::LastPart => {
                self.grow(plaintext)?;
                let change = std::mem::take(&mut self.large);
                if change.len() <= CHUNK_MAX || plaintext.is_empty() {
                    return Err(Error::corrupt("a change in parts is not large").into());
                }
                self.changes(kind, &change)?
            }
            ChunkKind::IndexPage => return Ok(self.index.page(plaintext)?),
        };
        Ok(self.index.expect(&entry)?)
    }

    /// Adds a part of a large change, as far as the largest item of its table may reach.
    fn grow(&mut self, part: &[u8]) -> Result<()> {
        let start = if self.large.is_empty() { part } else { &self.large };
        let limit = match what_is_next(&mut Reader::new(start))? {
            Next::Run(Table::Schema) => SCHEMA_MAX,
            Next::Run(table) if table.is_one_item() => SYSTEM_TABLE_MAX,
            _ => usize::try_from(CHANGE_MAX).unwrap_or(usize::MAX),
        };
        if self.large.len() + part.len() > limit + RUN_HEAD_MAX + 16 {
            return Err(Error::too_big(format!("an item of more than {limit} bytes")));
        }
        self.large.try_reserve(part.len()).map_err(|_| Error::too_big("there is no memory for a row of this size"))?;
        self.large.extend_from_slice(part);
        Ok(())
    }

    /// Reads the changes of one plaintext; gives the chunk's entry in the index.
    fn changes(&mut self, kind: ChunkKind, plaintext: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut reader = Reader::new(plaintext);
        let mut rows = RowReader::default();
        let mut entry = EntryBuilder::default();
        let mut run: Option<Run<'_>> = None;
        let mut changes = 0_u64;
        while !reader.is_empty() {
            if kind == ChunkKind::LastPart && changes == 1 {
                return Err(Error::corrupt("the parts of a large change hold more than one change").into());
            }
            if let Next::Run(table) = what_is_next(&mut reader)? {
                if run.as_ref().is_some_and(|run| run.changes == 0 || run.table == table) {
                    return Err(Error::corrupt("a run without changes, or in two pieces").into());
                }
                if entry.run_count() >= RUNS_MAX {
                    return Err(Error::too_big(format!("a chunk of more than {RUNS_MAX} runs")).into());
                }
                self.begin_run(&table)?;
                rows.begin_run();
                run = Some(Run { table, changes: 0 });
                continue;
            }
            let Some(run) = &mut run else {
                return Err(Error::corrupt("a chunk begins without the head of a run").into());
            };
            let length = reader.rest().len();
            let digest = match run.table.is_one_item() {
                true => self.item(&run.table, &mut reader)?,
                false => self.row(&mut rows, &mut reader)?,
            };
            if (length - reader.rest().len()) as u64 > CHANGE_MAX {
                return Err(Error::too_big(format!("a change of more than {CHANGE_MAX} bytes")).into());
            }
            if run.changes == 0 {
                let (mut table, mut bound) = (Vec::new(), Vec::new());
                run.table.encode(&mut Append(&mut table));
                match run.table.is_one_item() {
                    true => bound.extend_from_slice(&NO_KEY),
                    false => rows.key().encode_bound(&mut Append(&mut bound)),
                }
                entry.begin_run(&table, bound);
            }
            entry.write(digest);
            run.changes += 1;
            changes += 1;
        }
        if run.is_none_or(|run| run.changes == 0) {
            return Err(Error::corrupt("a chunk or its last run holds no change").into());
        }
        Ok(entry.finish(kind))
    }

    fn begin_run(&mut self, table: &Table<'_>) -> Result<(), Refusal> {
        let tally = &mut tally(&mut self.domain)?.tally;
        if tally.is_in(table) {
            return Ok(());
        }
        match table {
            // Before settings and schema only these can come.
            Table::Named(_) if tally.lacks_settings_or_schema() => return Err(delta()),
            Table::Schema if self.settings.is_none() => return Err(delta()),
            _ => tally.begin(table)?,
        }
        if let Table::Named(name) = table {
            self.tables.push(((*name).to_owned(), 0));
            if !table.is_one_item() {
                self.sink.table(name).map_err(Refusal::Sink)?;
            }
        }
        Ok(())
    }

    /// One row: checked in every way before the sink sees it.
    fn row<'a>(&mut self, rows: &mut RowReader<'a>, reader: &mut Reader<'a>) -> Result<Digest, Refusal> {
        let change = rows.next(reader)?;
        let new = only_new(&change)?;
        let tally = &mut tally(&mut self.domain)?.tally;
        tally.check_row(&NewRow { key: rows.key(), values: &rows.values })?;
        let digest = tally.add(&rows.key_bytes, new)?;
        self.sink.row(rows.key(), &rows.values).map_err(Refusal::Sink)?;
        if let Some((_, count)) = self.tables.last_mut() {
            *count += 1;
        }
        Ok(digest)
    }

    /// The one item of the settings, the schema, or a table of SQLite's own.
    fn item<'a>(&mut self, table: &Table<'a>, reader: &mut Reader<'a>) -> Result<Digest, Refusal> {
        let change = next_item(reader, |reader| skip(table, reader))?;
        let new = only_new(&change)?;
        let tally = &mut tally(&mut self.domain)?.tally;
        match table {
            Table::Settings => {
                let settings = Settings::from_value(new)?;
                let digest = tally.add(&NO_KEY, new)?;
                tally.learn_settings(&settings);
                self.settings = Some(settings);
                self.sink.settings(&settings).map_err(Refusal::Sink)?;
                Ok(digest)
            }
            Table::Schema => {
                let schema = schema_from_value(new)?;
                let digest = tally.add(&NO_KEY, new)?;
                tally.learn_schema(&schema);
                self.sink.schema(&schema).map_err(Refusal::Sink)?;
                self.schema = Some(schema);
                Ok(digest)
            }
            Table::Selection => {
                let selection = Selection::from_value(new)?;
                let digest = tally.add(&NO_KEY, new)?;
                self.sink.selection(&selection).map_err(Refusal::Sink)?;
                self.selection = Some(selection);
                Ok(digest)
            }
            Table::Named(name) => {
                let rows = system_table_from_value(new)?;
                rows.iter().flatten().try_for_each(|value| tally.check_value(value))?;
                let digest = tally.add(&NO_KEY, new)?;
                self.sink.system_table(name, &rows).map_err(Refusal::Sink)?;
                if let Some((_, count)) = self.tables.last_mut() {
                    *count = rows.len() as u64;
                }
                Ok(digest)
            }
        }
    }

    fn end(&mut self, public: PublicReport) -> Result<()> {
        match (self.not_full.take(), public.base_id) {
            (Some(error), Some(_)) => return Err(error),
            // A whole bundle that says it is a full one, and is not.
            (Some(error), None) if error.kind() == ErrorKind::Unsupported && error.message() == DELTA => {
                return Err(Error::corrupt("a full bundle without settings or schema, or with old values"));
            }
            (Some(error), None) => return Err(error),
            (None, Some(_)) => return Err(Error::unsupported(DELTA)),
            (None, None) => {}
        }
        let (Some(Domain { keys, tally }), Some(settings), Some(schema)) =
            (self.domain.as_ref(), self.settings, self.schema.take())
        else {
            return Err(Error::corrupt("the bundle holds no settings or no schema"));
        };
        let (summary, total) = (self.index.finish()?, tally.finish()?);
        if summary.base != Total::default()
            || summary.target != total
            || summary.chunks != self.index.chunks
            || summary.changes != total.count
        {
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
            selection: self.selection.take(),
            tables: std::mem::take(&mut self.tables),
            items: total.count,
        });
        Ok(())
    }
}

struct Run<'a> {
    table: Table<'a>,
    changes: u64,
}

fn tally(domain: &mut Option<Domain>) -> Result<&mut Domain> {
    domain.as_mut().ok_or_else(|| Error::corrupt("a chunk comes before the head"))
}

const DELTA: &str = "this is a delta bundle: it restores only on top of its base, which this version cannot do";

fn delta() -> Refusal {
    Refusal::NotFull(Error::unsupported(DELTA))
}

fn only_new<'a>(change: &Change<'a>) -> Result<&'a [u8], Refusal> {
    match (&change.old, change.new) {
        (None, Some(new)) => Ok(new),
        _ => Err(delta()),
    }
}

/// Reads over the value of an item that is no row.
fn skip(table: &Table<'_>, reader: &mut Reader<'_>) -> Result<()> {
    let mut values = Vec::new();
    match table {
        Table::Settings => decode_values(reader, &mut values),
        Table::Selection => Selection::skip(reader),
        _ => (0..reader.array()?).try_for_each(|_| decode_values(reader, &mut values)),
    }
}

fn locate(error: Error, place: Place) -> Error {
    match error.kind() {
        ErrorKind::Corrupt | ErrorKind::TooBig => error.at(place),
        _ => error,
    }
}
