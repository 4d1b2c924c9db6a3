//! A delta that compares only the touched rows has the bytes of one that compares all.

use crate::chain::base::Base;
use crate::chain::source::Source;
use crate::crypto::domain::Domain;
use crate::crypto::key::RecoveryKey;
use crate::error::{ErrorKind, Result};
use crate::export::chunk::ExportOptions;
use crate::export::touched::Touched;
use crate::parallel::{Knowledge, Making, Threads, Written, export};
use crate::state::sink::{SchemaKind, SchemaRow, Settings, StateSink};
use crate::state::value::{Key, TextEncoding, Value};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

const TABLES: [&str; 4] = ["a", "big", "empty", "z"];

/// Tables of rows, and a table of SQLite's own.
#[derive(Clone, Default)]
struct State {
    tables: [BTreeMap<i64, Vec<u8>>; 4],
    /// The rows of a table without rowids.
    keyed: BTreeMap<i64, i64>,
    sequence: Option<i64>,
}

/// Numbers that look random, and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// A rowid: mostly a small one.
    fn rowid(&mut self) -> i64 {
        match self.below(50) {
            0 => i64::MIN,
            1 => i64::MAX,
            2 => -(self.below(1 << 40) as i64),
            _ => self.below(40_000) as i64,
        }
    }

    /// A value: now and then one that takes several chunks.
    fn value(&mut self) -> Vec<u8> {
        let length = if self.below(2_000) == 0 { 3 << 20 } else { self.below(60) };
        let first = self.below(256);
        (0..length).map(|at| (first + at) as u8).collect()
    }
}

fn sql(name: &str) -> SchemaRow {
    let sql = format!("CREATE TABLE {name}(x)");
    SchemaRow { kind: SchemaKind::Table, name: name.into(), table: name.into(), sql }
}

impl State {
    /// Changes some rows, and tells where.
    fn change(&mut self, numbers: &mut Numbers) -> Touched {
        let mut touched = Touched::default();
        for (table, name) in TABLES.into_iter().enumerate() {
            let mut ranges: Vec<RangeInclusive<i64>> = Vec::new();
            let changes = if numbers.below(3) == 0 { 0 } else { numbers.below(30) };
            for _ in 0..if name == "empty" { 0 } else { changes } {
                let rowid = numbers.rowid();
                // More can be touched than changes.
                let around = numbers.below(200) as i64;
                let range = rowid.saturating_sub(around)..=rowid.saturating_add(around / 2);
                match numbers.below(4) {
                    0 => self.tables[table].retain(|rowid, _| !range.contains(rowid)),
                    1 => _ = self.tables[table].remove(&rowid),
                    2 => {}
                    _ => _ = self.tables[table].insert(rowid, numbers.value()),
                }
                ranges.push(range);
            }
            touched.set(name, ranges);
        }
        self.keyed.insert(numbers.below(300) as i64, numbers.rowid());
        self.keyed.remove(&(numbers.below(300) as i64));
        self.sequence = (numbers.below(3) > 0).then(|| numbers.rowid());
        touched
    }

