//! Damaged, forged and oversized bundles, and too little memory: typed errors in one instance that goes on working, never a
//! trap.

use crate::bundles::{Database, State, bundle, bundle_of, history, key_text};
use crate::host::bindings::exports::lifeboat::recovery::recovery::Error;
use crate::host::{Host, PIECE, kind};
use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Settings, TextEncoding, Value};
use lifeboat_core::{Result, StateSink};
use sha2::{Digest, Sha256};

const SMALL: &str = "CREATE TABLE t(a PRIMARY KEY, b); INSERT INTO t VALUES (1, 'one'), ('two', x'02')";

#[test]
fn every_flipped_bit_is_found_without_and_with_the_key() {
    let bundle = bundle_of(&Database::new(SMALL));
    let mut host = Host::new();
    let key = key_text();
    for place in 0..bundle.len() {
        let mut damaged = bundle.clone();
        damaged[place] ^= 1 << (place % 8);
        let public = run!(host, audit, damaged, PIECE, None, None).0.unwrap_err();
        let private = run!(host, inspection, damaged, PIECE, &key, None).0.unwrap_err();
        for error in [public, private] {
            assert!(["corrupt", "truncated", "unsupported", "too big"].contains(&kind(&error)), "{place}: {error:?}");
        }
    }
    run!(host, inspection, bundle, PIECE, &key, None).0.unwrap();
}

#[test]
fn every_cut_is_found() {
    let bundle = bundle_of(&Database::new(SMALL));
    let mut host = Host::new();
    for length in 0..bundle.len() {
        let error = run!(host, database, bundle[..length], PIECE, &key_text(), None, None).0.unwrap_err();
        assert_eq!(kind(&error), "truncated", "{length}: {error:?}");
    }
    let longer = [&bundle[..], &[0]].concat();
    assert_eq!(kind(&run!(host, audit, longer, PIECE, None, None).0.unwrap_err()), "corrupt");
}

/// Whoever has no key can still write any number of items, and list them: the most that the format allows.
fn a_million_items() -> Vec<u8> {
    const HEAD: usize = 75;
    const CHUNK: &[u8] = &[0x82, 0, 0x41, 0];
    let mut forged = bundle_of(&Database::new(SMALL))[..HEAD].to_vec();
    let mut records = Vec::new();
    let mut record = |item: &[u8]| {
        records.extend_from_slice(&u32::try_from(item.len()).unwrap().to_be_bytes());
        records.extend_from_slice(&Sha256::digest(item));
    };
    record(&forged);
    for _ in 1..1 << 20 {
        forged.extend_from_slice(CHUNK);
        record(CHUNK);
    }
    let listed = u32::try_from(records.len()).unwrap().to_be_bytes();
    let tail = [
        &[0x85, 0xf6, 0x58, 32],
        &[0; 32][..],
        &[0x5a],
        &listed,
        &records,
        &[0x58, 32],
        &[0; 32],
        &[0x58, 64],
        &[0; 64],
    ]
    .concat();
    let trailer = u64::try_from(tail.len()).unwrap().to_be_bytes();
    forged.extend([&tail[..], &[0x48], &trailer].concat());
    forged
}

#[test]
fn a_million_items_are_an_error_and_no_trap() {
    let forged = a_million_items();
    let mut host = Host::with_memory(512 << 20);
    let error = run!(host, audit, forged, PIECE, None, None).0.unwrap_err();
    assert!(kind(&error) == "corrupt" && error.text.contains("signature"), "{error:?}");
    let error = run!(host, inspection, forged, PIECE, &key_text(), None).0.unwrap_err();
    assert_eq!(kind(&error), "corrupt", "{error:?}");
    let sound = bundle_of(&Database::new(SMALL));
    let error = run_chain!(host, inspection, [&sound, &forged], PIECE, &key_text(), None).0.unwrap_err();
    assert!(kind(&error) == "corrupt" && error.text.contains("signature"), "{error:?}");
    run!(host, inspection, sound, PIECE, &key_text(), None).0.unwrap();
}

/// Deltas are held: how many, memory decides.
#[test]
fn deltas_that_have_no_room_are_an_error_and_no_trap() {
    let fill = "UPDATE t SET b = randomblob(1000000)";
    let first = format!("{SMALL}; INSERT INTO t VALUES (10, 0), (11, 0), (12, 0), (13, 0)");
    let (_, chain) = history(&[&first, fill, fill, fill, fill, fill, fill]);
    let (_, small) = history(&[&first, "DELETE FROM t WHERE a < 12"]);
    let key = key_text();
    let mut refused = 0;
    for mebibytes in [48, 64, 72, 80, 88, 96, 104, 112, 120, 128, 160] {
        let mut host = Host::with_memory(mebibytes << 20);
        if let Err(error) = run_chain!(host, inspection, chain, PIECE, &key, None).0 {
            assert_eq!(kind(&error), "too big", "{mebibytes} MiB: {error:?}");
            refused += 1;
        }
        if mebibytes >= 64 {
            run_chain!(host, inspection, small, PIECE, &key, None).0.unwrap();
            run!(host, audit, chain[1], PIECE, None, None).0.unwrap();
        }
    }
    assert!(refused > 2, "{refused} were refused");
    let length: usize = chain[1..].iter().map(Vec::len).sum();
    let mut host = Host::with_memory((64 << 20) + 4 * length);
    run_chain!(host, inspection, chain, PIECE, &key, None).0.unwrap();
}

