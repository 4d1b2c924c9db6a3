//! Deltas and indexes that are sealed and signed correctly, and contradict their base or themselves
//! (`FORMAT.md`, "Rules").

use crate::cbor::{Append, Bytes, put, put_array};
use crate::chain::bundle::Bundle;
use crate::chain::links::{Chain, Deltas};
use crate::crypto::digest::{Digester, Total};
use crate::crypto::domain::Domain;
use crate::error::{ErrorKind, Result};
use crate::export::chunk::{ChunkBuilder, ExportOptions, ExportTotals, PlainChunk};
use crate::export::items::Export;
use crate::export::writer::BundleWriter;
use crate::format::change::NO_KEY;
use crate::format::index::number;
use crate::kinds::{ChunkKind, Compression};
use crate::limits;
use crate::restore::opener::{Discard, Restore};
use crate::state::sink::{SchemaKind, SchemaRow, Settings, StateSink, Table};
use crate::state::value::{Key, TextEncoding, Value};
use crate::tests::forged::key;

pub(crate) fn domain() -> Domain {
    key().domain("default").expect("a name")
}

/// A full bundle of a table "t" with these rowids, each with the value 1, and its total.
fn full(rowids: &[i64]) -> (Vec<u8>, Total) {
    let mut writer = BundleWriter::new(&domain(), Vec::new()).expect("memory");
    let mut export = Export::new(&domain(), ExportOptions::default(), |chunk| writer.chunk(&chunk));
    let settings = Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 };
    let name = || "t".to_owned();
    let schema = [SchemaRow { kind: SchemaKind::Table, name: name(), table: name(), sql: String::new() }];
    let walk = |sink: &mut dyn StateSink| -> Result<()> {
        sink.settings(&settings)?;
        sink.schema(&schema)?;
        sink.table("t")?;
        rowids.iter().try_for_each(|rowid| sink.row(Key::Rowid(*rowid), &[Value::Integer(1)]))
    };
    walk(&mut export).expect("a state");
    let totals = export.finish().expect("a state").bundle;
    (writer.finish(&totals).expect("memory").1, totals.target)
}

/// A change: key, old and new value, all canonical.
type Change<'a> = (&'a [u8], Option<&'a [u8]>, Option<&'a [u8]>);

