//! The first half of an export, for a thread of its own: live rows → canonical bytes, in batches. The other half is an
//! [`Export`](crate::stream::Export), which takes them with [`Export::take`](crate::stream::Export::take). The bytes of
//! the bundle are the same as without the two halves.

use crate::alloc;
use crate::cbor::{Append, Count, Write};
use crate::crypto::digest::{Digest, Digester};
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use crate::export::state_digest::is_large;
use crate::limits::CHUNK_MAX;
use crate::state::rules::Rules;
use crate::state::selection::Selection;
use crate::state::sink::{SchemaRow, Settings, StateSink, Table, is_system_table, system_table_to_value};
use crate::state::value::{Key, NewRow, Value, encode_values};
use std::convert::Infallible;

/// A batch is handed on when it has this size.
const BATCH: usize = 256 << 10;

/// The name of such memory in errors.
const ROWS: &str = "rows on their way";

/// A part of a state on its way from one thread to another.
pub struct Encoded(pub(crate) Message);

pub(crate) enum Message {
    Settings(Settings),
    Schema(Vec<SchemaRow>),
    Selection(Selection),
    /// Name and canonical value.
    SystemTable(String, Vec<u8>),
    /// The next rows are of this table, if it has any.
    Table(String),
    Rows(Batch),
    /// A row that is too large to be held: its key and its digest. Pieces of its values follow.
    Large(Vec<u8>, Digest),
    Piece(Vec<u8>),
    LargeEnd,
}

/// Rows of one table, each as key and value in canonical form.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// For each row, where its value begins and ends. The key lies before the value, after the row before.
    rows: Vec<(usize, usize)>,
}

impl Batch {
    /// The key and value of each row.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let starts = std::iter::once(0).chain(self.rows.iter().map(|(_, end)| *end));
        starts.zip(&self.rows).map(|(start, (value, end))| (&self.bytes[start..*value], &self.bytes[*value..*end]))
    }
}

/// Encodes the state that it gets as a [`StateSink`], and hands on each part, mostly to a channel. Call
/// [`Encoder::finish`] after the walk. Holds one batch.
pub struct Encoder<F> {
    emit: F,
    rules: Rules,
    digester: Digester,
    /// The table that was named, if none of its rows has come.
    named: Option<String>,
    table_length: usize,
    batch: Batch,
}

impl<F: FnMut(Encoded) -> Result<()>> Encoder<F> {
    /// Takes the keys of the [`Export`](crate::stream::Export) on the other side. That export gets what `emit` is
    /// given.
    pub fn new(keys: &DomainKeys, emit: F) -> Self {
        Self {
            emit,
            rules: Rules::default(),
            digester: Digester::new(keys),
            named: None,
            table_length: 0,
            batch: Batch::default(),
        }
    }

    /// The walk has come to its end.
    ///
    /// # Errors
    /// Misuse when no settings or schema have come; those of `emit`.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        self.rules.finish()
    }

    fn send(&mut self, message: Message) -> Result<()> {
        self.flush()?;
        (self.emit)(Encoded(message))
    }

    fn flush(&mut self) -> Result<()> {
        if self.batch.rows.is_empty() {
            return Ok(());
        }
        let bytes = alloc::with_room(BATCH + BATCH / 8, ROWS)?;
        let room = Batch { bytes, rows: alloc::with_room(self.batch.rows.len(), ROWS)? };
        let batch = std::mem::replace(&mut self.batch, room);
        (self.emit)(Encoded(Message::Rows(batch)))
    }

    fn begin(&mut self, name: &str) -> Result<()> {
        let table = Table::named(name)?;
        self.rules.begin(&table)?;
        self.digester.table(&table);
        let mut length = Count(0);
        table.encode(&mut length);
        self.table_length = usize::try_from(length.0).unwrap_or(usize::MAX);
        Ok(())
    }

    fn large_row(&mut self, row: &NewRow<'_>) -> Result<()> {
        let mut key = Vec::new();
        row.key.encode(&mut Append(&mut key));
        let mut stream = self.digester.stream();
        row.key.encode(&mut stream);
        encode_values(row.values, &mut stream);
        self.send(Message::Large(key, stream.finish()))?;
        let mut pieces = Pieces { emit: &mut self.emit, piece: alloc::with_room(CHUNK_MAX, ROWS)?, failed: Ok(()) };
        encode_values(row.values, &mut pieces);
        let Pieces { piece, failed, .. } = pieces;
        failed?;
        (self.emit)(Encoded(Message::Piece(piece)))?;
        (self.emit)(Encoded(Message::LargeEnd))
    }
}

/// Takes the bytes of a large row and hands them on in pieces.
struct Pieces<'a, F> {
    emit: &'a mut F,
    piece: Vec<u8>,
    failed: Result<()>,
}

impl<F: FnMut(Encoded) -> Result<()>> Write for Pieces<'_, F> {
    type Error = Infallible;

    fn push(&mut self, mut input: &[u8]) -> Result<(), Infallible> {
        while !input.is_empty() && self.failed.is_ok() {
            let (now, later) = input.split_at(input.len().min(CHUNK_MAX - self.piece.len()));
            self.piece.extend_from_slice(now);
            input = later;
            if self.piece.len() == CHUNK_MAX {
                let sent = alloc::with_room(CHUNK_MAX, ROWS).and_then(|room| {
                    let piece = std::mem::replace(&mut self.piece, room);
                    (self.emit)(Encoded(Message::Piece(piece)))
                });
                self.failed = sent;
            }
        }
        Ok(())
    }
}

impl<F: FnMut(Encoded) -> Result<()>> StateSink for Encoder<F> {
    fn settings(&mut self, settings: &Settings) -> Result<()> {
        self.rules.begin(&Table::Settings)?;
        self.rules.learn_settings(settings);
        self.send(Message::Settings(*settings))
    }

    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        self.rules.begin(&Table::Schema)?;
        self.rules.learn_schema(schema);
        // The memory of a copy, which comes in small pieces.
        let texts = schema.iter().map(|row| row.name.len() + row.table.len() + row.sql.len());
        alloc::room(texts.map(|length| length + size_of::<SchemaRow>()).sum(), "the schema")?;
        self.send(Message::Schema(schema.to_vec()))
    }

    fn selection(&mut self, selection: &Selection) -> Result<()> {
        self.send(Message::Selection(selection.clone()))
    }

    fn table(&mut self, name: &str) -> Result<()> {
        self.named = Some(name.to_owned());
        self.send(Message::Table(name.to_owned()))
    }

    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        if let Some(name) = self.named.take() {
            self.begin(&name)?;
        }
        let row = NewRow { key, values };
        self.rules.check_row(&row)?;
        if is_large(&row, self.table_length)? {
            return self.large_row(&row);
        }
        let batch = &mut self.batch;
        alloc::reserve(&mut batch.bytes, row.room(), ROWS)?;
        key.encode(&mut Append(&mut batch.bytes));
        let value = batch.bytes.len();
        encode_values(values, &mut Append(&mut batch.bytes));
        alloc::push(&mut batch.rows, (value, batch.bytes.len()), ROWS)?;
        if batch.bytes.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        if !is_system_table(name) {
            return Err(Error::misuse(format!(
                "the table {name:?} is not one of SQLite's own tables: hand over its rows one by one"
            )));
        }
        if rows.is_empty() {
            return Ok(());
        }
        self.rules.begin(&Table::named(name)?)?;
        rows.iter().flatten().try_for_each(|value| self.rules.check_value(value))?;
        self.named = None;
        self.send(Message::SystemTable(name.to_owned(), system_table_to_value(rows)?))
    }
}