/// A state that no SQLite made, exported by somebody who has the key.
struct Forged {
    schema: Vec<SchemaRow>,
    rows: usize,
    value: Vec<u8>,
}

impl Forged {
    fn schema(texts: &[(SchemaKind, &str, String)]) -> Self {
        let row = |(kind, name, sql): &(SchemaKind, &str, String)| SchemaRow {
            kind: *kind,
            name: (*name).to_owned(),
            table: if *kind == SchemaKind::Index { "t".to_owned() } else { (*name).to_owned() },
            sql: sql.clone(),
        };
        Self { schema: texts.iter().map(row).collect(), rows: 0, value: Vec::new() }
    }

    fn table(sql: impl Into<String>) -> Self {
        Self::schema(&[(SchemaKind::Table, "t", sql.into())])
    }
}

impl State for Forged {
    fn walk(&self, sink: &mut impl StateSink) -> Result<()> {
        sink.settings(&Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 })?;
        sink.schema(&self.schema)?;
        sink.table("t")?;
        (1..=self.rows).try_for_each(|row| {
            let rowid = i64::try_from(row).expect("a small number");
            sink.row(Key::Rowid(rowid), &[Value::Blob(&self.value)])
        })
    }
}

/// The kind of error that a forged state gives, after which the instance still works.
fn refusal(state: &Forged) -> String {
    let (mut host, bundle, key) = (Host::new(), bundle(state), key_text());
    let error = run!(host, database, bundle, PIECE, &key, None, None).0.unwrap_err();
    let sound = bundle_of(&Database::new(SMALL));
    run!(host, database, sound, PIECE, &key, None, None).0.unwrap();
    format!("{}: {}", kind(&error), error.text)
}

#[test]
fn schemas_that_would_do_something_else_are_refused() {
    for sql in [
        "CREATE TABLE t(a); DROP TABLE t",
        "CREATE TEMP TABLE t(a)",
        "CREATE TABLE u(a)",
        "CREATE TABLE t AS SELECT 1 AS a",
        "SELECT 1",
        "CREATE TABLE t(a",
        "",
    ] {
        let error = refusal(&Forged::table(sql));
        assert!(error.starts_with("corrupt") || error.starts_with("unsupported"), "{sql}: {error}");
    }
}

/// Nesting is SQLite's to bound; in WebAssembly the stack is small, and its end would be a trap.
#[test]
fn deep_nesting_is_an_error_and_no_trap() {
    let nested = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    let table = || (SchemaKind::Table, "t", "CREATE TABLE t(a)".to_owned());
    for depth in [100, 1_000, 10_000, 100_000] {
        let states = [
            Forged::table(format!("CREATE TABLE t(a CHECK({}))", nested("(", "a", ")", depth))),
            Forged::table(format!("CREATE TABLE t(a CHECK({}))", nested("NOT ", "a", "", depth))),
            Forged::table(format!("CREATE TABLE t(a CHECK({}))", nested("a+", "a", "", depth))),
            Forged::table(format!("CREATE TABLE t(a, b AS ({}))", nested("abs(", "a", ")", depth))),
            Forged::table(format!("CREATE TABLE t(a CHECK(a IN {}))", nested("(SELECT 1 IN ", "(1)", ")", depth))),
            Forged::schema(&[
                table(),
                (SchemaKind::Index, "i", format!("CREATE INDEX i ON t({})", nested("-", "a", "", depth))),
            ]),
            Forged::schema(&[
                table(),
                (
                    SchemaKind::View,
                    "v",
                    format!("CREATE VIEW v AS {}", nested("SELECT * FROM (", "SELECT 1", ")", depth)),
                ),
            ]),
            Forged::schema(&[
                table(),
                (
                    SchemaKind::View,
                    "v",
                    format!("CREATE VIEW v AS {}SELECT 1", nested("SELECT 1 UNION ALL ", "", "", depth)),
                ),
            ]),
            Forged::schema(&[
                table(),
                (
                    SchemaKind::View,
                    "v",
                    format!("CREATE VIEW v AS {}", nested("WITH c AS (", "SELECT 1", ") SELECT * FROM c", depth)),
                ),
            ]),
            Forged::schema(&[
                table(),
                (
                    SchemaKind::View,
                    "v",
                    format!("CREATE VIEW v AS SELECT {} FROM t", nested("CASE WHEN a THEN ", "a", " END", depth)),
                ),
            ]),
        ];
        let mut host = Host::new();
        for (number, state) in states.iter().enumerate() {
            let bundle = bundle(state);
            match run!(host, database, bundle, PIECE, &key_text(), None, None).0 {
                Ok(_) => assert!(depth < 100_000, "{number} at {depth}"),
                Err(error) => assert!(
                    ["too big", "unsupported", "corrupt"].contains(&kind(&error)),
                    "{number} at {depth}: {error:?}"
                ),
            }
        }
    }
}

