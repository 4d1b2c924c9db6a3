//! A state held in memory: what a sink was given, to be compared and walked over again.
#![allow(dead_code)]

pub mod history;
pub mod oracle;

use std::cell::RefCell;

use lifeboat_core::chain::{Base, Chain, Deltas};
use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Selection, Settings, TextEncoding, Value};
use lifeboat_core::stream::{BundleWriter, Compression, Encoder, Export, PlainChunk, Restore};
use lifeboat_core::{BundleSummary, ExportOptions, RecoveryKey, Report, Result, StateSink};

/// A value that owns its bytes. Doubles compare by their bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owned {
    Null,
    Integer(i64),
    Real(u64),
    Text(Vec<u8>),
    Utf16le(Vec<u8>),
    Utf16be(Vec<u8>),
    Blob(Vec<u8>),
}

impl From<&Value<'_>> for Owned {
    fn from(value: &Value<'_>) -> Self {
        match *value {
            Value::Null => Owned::Null,
            Value::Integer(integer) => Owned::Integer(integer),
            Value::Real(real) => Owned::Real(real.to_bits()),
            Value::Text(bytes) => Owned::Text(bytes.to_vec()),
            Value::Utf16le(bytes) => Owned::Utf16le(bytes.to_vec()),
            Value::Utf16be(bytes) => Owned::Utf16be(bytes.to_vec()),
            Value::Blob(bytes) => Owned::Blob(bytes.to_vec()),
        }
    }
}

impl Owned {
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Owned::Null => Value::Null,
            Owned::Integer(integer) => Value::Integer(*integer),
            Owned::Real(bits) => Value::Real(f64::from_bits(*bits)),
            Owned::Text(bytes) => Value::Text(bytes),
            Owned::Utf16le(bytes) => Value::Utf16le(bytes),
            Owned::Utf16be(bytes) => Value::Utf16be(bytes),
            Owned::Blob(bytes) => Value::Blob(bytes),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedKey {
    Rowid(i64),
    Primary(Vec<Owned>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    Table(Vec<(OwnedKey, Vec<Owned>)>),
    System(Vec<Vec<Owned>>),
}

/// A whole state. Tables without rows are left out, as the way back leaves them out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub settings: Option<Settings>,
    pub schema: Vec<SchemaRow>,
    pub selection: Option<Selection>,
    pub tables: Vec<(String, Rows)>,
}

pub fn values(owned: &[Owned]) -> Vec<Value<'_>> {
    owned.iter().map(Owned::as_value).collect()
}

impl Rows {
    /// With NULLs behind the values of shorter rows: all rows of a table have the same number of values.
    pub fn even(self) -> Self {
        match self {
            Self::Table(mut rows) => {
                let most = rows.iter().map(|(_, row)| row.len()).max().unwrap_or(0);
                rows.iter_mut().for_each(|(_, row)| row.resize(most, Owned::Null));
                Self::Table(rows)
            }
            rows @ Self::System(_) => rows,
        }
    }
}

impl State {
    /// A state whose schema has a table for each of these names.
    pub fn new(tables: Vec<(&str, Rows)>) -> Self {
        let schema = tables.iter().map(|(name, _)| table(name)).collect();
        let tables = tables.into_iter().map(|(name, rows)| (name.to_owned(), rows.even())).collect();
        Self { settings: Some(settings()), schema, selection: None, tables }
    }

    pub fn walk(&self, sink: &mut impl StateSink) -> Result<()> {
        sink.settings(&self.settings.expect("a state has settings"))?;
        sink.schema(&self.schema)?;
        if let Some(selection) = &self.selection {
            sink.selection(selection)?;
        }
        for (name, rows) in &self.tables {
            match rows {
                Rows::Table(rows) => {
                    sink.table(name)?;
                    for (key, row) in rows {
                        match key {
                            OwnedKey::Rowid(rowid) => sink.row(Key::Rowid(*rowid), &values(row))?,
                            OwnedKey::Primary(key) => sink.row(Key::Primary(&values(key)), &values(row))?,
                        }
                    }
                }
                Rows::System(rows) => {
                    let rows: Vec<_> = rows.iter().map(|row| values(row)).collect();
                    sink.system_table(name, &rows)?;
                }
            }
        }
        Ok(())
    }
}

impl StateSink for State {
    fn settings(&mut self, settings: &Settings) -> Result<()> {
        assert!(self.settings.replace(*settings).is_none(), "settings come once");
        Ok(())
    }
    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        self.schema = schema.to_vec();
        Ok(())
    }
    fn selection(&mut self, selection: &Selection) -> Result<()> {
        assert!(self.selection.replace(selection.clone()).is_none(), "a selection comes once");
        Ok(())
    }
    fn table(&mut self, name: &str) -> Result<()> {
        self.tables.push((name.to_owned(), Rows::Table(Vec::new())));
        Ok(())
    }
    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        let Some((_, Rows::Table(rows))) = self.tables.last_mut() else { panic!("a row before its table") };
        let key = match key {
            Key::Rowid(rowid) => OwnedKey::Rowid(rowid),
            Key::Primary(key) => OwnedKey::Primary(key.iter().map(Owned::from).collect()),
        };
        rows.push((key, values.iter().map(Owned::from).collect()));
        Ok(())
    }
    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        let rows = rows.iter().map(|row| row.iter().map(Owned::from).collect()).collect();
        self.tables.push((name.to_owned(), Rows::System(rows)));
        Ok(())
    }
}

