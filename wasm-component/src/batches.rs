//! Rows in batches of bounded size, for hosts that have a database of their own.

use crate::work::PIECE_MAX;
use lifeboat_core::state::{Key, SchemaRow, Selection, Settings, TextEncoding, Value};
use lifeboat_core::{Error, Result, StateSink};
use lifeboat_sqlite::{Api, Budget, Columns, Source, StoredColumns};
use std::collections::VecDeque;

/// A batch is handed out when it has grown to this size. With the last row's values, it stays below [`PIECE_MAX`].
const BATCH: usize = 1 << 19;
/// How many bytes the values within a row may take. Longer values follow in pieces.
const ROW: usize = 1 << 17;
/// How much memory of the interface a row or a value takes in addition to its bytes.
const OVERHEAD: usize = 24;

/// One stored value, with memory of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A double, never NaN.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
    /// Text that no [`String`] can hold, as it is stored in that encoding.
    IllFormed(TextEncoding, Vec<u8>),
    /// A long value: its bytes follow through `pull`. It is text in that encoding, or a blob.
    Long(Option<TextEncoding>, u64),
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// None in a WITHOUT ROWID table.
    pub rowid: Option<i64>,
    /// In the order of [`Batch::columns`].
    pub values: Vec<Cell>,
}

/// Some rows of one table.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The table's name.
    pub table: String,
    /// The names of the columns that hold stored values, in the order of the table.
    pub columns: Vec<String>,
    /// How the text is stored.
    pub encoding: TextEncoding,
    /// In key order.
    pub rows: Vec<Row>,
}

/// The long values of the batch that was handed out last.
#[derive(Default)]
pub(crate) struct Long {
    values: VecDeque<Vec<u8>>,
    /// How many bytes of the first value were handed out.
    pulled: usize,
}

impl Long {
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The next piece of one of them. None: there are no more.
    pub fn pull(&mut self) -> Option<Vec<u8>> {
        let value = self.values.front()?;
        let end = value.len().min(self.pulled + PIECE_MAX);
        let piece = value.get(self.pulled..end).unwrap_or_default().to_vec();
        self.pulled = end;
        if end == value.len() {
            self.pulled = 0;
            self.values.pop_front();
        }
        Some(piece)
    }
}

/// The columns of the table whose rows come. Each of its rows must have what these columns say.
#[derive(Default)]
struct Shape {
    columns: StoredColumns,
    table: String,
    /// How many values a row has in its key. 0: the key is a rowid.
    key: usize,
    /// How many values a row has beside its key.
    values: usize,
    /// No SQL can reach the rowid, because columns have all its names. So rows are counted from 1.
    is_counted: bool,
    rows: i64,
    /// The columns are not known: a row has the values of its key, then the other values.
    is_nameless: bool,
}

impl Shape {
    fn new(table: &str, columns: &StoredColumns, is_whole: bool) -> Self {
        let count = |is: fn(&Source) -> bool| columns.sources.iter().filter(|source| is(source)).count();
        let (key, values) =
            (count(|source| matches!(source, Source::Key(_))), count(|source| matches!(source, Source::Value(_))));
        let has = |name: &str| columns.names.iter().any(|column| column.eq_ignore_ascii_case(name));
        // If a column stands for the rowid, it can be reached by that column's name.
        let is_counted =
            is_whole && key == 0 && values == columns.sources.len() && ["rowid", "_rowid_", "oid"].into_iter().all(has);
        Self { columns: columns.clone(), table: table.to_owned(), key, values, is_counted, ..Self::default() }
    }

