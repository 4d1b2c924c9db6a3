//! Both ways, with threads and without, and their errors.

use super::*;
use crate::chain::base::Base;
use crate::chain::links::Deltas;
use crate::crypto::domain::Domain;
use crate::crypto::key::RecoveryKey;
use crate::error::{Error, ErrorKind, Result};
use crate::export::chunk::ExportOptions;
use crate::export::state_digest::StateDigest;
use crate::export::writer::BundleSummary;
use crate::restore::decoder::Report;
use crate::restore::opener::Discard;
use crate::state::selection::Selection;
use crate::state::sink::{SchemaKind, SchemaRow, Settings, StateSink};
use crate::state::value::{Key, TextEncoding, Value};
use std::cell::Cell;
use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};
use std::time::Duration;

thread_local! {
    pub static WITHOUT_THREADS: Cell<bool> = const { Cell::new(false) };
}

/// A state with many rows: more chunks than the queues hold. `version`: the end of each row.
fn walk(version: u64, sink: &mut impl StateSink) -> Result<()> {
    sink.settings(&Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 })?;
    let sql = "CREATE TABLE t(x)".to_owned();
    sink.schema(&[SchemaRow { kind: SchemaKind::Table, name: "t".into(), table: "t".into(), sql }])?;
    sink.table("t")?;
    for row in 0..20_000 {
        // Digits that zstd cannot compress much.
        let number = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let text = format!(
            "{number:016x}{:016x}{:016x}{version:x}",
            number.rotate_left(23) ^ row as u64,
            number.wrapping_mul(number)
        );
        sink.row(Key::Rowid(row), &[Value::Text(text.as_bytes())])?;
    }
    Ok(())
}

fn domain() -> Domain {
    key().domain("test").unwrap()
}

fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(std::array::from_fn(|index| index as u8)).unwrap()
}

/// Exports that version, from nothing or from a state that this ledger remembers, with a ledger.
fn export_of<W: Write + Send, L: Write + Send>(
    version: u64,
    base: Option<&[u8]>,
    out: W,
    ledger: L,
) -> Result<Written<W, L>> {
    let options = ExportOptions::default();
    let base = base.map(|base| || Base::ledger(key(), base.to_vec()));
    let making = Making { options, selection: None, base, knowledge: Knowledge::None, threads: Threads::default() };
    export(&domain(), out, Some(ledger), making, &|| Ok(()), |rows| walk(version, rows))
}

fn export_to<W: Write + Send>(out: W) -> Result<(BundleSummary, W)> {
    export_of(1, None, out, io::sink()).map(|written| (written.summary, written.out))
}

fn restore_from<S: StateSink>(bundle: &[u8], sink: S) -> Result<(Report, S)> {
    let feed = |push: &mut dyn FnMut(&[u8]) -> Result<()>| bundle.chunks(1 << 16).try_for_each(push);
    restore(&key().into(), feed, Deltas::none(), sink, &|| Ok(()))
}

/// Fails when it has taken this many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails at this row.
struct Fussy(u32);

impl StateSink for Fussy {
    fn settings(&mut self, _: &Settings) -> Result<()> {
        Ok(())
    }
    fn schema(&mut self, _: &[SchemaRow]) -> Result<()> {
        Ok(())
    }
    fn selection(&mut self, _: &Selection) -> Result<()> {
        Ok(())
    }
    fn table(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
    fn row(&mut self, _: Key<'_>, _: &[Value<'_>]) -> Result<()> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| Error::busy("fussy"))?;
        Ok(())
    }
    fn system_table(&mut self, _: &str, _: &[Vec<Value<'_>>]) -> Result<()> {
        Ok(())
    }
}

#[test]
fn one_thread_does_the_same_as_several() {
    let (summary, several) = export_to(Vec::new()).unwrap();
    assert!(summary.chunks > 3, "the queue was filled");
    WITHOUT_THREADS.set(true);
    let (_, one) = export_to(Vec::new()).unwrap();
    assert!(one == several);
    let keys = domain();
    for without in [true, false] {
        WITHOUT_THREADS.set(without);
        let (report, digest) = restore_from(&one, StateDigest::new(&keys)).unwrap();
        assert_eq!((report.items, digest.finish().unwrap()), (20002, summary.state_id));
    }
}

#[test]
fn one_thread_makes_the_same_deltas_and_ledgers() {
    let mut made = Vec::new();
    for without in [true, false] {
        WITHOUT_THREADS.set(without);
        let full = export_of(1, None, Vec::new(), Vec::new()).unwrap();
        let ledger = full.ledger.unwrap();
        let delta = export_of(2, Some(&ledger), Vec::new(), Vec::new()).unwrap();
        assert!(ledger.len() > 5 << 16 && delta.summary.chunks > 3, "{} {}", ledger.len(), delta.summary.chunks);
        assert_eq!((delta.summary.base_id, delta.summary.changes), (Some(full.summary.state_id), 20_000));
        assert_eq!(Base::ledger(key(), &ledger[..]).unwrap().state_id(), full.summary.state_id);
        made.push((full.out, ledger, delta.out, delta.ledger));
    }
    assert!(made[0] == made[1]);
}

