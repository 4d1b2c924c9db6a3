//! The built component takes chains: what it gives back, and what it refuses.

use crate::bundles::{
    Database, bundle_of, delta_of, export, history, key, key_text, ledger, state_id_of, with_snapshot,
};
use crate::host::bindings::exports::lifeboat::recovery::recovery::{Batch, Report, Summary};
use crate::host::{Host, PIECE, kind};
use wasmtime::component::ResourceAny;

/// A database that changes in all ways: rows, schemas, settings, counters, virtual tables, long values.
const LIFE: [&str; 5] = [
    "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a, b TEXT UNIQUE);
     CREATE TABLE w(k TEXT, n INT, v, PRIMARY KEY(n, k)) WITHOUT ROWID;
     WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 300)
     INSERT INTO t(a, b) SELECT i * 1.5, 'text ' || i FROM i;
     INSERT INTO w SELECT b, id, a FROM t; CREATE TABLE gone(x); INSERT INTO gone VALUES (1), (2);",
    "UPDATE t SET a = zeroblob(3000000) WHERE id = 7; DELETE FROM w WHERE n % 10 = 0; INSERT INTO w VALUES ('new', -1, NULL);
     PRAGMA user_version = 4; CREATE INDEX ti ON t(lower(b)) WHERE a > 1; DROP TABLE gone;",
    "ALTER TABLE t ADD COLUMN c DEFAULT 'c'; ALTER TABLE w RENAME TO v; CREATE VIRTUAL TABLE f USING fts5(body);
     INSERT INTO f VALUES ('the quick brown fox'); INSERT INTO t(id, b) VALUES (9000, 'last'); ANALYZE;",
    "DROP TABLE v; CREATE TABLE v(x INTEGER PRIMARY KEY, y); INSERT INTO v VALUES (1, 'w was here');
     ALTER TABLE t DROP COLUMN c; PRAGMA application_id = -9; DELETE FROM t WHERE id > 20;",
    "",
];

fn slices(bundles: &[Vec<u8>]) -> Vec<&[u8]> {
    bundles.iter().map(Vec::as_slice).collect()
}

fn pulled(host: &mut Host, database: ResourceAny) -> Vec<u8> {
    let mut file = Vec::new();
    while let Some(piece) = call!(host, database.call_pull(database)).unwrap() {
        file.extend(piece);
    }
    file
}

/// What a summary says of the state itself, whatever bundles it came in.
fn state(summary: &Summary) -> String {
    format!(
        "{} {} {:?} {} {} {:?} {:?} {:?} {:?}",
        summary.report.state_id,
        summary.domain,
        summary.domain_proven,
        summary.application_id,
        summary.user_version,
        summary.encoding,
        summary.schema,
        summary.tables,
        summary.selection
    )
}

#[test]
fn each_state_of_a_chain_comes_back() {
    let key = key_text();
    let mut chain = Vec::<Vec<u8>>::new();
    for end in 1..=LIFE.len() {
        let (source, bundles) = history(&LIFE[..end]);
        assert!(chain.iter().zip(&bundles).all(|(one, other)| one == other), "the same history, the same bytes");
        chain = bundles;
        let (bundles, full) = (slices(&chain), bundle_of(&source));
        let mut host = Host::new();
        for piece in [PIECE, 4097, 1] {
            if piece == 1 && end != 2 {
                continue;
            }
            let (recovered, database) = run_chain!(host, database, bundles, piece, &key, None, None);
            let recovered = recovered.unwrap();
            let summary = &recovered.summary;
            assert_eq!(summary.report.state_id, state_id_of(&source));
            assert_eq!(summary.bundles.len(), end);
            let sizes: Vec<u64> = summary.bundles.iter().map(|report| report.size).collect();
            assert_eq!(sizes, chain.iter().map(|bundle| bundle.len() as u64).collect::<Vec<_>>());
            for pair in summary.bundles.windows(2) {
                assert_eq!(pair[1].base_id.as_ref(), Some(&pair[0].state_id));
            }
            assert_eq!(summary.bundles[0].base_id, None);
            let target = Database::from_bytes(&pulled(&mut host, database));
            assert!(bundle_of(&target) == full, "the copy exports to the bundle of the last state");

            let (inspected, _) = run_chain!(host, inspection, bundles, piece, &key, Some(&summary.report.state_id));
            let inspected = inspected.unwrap();
            assert_eq!(state(&inspected), state(summary));
            assert_eq!(state(&run!(host, inspection, full, PIECE, &key, None).0.unwrap()), state(summary));
        }
        let rows = rows_of(&mut host, &bundles, 1000);
        assert!(rows == rows_of(&mut host, &[&full], PIECE), "state {end}: the rows are those of the full bundle");
        assert!(!rows.0.is_empty());
    }
}

