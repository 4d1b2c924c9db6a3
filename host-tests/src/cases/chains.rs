//! Chains, and bundles that are none.

use serde_json::json;

use super::{KEY, Made, Maker, all, database, sealed};

/// The life of a database: each step leads to the next state.
const LIFE: [&str; 10] = [
    "CREATE TABLE steps (id INTEGER PRIMARY KEY AUTOINCREMENT, a, b TEXT UNIQUE);
     CREATE TABLE keyed (k TEXT, n INT, v, PRIMARY KEY (n, k)) WITHOUT ROWID;
     WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 3000)
     INSERT INTO steps (a, b) SELECT i * 0.1, 'step ' || i FROM i;
     INSERT INTO keyed SELECT b, id % 7, a FROM steps; PRAGMA user_version = 41",
    "UPDATE steps SET a = a || ' changed' WHERE id % 3 = 0; UPDATE steps SET a = zeroblob(3000000) WHERE id = 7;
     DELETE FROM keyed WHERE n = 4; CREATE INDEX steps_lower ON steps (lower(b)) WHERE a > 1;
     INSERT INTO keyed VALUES ('new', -1, NULL), ('new', 9223372036854775807, 0.1 + 0.2)",
    "PRAGMA legacy_alter_table = on; ALTER TABLE steps ADD COLUMN c DEFAULT 'c'; ALTER TABLE keyed RENAME TO \"named anew\"",
    "CREATE VIRTUAL TABLE found USING fts5(body); INSERT INTO found VALUES ('the quick brown fox'), ('jumps');
     CREATE TRIGGER grow AFTER INSERT ON steps BEGIN DELETE FROM found; END; INSERT INTO steps (id) VALUES (9000); ANALYZE",
    "DROP TABLE \"named anew\"; CREATE TABLE \"named anew\" (x INTEGER PRIMARY KEY, y); INSERT INTO \"named anew\" VALUES (1, 2)",
    "DELETE FROM steps WHERE id > 100; INSERT INTO found VALUES ('over'); PRAGMA application_id = -9",
    "UPDATE steps SET id = -id WHERE id < 50; INSERT INTO steps (a) VALUES (CAST(x'6100' AS TEXT)), (x''), (9e999), (-1 * 0.0)",
    "ALTER TABLE steps DROP COLUMN c; CREATE TABLE strict (a ANY PRIMARY KEY) STRICT, WITHOUT ROWID; INSERT INTO strict VALUES ('1'), (1)",
    "DROP INDEX steps_lower; DROP TRIGGER grow; DROP TABLE found; CREATE VIEW v AS SELECT * FROM steps; DROP TABLE sqlite_stat1",
    "DROP VIEW v; DROP TABLE strict; DROP TABLE \"named anew\"; DROP TABLE steps; PRAGMA user_version = 42",
];

pub(super) fn add(maker: &mut Maker) {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let chain = chain(maker, &format!("life-{encoding}"), encoding, &LIFE);
        for length in [2, 5, 8, 10] {
            maker.good(&format!("chain/{encoding}-{length}"), &chain[..length].iter().collect::<Vec<_>>());
        }
    }
    links(maker);
    damaged(maker);
}

/// The bundles of a life: each a delta from the one before, the first a full bundle.
fn chain(maker: &Maker, name: &str, encoding: &str, steps: &[&str]) -> Vec<Made> {
    let db = database(&format!("PRAGMA encoding = '{encoding}'"));
    let mut chain: Vec<Made> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        db.execute_batch(step).unwrap_or_else(|e| panic!("{step}: {e}"));
        let base: Vec<&Made> = chain.iter().collect();
        let made = maker.export(&format!("{name}-{number}.bundle"), &db, &base, json!({}));
        chain.push(made);
    }
    chain
}

const A: &str = "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)";
const B: &str = "INSERT INTO t VALUES (4)";
const C: &str = "DELETE FROM t WHERE a = 2";
const BACK: &str = "INSERT INTO t (rowid, a) VALUES (2, 2); DELETE FROM t WHERE a = 4";