    /// Hands out the rows, or only the touched ones.
    fn walk(&self, touched: Option<&Touched>, sink: &mut impl StateSink) -> Result<()> {
        sink.settings(&Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 })?;
        sink.schema(&[sql("a"), sql("big"), sql("empty"), sql("keyed"), sql("sqlite_sequence"), sql("z")])?;
        for name in ["a", "big", "empty", "keyed", "sqlite_sequence", "z"] {
            let Some(table) = TABLES.iter().position(|table| *table == name) else {
                match (name, self.sequence) {
                    ("keyed", _) => {
                        sink.table(name)?;
                        for (key, value) in &self.keyed {
                            sink.row(Key::Primary(&[Value::Integer(*key)]), &[Value::Integer(*value)])?;
                        }
                    }
                    (_, Some(sequence)) => {
                        sink.system_table(name, &[vec![Value::Text(b"a"), Value::Integer(sequence)]])?;
                    }
                    (_, None) => sink.system_table(name, &[])?,
                }
                continue;
            };
            let ranges = touched.and_then(|touched| touched.ranges(name));
            sink.table(name)?;
            for (rowid, value) in &self.tables[table] {
                if ranges.is_none_or(|ranges| ranges.iter().any(|range| range.contains(rowid))) {
                    sink.row(Key::Rowid(*rowid), &[Value::Blob(value)])?;
                }
            }
        }
        Ok(())
    }

    fn export(&self, base: &[Vec<u8>], knowledge: Knowledge, ledger: bool) -> Result<Written<Vec<u8>, Vec<u8>>> {
        let base = (!base.is_empty()).then(|| {
            let (ledger, deltas) = (base[0].clone(), base[1..].to_vec());
            move || {
                let deltas = deltas.into_iter().map(|delta| Box::new(delta) as Box<dyn Source>);
                Base::ledger_with(key(), ledger, deltas)
            }
        });
        let touched = match &knowledge {
            Knowledge::Only(touched) => Some(touched.clone()),
            _ => None,
        };
        let making =
            Making { options: ExportOptions::default(), selection: None, base, knowledge, threads: Threads::One };
        let place = ledger.then(Vec::new);
        export(&domain(), Vec::new(), place, making, &|| Ok(()), |rows| self.walk(touched.as_ref(), rows))
    }
}

fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(std::array::from_fn(|index| index as u8)).unwrap()
}

fn domain() -> Domain {
    key().domain("test").unwrap()
}

#[test]
fn a_delta_of_touched_rows_has_the_bytes_of_a_whole_one() {
    let numbers = &mut Numbers(0x9e37_79b9_7f4a_7c15);
    let (mut changes, mut unchanged) = (0, 0);
    for _ in 0..12 {
        let mut state = State::default();
        for table in [0, 1, 3] {
            for _ in 0..[300, 20_000, 0, 2_000][table] {
                state.tables[table].insert(numbers.rowid(), numbers.value());
            }
        }
        let mut base = vec![state.export(&[], Knowledge::None, true).unwrap().ledger.unwrap()];
        for _ in 0..8 {
            let touched = state.change(numbers);
            let whole = state.export(&base, Knowledge::None, false).unwrap();
            let quick = state.export(&base, Knowledge::Only(touched.clone()), false).unwrap();
            assert!(whole.out == quick.out, "{:?} {:?}", whole.summary, quick.summary);
            assert_eq!(whole.summary.state_id, quick.summary.state_id);
            changes += whole.summary.changes;
            unchanged += u64::from(whole.summary.changes == 0);
            let expected = state.export(&base, Knowledge::Expected(touched), false).unwrap();
            assert_eq!((expected.unexpected, expected.out == whole.out), (0, true));
            base.push(whole.out);
        }
    }
    assert!(changes > 5_000 && unchanged < 10, "{changes} {unchanged}");
}

#[test]
fn changes_where_none_was_expected_are_counted() {
    let mut state = State::default();
    state.tables[0] = (0..100).map(|rowid| (rowid, vec![1])).collect();
    let base = [state.export(&[], Knowledge::None, true).unwrap().ledger.unwrap()];
    state.tables[0].insert(50, vec![2]);
    state.tables[0].insert(60, vec![0; 3 << 20]);
    state.tables[0].remove(&70);
    state.tables[1].insert(1, vec![3]);
    let mut touched = Touched::default();
    touched.set("a", vec![50..=50]);
    touched.set("big", Vec::new());
    let found = state.export(&base, Knowledge::Expected(touched), false).unwrap();
    assert_eq!((found.summary.changes, found.unexpected), (4, 3));
}

#[test]
fn a_ledger_of_touched_rows_is_refused() {
    let state = State::default();
    let base = [state.export(&[], Knowledge::None, true).unwrap().ledger.unwrap()];
    let Err(error) = state.export(&base, Knowledge::Only(Touched::default()), true) else { panic!("it was made") };
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
}