pub fn settings() -> Settings {
    Settings { application_id: -7, user_version: 3, encoding: TextEncoding::Utf8 }
}

pub fn table(name: &str) -> SchemaRow {
    SchemaRow {
        kind: SchemaKind::Table,
        name: name.to_owned(),
        table: name.to_owned(),
        sql: format!("CREATE TABLE \"{name}\"(a)"),
    }
}

/// A key for tests: the bytes 1, 2, 3 … 32.
pub fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(std::array::from_fn(|at| u8::try_from(at + 1).expect("small"))).expect("not all the same")
}

pub fn other_key() -> RecoveryKey {
    RecoveryKey::from_bytes(std::array::from_fn(|at| u8::try_from(at + 2).expect("small"))).expect("not all the same")
}

pub fn export_with(state: &State, options: ExportOptions) -> Result<(Vec<u8>, BundleSummary)> {
    let key = key();
    let domain = key.domain("default")?;
    let mut writer = BundleWriter::new(&domain, Vec::new())?;
    let mut export = Export::new(&domain, options, |chunk| writer.chunk(&chunk));
    state.walk(&mut export)?;
    let totals = export.finish()?.bundle;
    let (summary, bytes) = writer.finish(&totals)?;
    Ok((bytes, summary))
}

/// A bundle that leads from `base` (none: from nothing) to `state`, and the ledger of `state`.
pub fn export_from(base: Option<Base<'_>>, state: &State, options: ExportOptions) -> Result<(Vec<u8>, Vec<u8>)> {
    let key = key();
    let domain = key.domain("default")?;
    let mut writer = BundleWriter::new(&domain, Vec::new())?;
    let ledger = RefCell::new(BundleWriter::ledger(&domain, Vec::new())?);
    let emit = |chunk: PlainChunk| writer.chunk(&chunk);
    let export = match base {
        None => Export::new(&domain, options, emit),
        Some(base) => Export::delta(&domain, options, base, state.selection.as_ref(), emit)?,
    };
    let mut export = export.with_ledger(|chunk| ledger.borrow_mut().chunk(&chunk));
    let mut encoder = Encoder::new(&domain, |encoded| export.take(encoded));
    state.walk(&mut encoder)?;
    encoder.finish()?;
    let finished = export.finish()?;
    let (_, bundle) = writer.finish(&finished.bundle)?;
    let (_, ledger) = ledger.into_inner().finish(&finished.ledger.expect("it was asked for"))?;
    Ok((bundle, ledger))
}

/// The same by rows, and without a ledger.
pub fn export_by_rows(base: Base<'_>, state: &State) -> Result<Vec<u8>> {
    let key = key();
    let domain = key.domain("default")?;
    let mut writer = BundleWriter::new(&domain, Vec::new())?;
    let emit = |chunk: PlainChunk| writer.chunk(&chunk);
    let mut export = Export::delta(&domain, ExportOptions::default(), base, state.selection.as_ref(), emit)?;
    state.walk(&mut export)?;
    let totals = export.finish()?.bundle;
    Ok(writer.finish(&totals)?.1)
}

/// A chain of these bundles.
pub fn chain<'s>(bundles: &[&'s [u8]]) -> Result<Chain<'s>> {
    Chain::open(key(), bundles.iter().copied())
}

/// The delta from the state of a chain.
pub fn delta(base: &[&[u8]], state: &State) -> Vec<u8> {
    let base = Base::chain(&chain(base).expect("a chain")).expect("a base");
    export_from(Some(base), state, ExportOptions::default()).expect("exports").0
}

/// Restores a chain: its full bundle comes in pieces, its deltas whole.
pub fn restore_chain(bundles: &[&[u8]]) -> Result<(Report, State)> {
    let deltas = Deltas::open(key(), bundles[1..].iter().copied(), || Ok(()))?;
    let mut restore = Restore::over(key(), deltas, State::default());
    for piece in bundles[0].chunks(1 << 12) {
        restore.push(piece)?;
    }
    let (report, mut state) = restore.finish()?;
    state.tables.retain(|(_, rows)| !matches!(rows, Rows::Table(rows) if rows.is_empty()));
    Ok((report, state))
}

/// Composes a chain into one bundle.
pub fn compose(bundles: &[&[u8]]) -> Result<Vec<u8>> {
    let key = key();
    let mut writer = BundleWriter::new(&key.domain("default")?, Vec::new())?;
    let emit = |piece: PlainChunk| writer.chunk(&piece);
    let totals = chain(bundles)?.compose(&key, ExportOptions::default(), emit, || Ok(()))?.totals;
    Ok(writer.finish(&totals)?.1)
}