/// A delta with these changes, from a state of this total.
fn delta(base: Total, changes: &[Change<'_>]) -> Vec<u8> {
    delta_of("t", base, changes)
}

fn delta_of(table: &str, base: Total, changes: &[Change<'_>]) -> Vec<u8> {
    let (keys, table) = (domain(), Table::Named(table));
    let mut digester = Digester::new(&keys);
    digester.table(&table);
    let mut writer = BundleWriter::new(&domain(), Vec::new()).expect("memory");
    let mut chunks = ChunkBuilder::new(&keys, |chunk| writer.chunk(&chunk));
    chunks.table(&table, Compression::Zstd).expect("memory");
    let mut target = base;
    for (key, old, new) in changes {
        let digest = |value: &[u8]| digester.item(key, value);
        let (old, new) = (old.map(digest), new.map(|value| (digest(value), value)));
        let added = new.map(|(digest, _)| digest);
        target.sum = target.sum.wrapping_add(number(added)).wrapping_sub(number(old));
        target.count = target.count + u64::from(added.is_some()) - u64::from(old.is_some());
        chunks.push(key, old, new).expect("memory");
    }
    let totals = chunks.finish(keys.domain_id, base, target).expect("its own sums");
    writer.finish(&totals).expect("memory").1
}

fn restored(full: &[u8], delta: &[u8]) -> Result<()> {
    let deltas = Deltas::open(key(), [delta], || Ok(()))?;
    let mut restore = Restore::over(key(), deltas, Discard);
    restore.push(full)?;
    restore.finish().map(drop)
}

const ONE: &[u8] = &[0x81, 1];
const TWO: &[u8] = &[0x81, 2];
const KEYED: &[u8] = &[0x81, 1];

#[test]
fn deltas_that_contradict_their_base() {
    let (full, total) = full(&[1, 2]);
    assert_eq!(restored(&full, &delta(total, &[(&[2], Some(ONE), Some(TWO)), (&[3], None, Some(ONE))])), Ok(()));
    let faults: [(&str, &[Change<'_>]); 6] = [
        ("an old value that is not there", &[(&[2], Some(TWO), Some(ONE))]),
        ("a removal of what is not there", &[(&[3], Some(ONE), None)]),
        ("a new row that is there", &[(&[2], None, Some(TWO))]),
        ("a key twice", &[(&[2], Some(ONE), None), (&[2], None, Some(TWO))]),
        ("a key twice, with its old value", &[(&[2], Some(ONE), None), (&[2], Some(ONE), Some(TWO))]),
        ("primary keys beside rowids", &[(KEYED, None, Some(ONE))]),
    ];
    for (fault, changes) in faults {
        let delta = delta(total, changes);
        let kind = restored(&full, &delta).map_err(|error| error.kind());
        assert_eq!(kind, Err(ErrorKind::Corrupt), "{fault}");
        let chain = Chain::open(key(), [&full, &delta]).expect("links that hold");
        let walked = chain.walk(key(), Discard, || Ok(())).map(drop).map_err(|error| error.kind());
        assert_eq!(walked, Err(ErrorKind::Corrupt), "{fault}");
        if !fault.contains("primary") {
            assert_eq!(chain.check(|| Ok(())).map_err(|error| error.kind()), Err(ErrorKind::Corrupt), "{fault}");
        }
    }
}

/// The items of SQLite's own tables are also read where a delta is checked by itself.
#[test]
fn items_of_a_delta_alone() {
    let (_, total) = full(&[1, 2]);
    let checked = |new: &[u8]| {
        let delta = delta_of("sqlite_sequence", total, &[(&NO_KEY, None, Some(new))]);
        let chain = Chain::open(key(), [&delta]).expect("links that hold");
        chain.check(|| Ok(())).map_err(|error| error.kind())
    };
    let (utf8, utf16) = (&[0x82, 0x61, b't', 1][..], &[0x82, 0x82, 2, 0x42, b'u', 0, 1][..]);
    assert_eq!(checked(&[&[0x82][..], utf8, utf8].concat()), Ok(()));
    assert_eq!(checked(&[&[0x82][..], utf16, utf16].concat()), Ok(()));
    assert_eq!(checked(&[&[0x82][..], utf8, utf16].concat()), Err(ErrorKind::Corrupt), "two encodings");
}

/// A bundle whose index is this, with one chunk for each entry.
fn indexed(entries: &[Vec<u8>], base: Total, target: Total) -> Vec<u8> {
    let mut writer = BundleWriter::new(&domain(), Vec::new()).expect("memory");
    for entry in entries {
        let chunk = PlainChunk {
            kind: ChunkKind::from_number(entry[1]).expect("a kind"),
            compression: Compression::Zstd,
            plaintext: vec![0; 10],
            entry: entry.clone(),
        };
        writer.chunk(&chunk).expect("memory");
    }
    let totals = ExportTotals { domain_id: domain().domain_id, base, target, chunks: entries.len() as u64, changes: 0 };
    writer.finish(&totals).expect("memory").1
}

/// An entry without a sum.
fn entry(kind: u8, runs: &[(Table<'_>, u64, u64)]) -> Vec<u8> {
    let mut entry = Vec::new();
    let out = &mut Append(&mut entry);
    put_array(out, 3);
    put(out, kind);
    put(out, Bytes(&[0; 16][..]));
    put_array(out, runs.len());
    for (table, removals, writes) in runs {
        put_array(out, 4);
        table.encode(out);
        put(out, *removals);
        put(out, *writes);
        put(out, 0_u8);
    }
    entry
}

/// The index is checked for its limits and for contradictions before it is used.
#[test]
fn indexes_that_no_chunks_have() {
    let total = Total { sum: 5, count: 9 };
    let opened = |entries: &[Vec<u8>], target: Total| {
        Bundle::open(key(), indexed(entries, total, target)).map(drop).map_err(|error| error.kind())
    };
    let (t, u) = (Table::Named("t"), Table::Named("u"));
    let good =
        || vec![entry(0, &[(t, 2, 0)]), entry(0, &[(t, 0, 1), (u, 0, 3)]), entry(1, &[]), entry(2, &[(u, 0, 1)])];
    assert_eq!(opened(&good(), total), Ok(()));
    let mixed = vec![entry(0, &[(t, 1, 1)]), entry(0, &[(t, 2, 0)])];
    assert_eq!(opened(&mixed, total), Ok(()), "removals after writes");
    assert_eq!(opened(&good(), Total { sum: 6, ..total }), Err(ErrorKind::Corrupt), "another sum");
    for (fault, entries) in [
        ("a table twice in an entry", vec![entry(0, &[(t, 0, 1), (t, 0, 1)])]),
        ("tables out of order", vec![entry(0, &[(u, 0, 1), (t, 0, 1)])]),
        ("entries out of order", vec![entry(0, &[(u, 0, 1)]), entry(0, &[(t, 0, 1)])]),
        ("a run without changes", vec![entry(0, &[(t, 0, 0), (u, 0, 2)])]),
        ("an empty chunk", vec![entry(0, &[]), entry(0, &[(t, 0, 2)])]),
        ("a part without a last one", vec![entry(0, &[(t, 0, 2)]), entry(1, &[])]),
        ("a last part alone", vec![entry(0, &[(t, 0, 1)]), entry(2, &[(t, 0, 1)])]),
        ("a chunk between parts", vec![entry(1, &[]), entry(0, &[(t, 0, 1)]), entry(2, &[(t, 0, 1)])]),
        ("two changes in parts", vec![entry(1, &[]), entry(2, &[(t, 0, 2)])]),
        ("runs of a part", vec![entry(1, &[(t, 0, 1)]), entry(2, &[(t, 0, 1)])]),
    ] {
        assert_eq!(opened(&entries, total), Err(ErrorKind::Corrupt), "{fault}");
    }
    let counts = vec![entry(0, &[(t, u64::MAX, 3)])];
    assert_eq!(opened(&counts, total), Err(ErrorKind::Corrupt), "counts that wrap around");
    let counts = vec![entry(0, &[(t, u64::MAX, 0), (u, 3, 0)])];
    assert_eq!(opened(&counts, total), Err(ErrorKind::Corrupt), "counts that wrap around together");
    let names: Vec<String> = (0..=limits::RUNS_MAX).map(|number| format!("{number:04}")).collect();
    let runs: Vec<_> = names.iter().map(|name| (Table::Named(name), 0, 1)).collect();
    assert_eq!(opened(&[entry(0, &runs)], total), Err(ErrorKind::TooBig), "runs");
    let names: Vec<String> = (0..2 * limits::SCHEMA_ROWS_MAX + 4).map(|number| format!("{number:06}")).collect();
    let runs: Vec<_> = names.iter().map(|name| (Table::Named(name), 0, 1)).collect();
    let entries: Vec<_> = runs.chunks(limits::RUNS_MAX).map(|runs| entry(0, runs)).collect();
    assert_eq!(opened(&entries, total), Err(ErrorKind::TooBig), "tables");
}

/// An entry that lies about its chunk is found when the chunk is opened.
#[test]
fn entries_that_lie() {
    let keys = domain();
    let mut digester = Digester::new(&keys);
    digester.table(&Table::Named("t"));
    let plaintext = [&[0x61, b't', 0x83, 5, 0xf6][..], ONE].concat();
    let sum = number(Some(digester.item(&[5], ONE)));
    let find = |bound: u8, removals: u64, writes: u64, name: &str| {
        let mut entry = Vec::new();
        let out = &mut Append(&mut entry);
        put_array(out, 3);
        put(out, 0_u8);
        put(out, Bytes(&sum.to_be_bytes()[..]));
        put_array(out, 1);
        put_array(out, 4);
        put(out, name);
        put(out, removals);
        put(out, writes);
        put(out, bound);
        let mut writer = BundleWriter::new(&domain(), Vec::new()).expect("memory");
        let chunk = PlainChunk {
            kind: ChunkKind::Changes,
            compression: Compression::None,
            plaintext: plaintext.clone(),
            entry,
        };
        writer.chunk(&chunk).expect("memory");
        let target = Total { sum, count: 3 };
        let changes = removals + writes;
        let totals = ExportTotals { domain_id: keys.domain_id, base: Total::default(), target, chunks: 1, changes };
        let bundle = writer.finish(&totals).expect("memory").1;
        let chain = Chain::open(key(), [bundle]).expect("an index that is consistent");
        chain.find(name, Key::Rowid(5)).map(|row| row.is_some()).map_err(|error| error.kind())
    };
    assert_eq!(find(5, 0, 1, "t"), Ok(true));
    assert_eq!(find(4, 0, 1, "t"), Err(ErrorKind::Corrupt), "another bound");
    assert_eq!(find(5, 0, 2, "t"), Err(ErrorKind::Corrupt), "more writes");
    assert_eq!(find(5, 1, 1, "t"), Err(ErrorKind::Corrupt), "a removal");
    assert_eq!(find(5, 0, 1, "u"), Err(ErrorKind::Corrupt), "another table");
}
