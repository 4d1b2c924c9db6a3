//! The built component salvages: what comes back of damaged bundles, what is missing, and what it refuses.

use crate::bundles::{Database, bundle_of, history, key_text, with_snapshot};
use crate::host::bindings::exports::lifeboat::recovery::recovery::{
    Batch, Error, Layout, Missing, MissingRange, RangeKey, Salvaged, StatePart, Value,
};
use crate::host::{Host, PIECE, kind};
use crate::items::{damaged, items};
use wasmtime::component::ResourceAny;

/// Rows that nothing compresses, in some chunks; one value is long.
const MANY: &str = "CREATE TABLE t(id INTEGER PRIMARY KEY, x);
    CREATE TABLE w(a, b, c, PRIMARY KEY(b, a)) WITHOUT ROWID;
    CREATE TABLE c(p REFERENCES t); CREATE INDEX i ON t(x) WHERE id > 5;
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 6000)
    INSERT INTO t SELECT n * 3, randomblob(600) FROM n;
    INSERT INTO w SELECT id, 'key ' || (id % 5), x FROM t; INSERT INTO c SELECT id FROM t;
    INSERT INTO w VALUES (1, 'long', zeroblob(1500000));";

fn opened(host: &mut Host, bundles: &[Vec<u8>], piece: usize) -> Result<(ResourceAny, Salvaged), Error> {
    let salvage = call!(host, salvage.call_open(&key_text()))?;
    for bundle in bundles {
        call!(host, salvage.call_begin_bundle(salvage))?;
        bundle.chunks(piece).try_for_each(|piece| call!(host, salvage.call_push(salvage, piece)))?;
    }
    Ok((salvage, call!(host, salvage.call_finish(salvage))?))
}

/// All rows, with the long values put together.
fn rows(host: &mut Host, salvage: ResourceAny) -> Result<Vec<Batch>, Error> {
    let mut batches = Vec::new();
    while let Some(mut batch) = call!(host, salvage.call_next(salvage))? {
        for value in batch.rows.iter_mut().flat_map(|row| &mut row.values) {
            if let Value::Long(long) = value {
                let mut bytes = Vec::new();
                while (bytes.len() as u64) < long.length {
                    bytes.extend(call!(host, salvage.call_pull(salvage))?.expect("there is more"));
                }
                *value = Value::Blob(bytes);
            }
        }
        assert!(call!(host, salvage.call_pull(salvage))?.is_none());
        batches.push(batch);
    }
    Ok(batches)
}

fn file(host: &mut Host, salvage: ResourceAny) -> Database {
    let mut file = Vec::new();
    while let Some(piece) = call!(host, salvage.call_pull_file(salvage)).unwrap() {
        file.extend(piece);
    }
    Database::from_bytes(&file)
}

fn number(connection: &rusqlite::Connection, sql: &str, bounds: [i64; 2]) -> i64 {
    connection.query_row(sql, bounds, |row| row.get(0)).unwrap()
}

fn count(path: &Database, sql: &str) -> u64 {
    let connection = rusqlite::Connection::open(&**path).unwrap();
    let count: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    count.try_into().unwrap()
}