    /// The value of each column, in the order of the table.
    ///
    /// # Errors
    /// Corrupt when it is not a row of this table: each of its values must have a column, and each column a value.
    fn row<'v>(&mut self, key: Option<Key<'v>>, values: &[Value<'v>]) -> Result<Vec<Value<'v>>> {
        if self.is_nameless {
            let in_key = if let Some(Key::Primary(key)) = key { key } else { &[] };
            return Ok([in_key, values].concat());
        }
        let wrong = |what: String| Err(Error::corrupt(format!("a row of table {:?} {what}", self.table)));
        let in_key: &[Value<'v>] = match (key, self.key) {
            (None, _) | (Some(Key::Rowid(_)), 0) => &[],
            (Some(Key::Primary(key)), expected) if expected > 0 && key.len() == expected => key,
            (Some(Key::Primary(_)), 0) => return wrong("has a primary key, and its table has rowids".to_owned()),
            (Some(Key::Rowid(_)), _) => return wrong("has a rowid, and its table is WITHOUT ROWID".to_owned()),
            (Some(Key::Primary(key)), expected) => {
                return wrong(format!("has a key of {} values, and its table one of {expected}", key.len()));
            }
        };
        if values.len() != self.values {
            let (has, wants) = (values.len(), self.values);
            return wrong(format!("has {has} values beside its key, and its table has {wants} columns for them"));
        }
        self.rows += 1;
        let rowid = match key {
            Some(Key::Rowid(rowid)) if self.is_counted && rowid != self.rows => {
                return wrong(format!("has the key {rowid}, and its place in the table is {}", self.rows));
            }
            Some(Key::Rowid(rowid)) => Some(rowid),
            Some(Key::Primary(_)) | None => None,
        };
        let value = |source: &Source| match *source {
            Source::Rowid => rowid.map(Value::Integer),
            Source::Key(place) => in_key.get(place).copied(),
            Source::Value(place) => values.get(place).copied(),
        };
        match self.columns.sources.iter().map(value).collect() {
            Some(row) => Ok(row),
            None => wrong("has other columns than its table".to_owned()),
        }
    }
}

/// Batches that wait to be taken, each with its long values. The last one grows.
pub(crate) struct Queue {
    api: Api,
    settings: Option<Settings>,
    schema: Option<Columns>,
    shape: Shape,
    /// True if all rows of a state come; false if only what is left of it.
    is_whole: bool,
    waiting: VecDeque<(Batch, VecDeque<Vec<u8>>)>,
    /// How much the last waiting batch takes.
    size: usize,
}

impl Queue {
    /// A queue for all rows of a state. The settings and the schema come before them.
    pub fn new(api: Api) -> Self {
        Self {
            api,
            settings: None,
            schema: None,
            shape: Shape::default(),
            is_whole: true,
            waiting: VecDeque::new(),
            size: 0,
        }
    }

    /// A queue for what is left of a state. If the settings or the schema do not come, the columns are not known.
    pub fn of_remains(api: Api) -> Self {
        Self { is_whole: false, ..Self::new(api) }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn has_full(&self) -> bool {
        self.waiting.len() > 1 || self.size >= BATCH
    }

    /// The first batch that waits, with its long values.
    pub fn take(&mut self) -> Option<(Batch, Long)> {
        let taken = self.waiting.pop_front();
        if self.waiting.is_empty() {
            self.size = 0;
        }
        taken.map(|(batch, values)| (batch, Long { values, pulled: 0 }))
    }

    /// The rows that follow are of this table.
    fn begin(&mut self, name: &str) -> Result<()> {
        self.shape = match &self.schema {
            Some(schema) => Shape::new(name, schema.of(name)?, self.is_whole),
            None if self.is_whole => return Err(Error::corrupt("rows come before the schema")),
            None => Shape { is_nameless: true, table: name.to_owned(), ..Shape::default() },
        };
        Ok(())
    }

    /// `key`: none for rows of SQLite's own tables.
    fn add(&mut self, key: Option<Key<'_>>, values: &[Value<'_>]) -> Result<()> {
        let row = self.shape.row(key, values)?;
        let fits = self
            .waiting
            .back()
            .is_some_and(|(batch, long)| batch.table == self.shape.table && long.is_empty() && self.size < BATCH);
        if !fits {
            let (table, columns) = (self.shape.table.clone(), self.shape.columns.names.clone());
            self.size = table.len() + columns.iter().map(|name| name.len() + OVERHEAD).sum::<usize>();
            let encoding = self.settings.map_or(TextEncoding::Utf8, |settings| settings.encoding);
            self.waiting.push_back((Batch { table, columns, encoding, rows: Vec::new() }, VecDeque::new()));
        }
        let Some((batch, long)) = self.waiting.back_mut() else { return Ok(()) };
        let (mut cells, mut size) = (Vec::with_capacity(row.len()), 0);
        for value in row {
            // All texts of a state are stored in one encoding, so any text shows it.
            if let (None, Some(encoding)) = (self.settings, encoding_of(&value)) {
                batch.encoding = encoding;
            }
            let cell = cell(value, ROW.saturating_sub(size), long)?;
            size += OVERHEAD + length(&cell);
            cells.push(cell);
        }
        let rowid = match key {
            Some(Key::Rowid(rowid)) => Some(rowid),
            Some(Key::Primary(_)) | None => None,
        };
        batch.rows.push(Row { rowid, values: cells });
        self.size += OVERHEAD + size;
        Ok(())
    }
}

fn encoding_of(value: &Value<'_>) -> Option<TextEncoding> {
    match value {
        Value::Text(_) => Some(TextEncoding::Utf8),
        Value::Utf16le(_) => Some(TextEncoding::Utf16le),
        Value::Utf16be(_) => Some(TextEncoding::Utf16be),
        _ => None,
    }
}

/// The value with memory of its own. If it is longer than `room`, its bytes go to `long`.
fn cell(value: Value<'_>, room: usize, long: &mut VecDeque<Vec<u8>>) -> Result<Cell> {
    let (encoding, bytes) = match value {
        Value::Null => return Ok(Cell::Null),
        Value::Integer(integer) => return Ok(Cell::Integer(integer)),
        Value::Real(real) => return Ok(Cell::Real(real)),
        Value::Text(text) => (Some(TextEncoding::Utf8), text),
        Value::Utf16le(text) => (Some(TextEncoding::Utf16le), text),
        Value::Utf16be(text) => (Some(TextEncoding::Utf16be), text),
        Value::Blob(blob) => (None, blob),
    };
    if bytes.len() > room {
        long.push_back(copy(bytes)?);
        return Ok(Cell::Long(encoding, bytes.len() as u64));
    }
    Ok(match encoding {
        None => Cell::Blob(bytes.to_vec()),
        Some(encoding) => text(encoding, bytes).map_or_else(|| Cell::IllFormed(encoding, bytes.to_vec()), Cell::Text),
    })
}

fn copy(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| Error::too_big("there is no memory for a value of this size"))?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// The text, unless it is ill-formed.
fn text(encoding: TextEncoding, bytes: &[u8]) -> Option<String> {
    let units = |unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        rest.is_empty().then(|| pairs.iter().map(move |pair| unit(*pair)))
    };
    match encoding {
        TextEncoding::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
        TextEncoding::Utf16le => char::decode_utf16(units(u16::from_le_bytes)?).collect::<Result<_, _>>().ok(),
        TextEncoding::Utf16be => char::decode_utf16(units(u16::from_be_bytes)?).collect::<Result<_, _>>().ok(),
    }
}