/// The rows of each table as text, and all bytes of long values.
fn rows_of(host: &mut Host, bundles: &[&[u8]], piece: usize) -> (Vec<(String, Vec<String>)>, Vec<u8>) {
    let rows = call!(host, rows.call_open(&key_text(), None)).unwrap();
    for delta in &bundles[1..] {
        call!(host, rows.call_begin_delta(rows)).unwrap();
        for piece in delta.chunks(piece) {
            call!(host, rows.call_push_delta(rows, piece)).unwrap();
            assert!(call!(host, rows.call_next(rows)).unwrap().is_none());
        }
    }
    let (mut tables, mut long) = (Vec::<(String, Vec<String>)>::new(), Vec::new());
    for piece in bundles[0].chunks(piece).chain([&[][..]]) {
        call!(host, rows.call_push(rows, piece)).unwrap();
        take(host, rows, &mut tables, &mut long);
    }
    let summary = call!(host, rows.call_finish(rows)).unwrap();
    assert_eq!(summary.bundles.len(), bundles.len());
    (tables, long)
}

fn take(host: &mut Host, rows: ResourceAny, tables: &mut Vec<(String, Vec<String>)>, long: &mut Vec<u8>) {
    while let Some(Batch { table, columns, rows: some, .. }) = call!(host, rows.call_next(rows)).unwrap() {
        while let Some(piece) = call!(host, rows.call_pull(rows)).unwrap() {
            long.extend(piece);
        }
        let shown = some.iter().map(|row| format!("{:?} {columns:?} {:?}", row.rowid, row.values));
        match tables.last_mut() {
            Some((last, all)) if *last == table => all.extend(shown),
            _ => tables.push((table, shown.collect())),
        }
    }
}

/// One row that changes: small bundles to break. A chain of four, a branch from its second state, a foreign domain.
struct Bundles {
    chain: Vec<Vec<u8>>,
    branch: Vec<u8>,
    foreign: Vec<u8>,
    ledger: Vec<u8>,
}

fn bundles() -> Bundles {
    let step = |value: i32| format!("UPDATE t SET a = {value}");
    let first = "CREATE TABLE t(a); INSERT INTO t VALUES (0)";
    let (one, two, three) = (step(1), step(2), step(3));
    let (database, chain) = history(&[first, &one, &two, &three]);
    let other = Database::new(&format!("{first}; {}", step(8)));
    let base = slices(&chain[..2]);
    let foreign = with_snapshot(&database, |state| {
        let base = with_snapshot(&other, |state| export(&key(), "another", &[], &state));
        export(&key(), "another", &[&base], &state)
    });
    let ledger = with_snapshot(&other, |state| ledger(&state));
    Bundles { branch: delta_of(&base, &other), chain, foreign, ledger }
}