/// Tells whether it was written to by another thread than the one that made it.
struct Elsewhere(ThreadId, bool, Vec<u8>);

impl Write for Elsewhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1 |= thread::current().id() != self.0;
        self.2.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_export_keeps_to_its_threads_and_makes_the_same() {
    let ledger = export_of(1, None, Vec::new(), Vec::new()).unwrap().ledger.unwrap();
    let expected = export_of(2, Some(&ledger), Vec::new(), Vec::new()).unwrap().out;
    let cases = [(Threads::One, false, false), (Threads::Two, false, true), (Threads::Three, true, true)];
    for (threads, reads_base_elsewhere, writes_elsewhere) in cases {
        let (caller, base_thread) = (thread::current().id(), Mutex::new(None));
        let base = Some(|| {
            *base_thread.lock().unwrap() = Some(thread::current().id());
            Base::ledger(key(), ledger.clone())
        });
        let making =
            Making { options: ExportOptions::default(), selection: None, base, knowledge: Knowledge::None, threads };
        let out = Elsewhere(caller, false, Vec::new());
        let written = export(&domain(), out, None::<io::Sink>, making, &|| Ok(()), |rows| walk(2, rows));
        let Elsewhere(_, was_elsewhere, bundle) = written.unwrap().out;
        assert_eq!(was_elsewhere, writes_elsewhere, "{threads:?}");
        assert_eq!(base_thread.into_inner().unwrap() != Some(caller), reads_base_elsewhere, "{threads:?}");
        assert!(bundle == expected, "{threads:?}");
    }
}

#[test]
fn a_ledger_that_finds_no_room_fails_the_export() {
    for without in [true, false] {
        WITHOUT_THREADS.set(without);
        for room in [0, 1000, 300_000] {
            let error = export_of(1, None, Vec::new(), Full(room)).err().unwrap();
            assert!(error.message().starts_with("writing the bundle: "), "{room}: {error}");
        }
    }
}

#[test]
fn a_delta_that_finds_no_room_or_no_base() {
    let ledger = export_of(1, None, Vec::new(), Vec::new()).unwrap().ledger.unwrap();
    let mut damaged = ledger.clone();
    damaged[ledger.len() / 2] ^= 1;
    let cut = &ledger[..ledger.len() - 1];
    for without in [true, false] {
        WITHOUT_THREADS.set(without);
        for room in [0, 1000, 300_000] {
            let error = export_of(2, Some(&ledger), Full(room), Vec::new()).err().unwrap();
            assert!(error.message().starts_with("writing the bundle: "), "{room}: {error}");
            let error = export_of(2, Some(&ledger), Vec::new(), Full(room)).err().unwrap();
            assert!(error.message().starts_with("writing the bundle: "), "{room}: {error}");
        }
        let error = export_of(2, Some(&damaged), Vec::new(), Vec::new()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let error = export_of(2, Some(cut), Vec::new(), Vec::new()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Truncated, "{error}");
        let written = export_of(2, Some(&ledger), Vec::new(), Vec::new()).unwrap();
        assert_eq!(written.summary.changes, 20_000);
    }
}

#[test]
fn the_first_cause_is_the_error() {
    let (summary, bundle) = export_to(Vec::new()).unwrap();
    for without in [true, false] {
        WITHOUT_THREADS.set(without);
        for room in [0, bundle.len() / 3, bundle.len() - 1] {
            let error = export_to(Full(room)).err().unwrap();
            assert!(error.message().starts_with("writing the bundle: "), "{room}: {error}");
        }
        for rows in [0, 19_999] {
            let error = restore_from(&bundle, Fussy(rows)).err().unwrap();
            assert_eq!((error.kind(), error.message().ends_with("fussy")), (ErrorKind::Busy, true), "{error}");
        }
        for length in [0, bundle.len() - 1] {
            let error = restore_from(&bundle[..length], Discard).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Truncated, "{length}: {error}");
        }
        let mut damaged = bundle.clone();
        damaged[bundle.len() / 2] ^= 1;
        assert_eq!(restore_from(&damaged, Discard).err().unwrap().kind(), ErrorKind::Corrupt);
    }
    assert_eq!(summary.length, bundle.len() as u64);
}