fn length(cell: &Cell) -> usize {
    match cell {
        Cell::Text(text) => text.len(),
        Cell::Blob(bytes) | Cell::IllFormed(_, bytes) => bytes.len(),
        Cell::Null | Cell::Integer(_) | Cell::Real(_) | Cell::Long(..) => 0,
    }
}

impl StateSink for Queue {
    fn settings(&mut self, settings: &Settings) -> Result<()> {
        self.settings = Some(*settings);
        Ok(())
    }

    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        let settings = self.settings.ok_or_else(|| Error::corrupt("the schema comes before the settings"))?;
        self.schema = Some(Columns::new(self.api, &Budget::for_input(0), &settings, schema)?);
        Ok(())
    }

    fn selection(&mut self, _: &Selection) -> Result<()> {
        Ok(())
    }

    fn table(&mut self, name: &str) -> Result<()> {
        self.begin(name)
    }

    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        self.add(Some(key), values)
    }

    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        self.begin(name)?;
        rows.iter().try_for_each(|row| self.add(None, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_only_where_it_is_well_formed() {
        use TextEncoding::{Utf8, Utf16be, Utf16le};
        assert_eq!(text(Utf8, b"a\0\xc3\xa4").as_deref(), Some("a\0ä"));
        assert_eq!(text(Utf8, b"\xed\xa0\x80"), None);
        assert_eq!(text(Utf16le, &[0x3d, 0xd8, 0x00, 0xde]).as_deref(), Some("😀"));
        assert_eq!(text(Utf16be, &[0xd8, 0x3d, 0xde, 0x00]).as_deref(), Some("😀"));
        assert_eq!(text(Utf16le, &[0x3d, 0xd8]), None);
        assert_eq!(text(Utf16le, &[0x41]), None);
    }

    #[test]
    fn what_has_no_room_in_a_row_follows_in_pieces() {
        let mut long = VecDeque::new();
        assert_eq!(cell(Value::Blob(b"abc"), 3, &mut long).unwrap(), Cell::Blob(b"abc".to_vec()));
        assert_eq!(cell(Value::Text(b"abc"), 2, &mut long).unwrap(), Cell::Long(Some(TextEncoding::Utf8), 3));
        assert_eq!(cell(Value::Blob(b"abcd"), 2, &mut long).unwrap(), Cell::Long(None, 4));
        assert_eq!(long, [b"abc".to_vec(), b"abcd".to_vec()]);
    }
}