#[test]
fn what_is_no_chain_is_refused_with_its_reason() {
    let Bundles { chain, branch, foreign, ledger } = bundles();
    let [full, ab, bc, cd] = chain.try_into().expect("four bundles");
    let mut host = Host::new();
    let key = key_text();
    let other_key = lifeboat_core::RecoveryKey::from_bytes(*b"another key for tests, no key!!!").unwrap().to_text();
    let mut damaged = bc.clone();
    damaged[100] ^= 1;
    let cases: [(&[&[u8]], &str, &str); 17] = [
        (&[&full, &ab, &cd], "mismatch", "bundle 3 of the chain does not follow: it leads on from the state"),
        (&[&full, &bc], "mismatch", "bundle 2 of the chain does not follow: it leads on from the state"),
        (&[&full, &ab, &bc, &branch], "mismatch", "bundle 4 of the chain does not follow: a fork"),
        (&[&full, &ab, &cd, &bc], "mismatch", "bundle 3 of the chain does not follow: a wrong order"),
        (&[&full, &ab, &ab], "mismatch", "bundle 3 of the chain does not follow: it is bundle 2 again"),
        (&[&full, &ab, &foreign], "mismatch", "bundle 3 of the chain does not follow: it is of another domain"),
        (&[&full, &foreign], "mismatch", "bundle 2 of the chain does not follow: it is of another domain"),
        (&[&ab, &bc], "mismatch", "bundle 1 of the chain: this is a delta"),
        (&[&full, &full], "mismatch", "bundle 2 of the chain does not follow: it is a full bundle"),
        // Told when all of them are known, and so in the words that others have for them.
        (&[&bc, &ab, &full], "mismatch", "bundle 2 of the chain does not follow: a wrong order: bundle 3 comes before"),
        (&[&full, &bc, &ab], "mismatch", "bundle 2 of the chain does not follow: a wrong order: bundle 3 comes before"),
        (&[&ab, &cd, &bc], "mismatch", "bundle 2 of the chain does not follow: a wrong order: bundle 3 comes before"),
        (&[&full, &ab, &ledger], "mismatch", "bundle 3 of the chain: this is a ledger"),
        (&[&ledger, &ab], "mismatch", "this is a ledger"),
        (&[&full, &ab, &damaged, &cd], "corrupt", "bundle 3 of the chain: item 1 at byte 75"),
        (&[&full, &ab, &bc[..bc.len() - 1]], "truncated", "bundle 3 of the chain: the bundle ends"),
        (&[&[], &ab, &bc], "truncated", "the full bundle of the chain has not come"),
    ];
    for (bundles, expected, words) in cases {
        for piece in [PIECE, 1] {
            let errors = [
                run_chain!(host, inspection, bundles, piece, &key, None).0.unwrap_err(),
                run_chain!(host, database, bundles, piece, &key, None, None).0.unwrap_err(),
                run_rows(&mut host, bundles, piece),
            ];
            for error in errors {
                let text = format!("{error:?}");
                assert!(kind(&error) == expected && text.contains(words), "{words}: {text}");
            }
        }
    }
    for bundles in [[&full, &ab], [&full, &full], [&bc, &full]] {
        let error = run_chain!(host, inspection, bundles, PIECE, &other_key, None).0.unwrap_err();
        assert_eq!(kind(&error), "wrong key", "{error:?}");
    }
    let middle = run!(host, audit, ab, PIECE, None, None).0.unwrap().state_id;
    let error = run_chain!(host, inspection, [&full, &ab, &bc], PIECE, &key, Some(&middle)).0.unwrap_err();
    assert_eq!(kind(&error), "mismatch", "{error:?}");
    run_chain!(host, inspection, [&full, &ab], PIECE, &key, Some(&middle)).0.unwrap();
}

fn run_rows(
    host: &mut Host,
    bundles: &[&[u8]],
    piece: usize,
) -> crate::host::bindings::exports::lifeboat::recovery::recovery::Error {
    let mut work = || {
        let rows = call!(host, rows.call_open(&key_text(), None))?;
        for delta in &bundles[1..] {
            call!(host, rows.call_begin_delta(rows))?;
            delta.chunks(piece).try_for_each(|piece| call!(host, rows.call_push_delta(rows, piece)))?;
        }
        for piece in bundles[0].chunks(piece) {
            call!(host, rows.call_push(rows, piece))?;
            while call!(host, rows.call_next(rows))?.is_some() {}
        }
        call!(host, rows.call_finish(rows)).map(drop)
    };
    work().unwrap_err()
}