#[test]
fn the_rows_of_sound_chunks_come_back() {
    let source = Database::new(MANY);
    let bundle = bundle_of(&source);
    let chunks = items(&bundle).len() - 3;
    assert!(chunks > 8, "{chunks}");
    let hit = [damaged(&bundle, &[3, chunks - 2])];
    let mut host = Host::new();
    for piece in [1000, PIECE] {
        let (salvage, salvaged) = opened(&mut host, &hit, piece).unwrap();
        assert_eq!((salvaged.encoding.is_some(), salvaged.schema.as_ref().map(Vec::len)), (true, Some(4)));
        let [damage] = &salvaged.damaged[..] else { panic!("{:?}", salvaged.damaged) };
        assert_eq!(
            (damage.bundle, damage.chunks, damage.header, damage.index, damage.footer),
            (1, 2, false, false, false)
        );
        let [first, second] = &salvaged.missing[..] else { panic!("{:?}", salvaged.missing) };
        assert_eq!((first.bundle, first.position.item, first.items, salvaged.missing_more), (1, 3, 1, 0));
        assert_eq!(first.position.offset, items(&bundle)[3] as u64);
        let range = |missing: &Missing| match &missing.range {
            MissingRange::Table(range) => (range.table.clone(), range.from_key.clone(), range.to_key.clone()),
            other => panic!("{other:?}"),
        };
        let (table, from, to) = range(first);
        let (Some(RangeKey::Rowid(from)), Some(RangeKey::Rowid(to))) = (from, to) else { panic!("{first:?}") };
        assert_eq!((&*table, from % 3, to > from), ("t", 0, true));
        let (table, from, _) = range(second);
        assert!(table == "w" && matches!(from, Some(RangeKey::Primary(key)) if key.len() == 2), "{second:?}");

        let back: Vec<(String, u64)> = salvaged.tables.iter().map(|table| (table.name.clone(), table.rows)).collect();
        let batches = rows(&mut host, salvage).unwrap();
        let database = call!(host, salvage.call_build(salvage, None)).unwrap();
        assert_eq!(database.built.partial_indexes, ["i"]);
        assert!(
            database.foreign_key_check.iter().any(|row| row.starts_with("\"c\", rowid ")),
            "{:?}",
            database.foreign_key_check
        );
        let copy = file(&mut host, salvage);
        assert_eq!(database.built.size, std::fs::metadata(&*copy).unwrap().len());
        for (table, rows) in &back {
            assert_eq!(count(&copy, &format!("SELECT count(*) FROM {table}")), *rows);
            let given = batches.iter().filter(|batch| batch.table == *table);
            assert_eq!(given.map(|batch| batch.rows.len() as u64).sum::<u64>(), *rows);
            assert!(*rows < count(&source, &format!("SELECT count(*) FROM {table}")) || table == "c");
        }
        assert_eq!(
            batches.iter().filter(|batch| batch.table == "w").map(|batch| &batch.columns[..]).next().unwrap(),
            ["a", "b", "c"]
        );
        let outside = format!(
            "ATTACH '{}' AS source; CREATE TEMP TABLE lost AS SELECT * FROM source.t WHERE id NOT IN (SELECT id FROM main.t)",
            source.display()
        );
        let connection = rusqlite::Connection::open(&*copy).unwrap();
        connection.execute_batch(&outside).unwrap();
        let wrong = "SELECT count(*) FROM main.t WHERE NOT EXISTS (SELECT 1 FROM source.t s WHERE (s.id, s.x) = (main.t.id, main.t.x))";
        assert_eq!(number(&connection, &format!("{wrong} AND ?1 < ?2"), [0, 1]), 0);
        let unlisted = "SELECT count(*) FROM lost WHERE NOT id BETWEEN ?1 AND ?2";
        assert_eq!(number(&connection, unlisted, [from_of(first), to]), 0);
    }
}

fn from_of(missing: &Missing) -> i64 {
    match &missing.range {
        MissingRange::Table(range) => match range.from_key {
            Some(RangeKey::Rowid(rowid)) => rowid,
            _ => panic!("{missing:?}"),
        },
        _ => panic!("{missing:?}"),
    }
}

#[test]
fn without_the_schema_the_rows_come_without_names() {
    let bundle = bundle_of(&Database::new(MANY));
    let hit = [damaged(&bundle, &[1])];
    let mut host = Host::new();
    let (salvage, salvaged) = opened(&mut host, &hit, PIECE).unwrap();
    assert!(salvaged.schema.is_none() && salvaged.encoding.is_none() && salvaged.application_id.is_none());
    let parts: Vec<_> = salvaged
        .missing
        .iter()
        .filter_map(|missing| match missing.range {
            MissingRange::Part(part) => Some(part),
            _ => None,
        })
        .collect();
    assert!(parts.contains(&StatePart::Settings) && parts.contains(&StatePart::Schema), "{:?}", salvaged.missing);
    let batches = rows(&mut host, salvage).unwrap();
    assert!(batches.iter().all(|batch| batch.columns.is_empty()));
    let of = |table: &str| {
        let batches = batches.iter().filter(|batch| batch.table == table);
        batches.flat_map(|batch| &batch.rows).next().unwrap().clone()
    };
    // All that is stored: in `t` the id is the rowid; in `w` the key comes first.
    assert!(of("t").rowid.is_some() && matches!(of("t").values[..], [Value::Blob(_)]), "{:?}", of("t").values.len());
    let key = &of("w").values[..2];
    assert!(of("w").values.len() == 3 && matches!(key, [Value::Text(_), Value::Integer(_)]), "{key:?}");
    let error = call!(host, salvage.call_build(salvage, None)).unwrap_err();
    assert!(kind(&error) == "corrupt" && error.text.contains("no database can be built"), "{error:?}");
}