#[test]
fn too_little_memory_is_an_error_and_no_trap() {
    let state = Forged { rows: 200, value: vec![7; 600_000], ..Forged::table("CREATE TABLE t(a)") };
    let bundle = bundle(&state);
    let (sound, key) = (bundle_of(&Database::new(SMALL)), key_text());
    for mebibytes in [64, 80, 97, 113, 128] {
        let mut host = Host::with_memory(mebibytes << 20);
        let error = run!(host, database, bundle, PIECE, &key, None, None).0.unwrap_err();
        assert_eq!(kind(&error), "too big", "{error:?}");
        run!(host, database, sound, PIECE, &key, None, None).0.unwrap();
        // Without a database to build, flat memory is enough.
        run!(host, inspection, bundle, PIECE, &key, None).0.unwrap();
    }
    let mut host = Host::new();
    run!(host, database, bundle, PIECE, &key, None, None).0.unwrap();
}

#[test]
fn a_long_value_that_has_no_room_is_an_error_and_no_trap() {
    let state = Forged { rows: 1, value: vec![7; 80_000_000], ..Forged::table("CREATE TABLE t(a)") };
    let (bundle, key) = (bundle(&state), key_text());
    for mebibytes in [64, 128, 192, 256] {
        let mut host = Host::with_memory(mebibytes << 20);
        if let Err(error) = run!(host, database, bundle, PIECE, &key, None, None).0 {
            assert_eq!(kind(&error), "too big", "{error:?}");
        }
    }
    let mut host = Host::new();
    run!(host, database, bundle, PIECE, &key, None, None).0.unwrap();
}

/// From the least memory that an instance can begin with: whatever is too little for the work is told.
#[test]
fn the_least_memory_is_an_error_and_no_trap() {
    let fill = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
        INSERT INTO t SELECT i, randomblob(3000) FROM n";
    let (_, chain) = history(&[&format!("{SMALL}; {fill}"), "UPDATE t SET b = randomblob(3000) WHERE a % 9 = 0"]);
    let (mut refused, mut done) = (0, 0);
    for mebibytes in (8..=64).step_by(8) {
        for bundles in [&chain[..1], &chain] {
            for job in [inspected, built, handed_out] {
                let Some(mut host) = Host::try_with_memory(mebibytes << 20) else { continue };
                match job(&mut host, bundles) {
                    Ok(()) => done += 1,
                    Err(error) => {
                        assert_eq!(kind(&error), "too big", "{mebibytes} MiB: {error:?}");
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 10 && done > 10, "{refused} were refused, {done} done");
}

fn inspected(host: &mut Host, bundles: &[Vec<u8>]) -> std::result::Result<(), Error> {
    let work = call!(host, inspection.call_open(&key_text(), None))?;
    for delta in &bundles[1..] {
        call!(host, inspection.call_begin_delta(work))?;
        delta.chunks(PIECE).try_for_each(|piece| call!(host, inspection.call_push_delta(work, piece)))?;
    }
    bundles[0].chunks(PIECE).try_for_each(|piece| call!(host, inspection.call_push(work, piece)))?;
    call!(host, inspection.call_finish(work)).map(drop)
}

fn built(host: &mut Host, bundles: &[Vec<u8>]) -> std::result::Result<(), Error> {
    let work = call!(host, database.call_open(&key_text(), None, None))?;
    for delta in &bundles[1..] {
        call!(host, database.call_begin_delta(work))?;
        delta.chunks(PIECE).try_for_each(|piece| call!(host, database.call_push_delta(work, piece)))?;
    }
    bundles[0].chunks(PIECE).try_for_each(|piece| call!(host, database.call_push(work, piece)))?;
    call!(host, database.call_finish(work))?;
    while call!(host, database.call_pull(work))?.is_some() {}
    Ok(())
}

fn handed_out(host: &mut Host, bundles: &[Vec<u8>]) -> std::result::Result<(), Error> {
    let work = call!(host, rows.call_open(&key_text(), None))?;
    for delta in &bundles[1..] {
        call!(host, rows.call_begin_delta(work))?;
        delta.chunks(PIECE).try_for_each(|piece| call!(host, rows.call_push_delta(work, piece)))?;
    }
    for piece in bundles[0].chunks(PIECE) {
        call!(host, rows.call_push(work, piece))?;
        while call!(host, rows.call_next(work))?.is_some() {}
    }
    call!(host, rows.call_finish(work)).map(drop)
}