pub fn export(state: &State) -> Vec<u8> {
    export_with(state, ExportOptions::default()).expect("exports").0
}

pub fn stored() -> ExportOptions {
    ExportOptions::new(Compression::None)
}

/// Restores a bundle that comes in pieces of this size.
pub fn restore_in(bundle: &[u8], piece: usize) -> Result<(Report, State)> {
    let mut restore = Restore::new(key(), State::default());
    for piece in bundle.chunks(piece) {
        restore.push(piece)?;
    }
    restore.finish()
}

pub fn restore(bundle: &[u8]) -> Result<(Report, State)> {
    restore_in(bundle, 1 << 16)
}

/// A table of one column.
pub fn integers(values: &[(i64, i64)]) -> Rows {
    rows(values.iter().map(|(rowid, value)| (*rowid, vec![Owned::Integer(*value)])).collect())
}

pub fn rows(rows: Vec<(i64, Vec<Owned>)>) -> Rows {
    Rows::Table(rows.into_iter().map(|(rowid, row)| (OwnedKey::Rowid(rowid), row)).collect())
}

/// One of everything that a UTF-8 file can hold.
pub fn everything() -> State {
    let real = |real: f64| Owned::Real(real.to_bits());
    let values = vec![
        Owned::Null,
        Owned::Integer(0),
        Owned::Integer(-1),
        Owned::Integer(i64::MIN),
        Owned::Integer(i64::MAX),
        real(0.0),
        real(-0.0),
        real(2.0),
        real(0.1 + 0.2),
        real(f64::INFINITY),
        real(f64::NEG_INFINITY),
        real(f64::MIN_POSITIVE / 2.0),
        Owned::Text(Vec::new()),
        Owned::Blob(Vec::new()),
        Owned::Text(b"a\0b".to_vec()),
        Owned::Text(vec![0xff, 0xfe, 0x80]),
        Owned::Text(vec![0xed, 0xa0, 0x80]),
        Owned::Text("\u{feff}bom".into()),
        Owned::Blob(vec![0; 300]),
    ];
    let wide = (0..2000).map(Owned::Integer).collect();
    let mut state = State::new(vec![
        ("", rows(vec![(1, vec![])])),
        ("a-b", rows(values.iter().enumerate().map(|(at, value)| (at as i64, vec![value.clone()])).collect())),
        ("ends", rows(vec![(i64::MIN, values.clone()), (0, wide), (i64::MAX, values)])),
        (
            "keyed",
            Rows::Table(vec![
                (OwnedKey::Primary(vec![Owned::Integer(1), Owned::Text(b"B".to_vec())]), vec![Owned::Null]),
                (OwnedKey::Primary(vec![real(1.5), Owned::Null]), vec![]),
                (OwnedKey::Primary(vec![Owned::Text(b"a".to_vec()), Owned::Blob(b"a".to_vec())]), vec![Owned::Null]),
                (OwnedKey::Primary(vec![Owned::Text(vec![b'x'; 100]), Owned::Integer(1)]), vec![]),
                (OwnedKey::Primary(vec![Owned::Text(vec![b'x'; 100]), Owned::Integer(2)]), vec![]),
                (OwnedKey::Primary(vec![Owned::Blob(vec![])]), vec![]),
            ]),
        ),
        ("sqlite_sequence", Rows::System(vec![vec![Owned::Text(b"ends".to_vec()), Owned::Integer(i64::MAX)]])),
    ]);
    let index = SchemaRow { kind: SchemaKind::Index, table: "ends".into(), ..table("an index") };
    state.schema.push(index);
    state
}

/// The items of a bundle: head, chunks, tail, trailer.
pub fn split(bundle: &[u8]) -> Vec<Vec<u8>> {
    let tail_length = usize::try_from(u64::from_be_bytes(bundle[bundle.len() - 8..].try_into().unwrap())).unwrap();
    let tail_at = bundle.len() - 9 - tail_length;
    let mut items = vec![bundle[..75].to_vec()];
    let mut at = 75;
    while at < tail_at {
        let (start, length) = match bundle[at + 2] {
            length @ 0x40..0x58 => (3, usize::from(length - 0x40)),
            0x58 => (3 + 1, usize::from(bundle[at + 3])),
            0x59 => (3 + 2, usize::from(u16::from_be_bytes([bundle[at + 3], bundle[at + 4]]))),
            0x5a => (3 + 4, u32::from_be_bytes(bundle[at + 3..at + 7].try_into().unwrap()) as usize),
            other => panic!("{other:x}"),
        };
        items.push(bundle[at..at + start + length].to_vec());
        at += start + length;
    }
    items.push(bundle[tail_at..bundle.len() - 9].to_vec());
    items.push(bundle[bundle.len() - 9..].to_vec());
    items
}