/// A feed that waits for a network, which nothing but the application's wish ends.
#[test]
fn a_feed_that_waits_is_interrupted() {
    let bundle = export_to(Vec::new()).unwrap().1;
    let (ended, asked) = (AtomicBool::new(false), Cell::new(0));
    let feed = |push: &mut dyn FnMut(&[u8]) -> Result<()>| {
        push(&bundle[..bundle.len() / 2])?;
        while !ended.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        Err(Error::interrupted("by the feed"))
    };
    let interrupt = || {
        asked.set(asked.get() + 1);
        // Of the chunks that came before the wait there are fewer.
        if asked.get() < 100 {
            return Ok(());
        }
        ended.store(true, Ordering::SeqCst);
        Err(Error::interrupted("by the application"))
    };
    let restored = restore(&key().into(), feed, Deltas::none(), Discard, &interrupt);
    let error = restored.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Interrupted, "by the application"));
}

/// What a state has that is not a row of some bytes: a selection, a table that is one item, a row that is too large to be
/// held encoded. `last`: the key of the last row.
fn walk_all_kinds(last: i64, sink: &mut impl StateSink) -> Result<()> {
    sink.settings(&Settings { application_id: 1, user_version: 2, encoding: TextEncoding::Utf16le })?;
    let table = |name: &str, sql: &str| SchemaRow {
        kind: SchemaKind::Table,
        name: name.to_owned(),
        table: name.to_owned(),
        sql: sql.to_owned(),
    };
    sink.schema(&[
        table("sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)"),
        table("t", "CREATE TABLE t(x, y)"),
        table("u", "CREATE TABLE u(k PRIMARY KEY) WITHOUT ROWID"),
    ])?;
    sink.system_table("sqlite_sequence", &[vec![Value::Utf16le(b"t\0"), Value::Integer(7)]])?;
    sink.table("t")?;
    let large = vec![7; 3 << 20];
    for row in 0..3000 {
        let value = if row % 1000 == 500 { Value::Blob(&large) } else { Value::Real(row as f64) };
        sink.row(Key::Rowid(row), &[value, Value::Null])?;
    }
    sink.row(Key::Rowid(last), &[Value::Null, Value::Null])?;
    sink.table("u")?;
    sink.row(Key::Primary(&[Value::Utf16le(b"a\0")]), &[])
}

#[test]
fn the_id_of_a_state_is_that_of_one_thread() {
    let keys = domain();
    let (mut many, mut all_kinds) = (StateDigest::new(&keys), StateDigest::new(&keys));
    walk(1, &mut many).unwrap();
    walk_all_kinds(i64::MAX, &mut all_kinds).unwrap();
    let (many, all_kinds) = (many.finish().unwrap(), all_kinds.finish().unwrap());
    for without in [true, false] {
        WITHOUT_THREADS.set(without);
        assert_eq!(state_id(&keys, |rows| walk(1, rows)).unwrap(), many);
        assert_ne!(state_id(&keys, |rows| walk(2, rows)).unwrap(), many);
        assert_eq!(state_id(&keys, |rows| walk_all_kinds(i64::MAX, rows)).unwrap(), all_kinds);
    }
}

#[test]
fn the_id_of_a_state_fails_as_with_one_thread() {
    let keys = domain();
    let by_itself = |walk: &dyn Fn(&mut StateDigest<'_>) -> Result<()>| {
        let mut digest = StateDigest::new(&keys);
        walk(&mut digest).and_then(|()| digest.finish()).unwrap_err()
    };
    let busy = || Err(Error::busy("the walk fails"));
    let cases = [
        // The worker finds it, and the walk goes on or fails for a reason of its own.
        (by_itself(&|sink| walk_all_kinds(5, sink)), 0),
        (by_itself(&|sink| walk_all_kinds(5, sink).and_then(|()| busy())), 1),
        (by_itself(&|sink| walk(1, sink).and_then(|()| busy())), 2),
        (by_itself(&|sink| walk(1, sink).and_then(|()| sink.row(Key::Rowid(20_001), &[]))), 3),
        (by_itself(&|sink| sink.table("t").and_then(|()| sink.row(Key::Rowid(1), &[]))), 4),
        (by_itself(&|_| Ok(())), 5),
        (by_itself(&|_| busy()), 6),
    ];
    for without in [true, false] {
        WITHOUT_THREADS.set(without);
        for (expected, number) in &cases {
            let found = state_id(&keys, |rows| match number {
                0 => walk_all_kinds(5, rows),
                1 => walk_all_kinds(5, rows).and_then(|()| busy()),
                2 => walk(1, rows).and_then(|()| busy()),
                3 => walk(1, rows).and_then(|()| rows.row(Key::Rowid(20_001), &[])),
                4 => rows.table("t").and_then(|()| rows.row(Key::Rowid(1), &[])),
                5 => Ok(()),
                _ => busy(),
            });
            assert_eq!(found.unwrap_err().to_string(), expected.to_string(), "{number}, {without}");
        }
    }
}