fn links(maker: &mut Maker) {
    let made = chain(maker, "links", "UTF-8", &[A, B, C, BACK, B]);
    let [a, ab, bc, ca, ab_again] = made.as_slice() else { unreachable!("five steps") };
    let others = chain(maker, "fork", "UTF-8", &[A, "INSERT INTO t VALUES (5)", "INSERT INTO t VALUES (6)"]);
    let [_, ax, xy] = others.as_slice() else { unreachable!("three steps") };
    let full = |sql: &str, file: &str| maker.full(file, sql);
    let (b, c) = (full(&format!("{A}; {B}"), "links-b.bundle"), full(&format!("{A}; {B}; {C}"), "links-c.bundle"));
    let path = |made: &Made| maker.directory.join(&made.file).display().to_string();
    let base = json!({ "base": path(a) }).to_string();
    let nothing = blob(maker, "links-nothing.bundle", a, A, "SELECT backup_export(?1, ?2)", &base);
    let both = json!([path(ab), path(bc)]).to_string();
    let composed = blob(maker, "links-composed.bundle", bc, "", "SELECT backup_compose(?2, ?1)", &both);
    let domain = json!({ "domain": "another" });
    let db = database(A);
    let full_of_another = maker.export("another-0.bundle", &db, &[], domain.clone());
    db.execute_batch(B).expect("it is SQL");
    let of_another = maker.export("another-1.bundle", &db, &[&full_of_another], domain);

    maker.good("chain/of-one", &[a]);
    maker.good("chain/of-two", &[a, ab]);
    maker.good("chain/from-a-later-full-bundle", &[&b, bc]);
    maker.good("chain/composed-delta", &[a, &composed]);
    maker.good("chain/back-to-an-earlier-state", &[a, ab, bc, ca]);
    maker.good("chain/the-same-delta-where-it-fits-again", &[a, ab, bc, ca, ab_again]);
    maker.good("chain/a-delta-of-nothing", &[a, &nothing]);

    let none = || all("mismatch");
    maker.bad("chain/wrong-order", &[a, bc, ab], none());
    maker.bad("chain/newest-first", &[bc, ab, a], none());
    maker.bad("chain/full-bundle-last", &[ab, bc, a], none());
    maker.bad("chain/gap", &[a, bc], none());
    maker.bad("chain/gap-later", &[a, ab, ca], none());
    maker.bad("chain/fork", &[a, ab, ax], none());
    maker.bad("chain/fork-later", &[a, ab, ax, xy], none());
    maker.bad("chain/replayed", &[a, ab, ab], none());
    maker.bad("chain/full-bundle-twice", &[a, a], none());
    maker.bad("chain/full-bundle-in-the-middle", &[a, ab, &c, ca], none());
    maker.bad("chain/full-bundle-of-another-state", &[&c, ab], none());
    maker.bad("chain/of-another-domain", &[a, &of_another], none());
    maker.bad("chain/full-bundle-of-another-domain", &[&full_of_another, ab], none());
    maker.bad("chain/of-full-bundles", &[a, &b, &c], none());
    // Without the key nothing is wrong with these: a keeper may hold a part of a chain.
    maker.bad("chain/delta-alone", &[ab], sealed("mismatch"));
    maker.bad("chain/deltas-alone", &[ab, bc, ca], sealed("mismatch"));

    maker.good("chain/expected", &[a, ab, bc]).expect = bc.state.state_id.clone();
    maker.bad("chain/an-earlier-state-than-expected", &[a, ab], none()).expect = bc.state.state_id.clone();
    maker.bad("chain/a-later-state-than-expected", &[a, ab, bc], none()).expect = ab.state.state_id.clone();
}

/// A bundle that leads to the state of another, and that no call writes to a file.
fn blob(maker: &Maker, file: &str, state: &Made, sql: &str, call: &str, argument: &str) -> Made {
    let bytes: Vec<u8> =
        database(sql).query_row(call, [KEY, argument], |row| row.get(0)).unwrap_or_else(|e| panic!("{file}: {e}"));
    Made { file: maker.file(file, &bytes), bytes, state: state.state.clone() }
}

/// Chains with damage in one of their bundles.
fn damaged(maker: &mut Maker) {
    let fill = "UPDATE t SET a = a || hex(rowid * 7919)";
    let first = "CREATE TABLE t (a); WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 999) INSERT INTO t SELECT i FROM i";
    let chain = chain(maker, "damaged", "UTF-8", &[first, fill, fill, fill]);
    for (number, place) in ["full", "first-delta", "middle-delta", "last-delta"].into_iter().enumerate() {
        let sound = &chain[number].bytes;
        let middle = sound.len() / 2;
        let mut flipped = sound.clone();
        flipped[middle] ^= 0x10;
        let mut head = sound.clone();
        head[40] ^= 1;
        for (fault, kind, bytes) in [
            ("flipped", "corrupt", flipped),
            ("head-flipped", "corrupt", head),
            ("cut", "truncated", sound[..middle].to_vec()),
            ("cut-by-one", "truncated", sound[..sound.len() - 1].to_vec()),
            ("byte-after-the-end", "corrupt", [sound, &b"\0"[..]].concat()),
            ("empty", "truncated", Vec::new()),
            ("no-bundle", "corrupt", b"Some notes that lay beside the bundles.".repeat(9)),
        ] {
            let file = maker.file(&format!("damaged-{number}-{fault}.bundle"), &bytes);
            let files: Vec<&str> =
                (0..chain.len()).map(|n| if n == number { file.as_str() } else { chain[n].file.as_str() }).collect();
            maker.case(&format!("damaged-chain/{place}-{fault}"), &files, all(kind));
        }
    }
}