#[test]
fn a_chain_gives_no_old_row() {
    let (source, bundles) = history(&[
        MANY,
        "UPDATE t SET x = randomblob(600); DROP TABLE c",
        "DELETE FROM t WHERE id > 17000; INSERT INTO w VALUES (2, 'new', 3)",
    ]);
    let mut hit = bundles.clone();
    let middle = items(&bundles[1]).len() / 2;
    hit[1] = damaged(&bundles[1], &[middle]);
    let mut host = Host::new();
    let (salvage, salvaged) = opened(&mut host, &hit, PIECE).unwrap();
    assert_eq!(salvaged.damaged.iter().map(|damage| damage.bundle).collect::<Vec<_>>(), [2]);
    let database = call!(host, salvage.call_build(salvage, Some(Layout { page_size: 1024, skip_indexes: false })));
    database.unwrap();
    let copy = file(&mut host, salvage);
    assert_eq!(count(&copy, "SELECT page_size FROM pragma_page_size"), 1024);
    let connection = rusqlite::Connection::open(&*copy).unwrap();
    connection.execute_batch(&format!("ATTACH '{}' AS source", source.display())).unwrap();
    let old = "SELECT count(*) FROM main.t WHERE x NOT IN (SELECT x FROM source.t)";
    assert_eq!(number(&connection, &format!("{old} AND ?1 < ?2"), [0, 1]), 0);
    let batches = rows(&mut host, salvage).unwrap();
    assert!(batches.iter().all(|batch| batch.table != "c"), "a table that was dropped");

    // Undamaged, it is the very state.
    let (salvage, salvaged) = opened(&mut host, &bundles, PIECE).unwrap();
    assert!(salvaged.missing.is_empty() && salvaged.damaged.is_empty() && salvaged.domain.as_deref() == Some("test"));
    call!(host, salvage.call_build(salvage, None)).unwrap();
    let copy = file(&mut host, salvage);
    let ids = [&source, &copy].map(|path| with_snapshot(path, |snapshot| crate::bundles::bundle(&snapshot)));
    assert!(ids[0] == ids[1]);
}

#[test]
fn wrong_calls_are_misuse_and_errors_name_their_bundle() {
    let (_, bundles) = history(&[MANY, "PRAGMA foreign_keys = off; DELETE FROM t WHERE id > 50"]);
    let mut host = Host::new();
    let misuse = |result: Result<(), Error>| assert_eq!(kind(&result.unwrap_err()), "misuse");
    misuse(call!(host, salvage.call_open("no key")).map(drop));
    let salvage = call!(host, salvage.call_open(&key_text())).unwrap();
    misuse(call!(host, salvage.call_next(salvage)).map(drop));
    misuse(call!(host, salvage.call_build(salvage, None)).map(drop));
    misuse(call!(host, salvage.call_pull(salvage)).map(drop));
    misuse(call!(host, salvage.call_pull_file(salvage)).map(drop));
    misuse(call!(host, salvage.call_push(salvage, &vec![0; PIECE + 1])));
    misuse(call!(host, salvage.call_finish(salvage)).map(drop));

    // A full bundle alone needs no `begin-bundle`.
    let salvage = call!(host, salvage.call_open(&key_text())).unwrap();
    bundles[0].chunks(PIECE).for_each(|piece| call!(host, salvage.call_push(salvage, piece)).unwrap());
    call!(host, salvage.call_finish(salvage)).unwrap();
    misuse(call!(host, salvage.call_push(salvage, &[])));
    misuse(call!(host, salvage.call_begin_bundle(salvage)));
    misuse(call!(host, salvage.call_finish(salvage)).map(drop));
    misuse(call!(host, salvage.call_build(salvage, Some(Layout { page_size: 1000, skip_indexes: false }))).map(drop));
    misuse(call!(host, salvage.call_pull_file(salvage)).map(drop));
    call!(host, salvage.call_build(salvage, None)).unwrap();
    misuse(call!(host, salvage.call_build(salvage, None)).map(drop));

    let cut = [bundles[0].clone(), bundles[1][..bundles[1].len() / 2].to_vec()];
    let error = opened(&mut host, &cut, PIECE).unwrap_err();
    assert_eq!((kind(&error), error.bundle), ("truncated", Some(2)), "{error:?}");
    let error = opened(&mut host, &[bundles[1].clone()], PIECE).unwrap_err();
    assert_eq!(kind(&error), "mismatch", "{error:?}");
    let error = opened(&mut host, &[bundles[1].clone(), bundles[0].clone()], PIECE).unwrap_err();
    assert_eq!((kind(&error), error.bundle), ("mismatch", Some(2)), "{error:?}");
}

/// Whatever memory there is: it salvages, or says that there is too little. It never traps.
#[test]
fn too_little_memory_is_an_error() {
    let bundle = [bundle_of(&Database::new(MANY))];
    let outcomes: Vec<_> = (30..120)
        .step_by(6)
        .filter_map(|mebibytes| {
            let mut host = Host::try_with_memory(mebibytes << 20)?;
            let built = opened(&mut host, &bundle, PIECE)
                .and_then(|(salvage, _)| call!(host, salvage.call_build(salvage, None)));
            Some(built.map(drop).map_err(|error| (kind(&error), error.text)))
        })
        .collect();
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(refused.iter().all(|(kind, _)| *kind == "too big"), "{refused:?}");
    assert!(refused.iter().any(|(_, text)| text.contains("which a salvage holds whole")), "{refused:?}");
    assert!(outcomes.last().is_some_and(Result::is_ok), "{outcomes:?}");
}