#[test]
fn audits_and_links_need_no_key() {
    let Bundles { chain, branch, foreign, .. } = bundles();
    let mut host = Host::new();
    let mut audit = |bundle: &[u8]| run!(host, audit, bundle, PIECE, None, None).0.unwrap();
    let reports: Vec<Report> = chain.iter().map(|bundle| audit(bundle)).collect();
    let (branch, foreign) = (audit(&branch), audit(&foreign));
    assert_eq!(reports[0].base_id, None);
    assert_eq!(reports[1].base_id.as_ref(), Some(&reports[0].state_id));
    let mut check = |reports: &[&Report]| {
        let reports: Vec<Report> = reports.iter().map(|report| (*report).clone()).collect();
        let (store, guest) = host.parts();
        guest.call_check_links(store, &reports).expect("a trap")
    };
    let [a, b, c, d] = &reports[..] else { panic!("four bundles") };
    for sound in [&[a, b, c, d][..], &[b, c], &[d], &[], &[a, b, &branch]] {
        check(sound).unwrap();
    }
    for (broken, number, words) in [
        (&[a, c][..], 2, "it leads on from the state"),
        (&[a, b, c, &branch], 4, "a fork"),
        (&[a, c, b], 2, "a wrong order: bundle 3 comes before it"),
        (&[b, a], 2, "it is a full bundle"),
        (&[a, &foreign], 2, "it is of another domain"),
    ] {
        let error = check(broken).unwrap_err();
        assert_eq!((kind(&error), error.bundle), ("mismatch", Some(number)), "{error:?}");
        assert!(error.text.contains(&format!("bundle {number} of the chain does not follow: {words}")), "{error:?}");
    }
    let nonsense = Report { state_id: "no id".to_owned(), ..a.clone() };
    assert_eq!(kind(&check(&[&nonsense]).unwrap_err()), "misuse");
    let nonsense = Report { verify_key: "no key".to_owned(), ..a.clone() };
    assert_eq!(kind(&check(&[&nonsense]).unwrap_err()), "misuse");
    assert_eq!(kind(&check(&[a; 1001]).unwrap_err()), "too big");
}

#[test]
fn no_damage_of_a_delta_goes_unseen() {
    let Bundles { chain, .. } = bundles();
    let (full, ab) = (&chain[0], &chain[1]);
    let (mut host, key) = (Host::new(), key_text());
    for place in 0..ab.len() {
        let mut damaged = ab.clone();
        damaged[place] ^= 1 << (place % 8);
        let error = run_chain!(host, database, [full, &damaged], PIECE, &key, None, None).0.unwrap_err();
        assert!(["corrupt", "truncated", "unsupported", "too big"].contains(&kind(&error)), "{place}: {error:?}");
        for cut in [&[full, &ab[..place].to_vec(), &chain[2]][..], &[full, &ab[..place].to_vec()]] {
            let error = run_chain!(host, database, cut, 64, &key, None, None).0.unwrap_err();
            assert_eq!(kind(&error), "truncated", "cut at {place}: {error:?}");
        }
    }
    run_chain!(host, database, [full, ab], PIECE, &key, None, None).0.unwrap();
}

#[test]
fn calls_out_of_order_change_nothing() {
    let Bundles { chain, .. } = bundles();
    let (mut host, key) = (Host::new(), key_text());
    let database = call!(host, database.call_open(&key, None, None)).unwrap();
    let too_long = call!(host, database.call_push_delta(database, &vec![0; PIECE + 1])).unwrap_err();
    assert_eq!(kind(&too_long), "misuse");
    let early = call!(host, database.call_push_delta(database, &chain[1])).unwrap_err();
    assert_eq!(kind(&early), "misuse");
    call!(host, database.call_begin_delta(database)).unwrap();
    call!(host, database.call_push_delta(database, &[])).unwrap();
    call!(host, database.call_push_delta(database, &chain[1])).unwrap();
    let (begin, rest) = chain[0].split_at(100);
    call!(host, database.call_push(database, begin)).unwrap();
    let late = call!(host, database.call_push_delta(database, &chain[2])).unwrap_err();
    assert_eq!(kind(&late), "misuse");
    call!(host, database.call_push(database, rest)).unwrap();
    let recovered = call!(host, database.call_finish(database)).unwrap();
    assert_eq!(recovered.summary.bundles.len(), 2);
    assert_eq!(kind(&call!(host, database.call_push_delta(database, &[])).unwrap_err()), "misuse");

    let inspection = call!(host, inspection.call_open(&key, None)).unwrap();
    call!(host, inspection.call_begin_delta(inspection)).unwrap();
    let first = call!(host, inspection.call_push_delta(inspection, &[&chain[1][..], &[0]].concat())).unwrap_err();
    assert_eq!(kind(&first), "corrupt");
    let again = call!(host, inspection.call_push_delta(inspection, &chain[1])).unwrap_err();
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
    let again = call!(host, inspection.call_push(inspection, &chain[0])).unwrap_err();
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
}
