//! Full bundles of good databases: one of each kind of thing that SQLite keeps, and whole databases.

use serde_json::json;

use super::{Job, Maker, all, database, only};
use crate::corpus;
use crate::host::open;

/// A name, and the SQL that makes the database.
const STATES: [(&str, &str); 33] = [
    ("empty", ""),
    ("settings", "PRAGMA application_id = -2147483648; PRAGMA user_version = 2147483647"),
    ("no-rows", "CREATE TABLE t (a); CREATE TABLE \"\" (\"\")"),
    (
        "integers",
        "CREATE TABLE t (a INTEGER, b); INSERT INTO t VALUES (-9223372036854775808, 9223372036854775807),
         (9007199254740993, -9007199254740993), (4294967296, -2147483649), (0, -1), (127, -128), (NULL, 256)",
    ),
    (
        "reals",
        "CREATE TABLE t (a REAL, b); INSERT INTO t VALUES (-1 * 0.0, -1 * 0.0), (9e999, -9e999), (5e-324, -5e-324),
         (0.1 + 0.2, 1.0), (1.7976931348623157e308, 9007199254740993.0), (1, 4.0)",
    ),
    (
        "texts",
        "CREATE TABLE t (a TEXT); INSERT INTO t VALUES (''), (char(0)), ('a' || char(0) || 'b'), ('é' || char(0x10FFFF)),
         ('e' || char(0x301)), (char(0xFEFF, 0xFFFE, 0xFFFF)), (char(13, 10, 0x2028)), ('0042'), (NULL)",
    ),
    (
        "ill-formed-utf-8",
        "CREATE TABLE t (a TEXT); INSERT INTO t SELECT CAST(column1 AS TEXT) FROM (VALUES (x'ff'), (x'eda080'), (x'c080'),
         (x'e282'), (x'f4908080'), (x'6100ff63'), (x'efbbbf62'), (x'efbfbd'))",
    ),
    (
        "ill-formed-utf-16le",
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('well' || char(0, 0x1F6DF));
         INSERT INTO t SELECT CAST(column1 AS TEXT) FROM (VALUES (x'00d8'), (x'00dc'), (x'00dc00d8'), (x'610000d86200'),
         (x'fffe6100'), (x'feff'))",
    ),
    (
        "ill-formed-utf-16be",
        "PRAGMA encoding = 'UTF-16be'; CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('well' || char(0, 0x1F6DF));
         INSERT INTO t SELECT CAST(column1 AS TEXT) FROM (VALUES (x'd800'), (x'dc00'), (x'dc00d800'), (x'0061d8000062'),
         (x'fffe0061'), (x'feff'))",
    ),
    ("blobs", "CREATE TABLE t (a BLOB); INSERT INTO t VALUES (x''), (x'00'), (zeroblob(5000)), ('text'), (x'd9d9f7'), (1.5)"),
    (
        "alike",
        "CREATE TABLE t (a); INSERT INTO t VALUES (1), (1.0), ('1'), ('1.0'), (x'31'), (NULL), (''), (x''), (0), (0.0), ('0')",
    ),
    (
        "long-values",
        "CREATE TABLE t (a, b, c, d); CREATE TABLE u (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
         INSERT INTO t VALUES (zeroblob(3000000), 1, replace(hex(zeroblob(700000)), '00', 'é'), zeroblob(131073)), (1, 2, 3, 4),
         (replace(hex(zeroblob(70000)), '00', 'long'), CAST(zeroblob(1048576) AS TEXT), x'', ''), (5, 6, zeroblob(1048577), 8);
         INSERT INTO u VALUES (hex(zeroblob(50000)), zeroblob(200000)), ('short', CAST(replace(hex(zeroblob(99999)), '00', x'fe') AS TEXT))",
    ),
    (
        "long-utf-16",
        "PRAGMA encoding = 'UTF-16be'; CREATE TABLE t (a, b);
         INSERT INTO t VALUES (replace(hex(zeroblob(700000)), '00', 'é'), replace(hex(zeroblob(70000)), '00', char(0x1F6DF)));
         INSERT INTO t SELECT CAST(CAST(a AS BLOB) || x'dc00' AS TEXT), 1 FROM t",
    ),
    (
        "many-rows",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b REAL); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE
         i < 10000) INSERT INTO t SELECT i * 3, 'row ' || i * 7919 % 40009, i / 7.0 FROM n",
    ),
    (
        "rowids",
        "CREATE TABLE t (a); INSERT INTO t (rowid, a) VALUES (-9223372036854775808, 1), (-1, 2), (0, 3), (9223372036854775807, 4);
         CREATE TABLE u (id INTEGER PRIMARY KEY DESC, a); INSERT INTO u VALUES (7, 'not its rowid');
         CREATE TABLE v (rowid TEXT, oid); INSERT INTO v (_rowid_, rowid, oid) VALUES (5, 'a column', 6)",
    ),
    (
        "without-rowid",
        "CREATE TABLE t (a TEXT COLLATE NOCASE, b REAL, c, PRIMARY KEY (c DESC, a)) WITHOUT ROWID;
         INSERT INTO t VALUES ('B', 1.0, 2), ('a', -1 * 0.0, 2), ('Ä', NULL, x'00'), ('b', 9e999, -1.5), ('', 4, 'text')",
    ),
    (
        "strict",
        "CREATE TABLE t (i INT, r REAL, t TEXT, b BLOB, a ANY) STRICT; INSERT INTO t VALUES (1, 2, '3', x'04', '005'), (1, 2, 3, x'', 5);
         CREATE TABLE u (k ANY PRIMARY KEY) STRICT, WITHOUT ROWID; INSERT INTO u VALUES (1), ('1'), (x'31')",
    ),
    (
        "generated",
        "CREATE TABLE t (a, v AS (a || '!'), s AS (a * 2) STORED, b); CREATE INDEX i ON t (s) WHERE v > 'b';
         INSERT INTO t (a, b) VALUES (1, 'one'), (2.5, NULL), ('x', x'00')",
    ),
    (
        "added-columns",
        "PRAGMA legacy_alter_table = on; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2); ALTER TABLE t ADD COLUMN b DEFAULT 'before';
         ALTER TABLE t ADD COLUMN c; INSERT INTO t VALUES (3, 'after', 4); ALTER TABLE t RENAME COLUMN a TO \"new name\";
         ALTER TABLE t DROP COLUMN c",
    ),
    (
        "indexes",
        "CREATE TABLE t (a UNIQUE, b COLLATE NOCASE, c); CREATE INDEX e ON t (lower(b), c DESC); CREATE INDEX p ON t (c) WHERE c > 1;
         CREATE UNIQUE INDEX \"x y\" ON t (a, b); INSERT INTO t VALUES (1, 'A', 2), (2, 'b', 0), (NULL, NULL, NULL), (NULL, 'Z', 9)",
    ),
    (
        "programs",
        "CREATE TABLE t (a); CREATE TABLE log (a); CREATE VIEW v AS SELECT a + 1 AS b FROM t; CREATE VIEW broken AS SELECT * FROM nowhere;
         CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END;
         CREATE TRIGGER o INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.b); END; INSERT INTO v VALUES (7)",
    ),
    (
        "dangling",
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p, n CHECK (n > 0)); PRAGMA ignore_check_constraints = on;
         INSERT INTO c VALUES (1, 1), (NULL, -1)",
    ),
    (
        "autoincrement",
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a); CREATE TABLE u (id INTEGER PRIMARY KEY AUTOINCREMENT);
         INSERT INTO t (a) VALUES (1), (2); INSERT INTO u VALUES (900); DELETE FROM u; DELETE FROM t WHERE id = 2",
    ),
    (
        "statistics",
        "CREATE TABLE t (a, b); CREATE INDEX i ON t (a, b); INSERT INTO t VALUES (1, 2), (1, 3), (2, 2); ANALYZE;
         INSERT INTO sqlite_stat1 VALUES ('no such table', NULL, 'nonsense'), (NULL, NULL, NULL)",
    ),
    (
        "fts5",
        "CREATE VIRTUAL TABLE f USING fts5(title, body, tokenize = 'porter'); INSERT INTO f VALUES ('Boats', 'row, row'), ('é', NULL);
         CREATE VIRTUAL TABLE c USING fts5(body, content = ''); INSERT INTO c (rowid, body) VALUES (-3, 'words'); DELETE FROM f WHERE rowid = 1",
    ),
    ("fts4", "CREATE VIRTUAL TABLE f USING fts4(a, b); INSERT INTO f VALUES ('the quick', 'brown fox'), ('jumps', NULL)"),
    (
        "rtree",
        "CREATE VIRTUAL TABLE r USING rtree(id, x, y, +label); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
         INSERT INTO r SELECT i, i % 20, i % 20 + 1.5, 'no ' || i FROM n; DELETE FROM r WHERE id % 7 = 0",
    ),
    (
        "names",
        "CREATE TABLE \"say \"\"hello\"\"\" (\"\"\"\", \"'\"); INSERT INTO \"say \"\"hello\"\"\" VALUES (1, 2);
         CREATE TABLE [select] ([from] PRIMARY KEY) WITHOUT ROWID; INSERT INTO [select] VALUES ('order by'); CREATE TABLE Zebra (A, \"Ä\", \"ä\");
         INSERT INTO Zebra VALUES (1, 2, 3); CREATE TABLE \"Größe 🛟\" (\"日本\"); INSERT INTO \"Größe 🛟\" VALUES ('é'); CREATE TABLE \"a\nb\" (\"\t\")",
    ),
    (
        "many-tables",
        "CREATE TABLE a (x); CREATE TABLE b (x PRIMARY KEY) WITHOUT ROWID; CREATE TABLE c (x UNIQUE); CREATE TABLE B2 (x); CREATE TABLE \"é\" (x);
         CREATE TABLE ab (x); INSERT INTO a VALUES (1); INSERT INTO b VALUES (2); INSERT INTO c VALUES (3); INSERT INTO B2 VALUES (4);
         INSERT INTO \"é\" VALUES (5); INSERT INTO ab VALUES (6)",
    ),
    ("utf-16le", "PRAGMA encoding = 'UTF-16le'; CREATE TABLE \"é\" (k TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO \"é\" VALUES ('ä'), (char(0x1F6DF)), ('a')"),
    ("utf-16be", "PRAGMA encoding = 'UTF-16be'; CREATE TABLE \"é\" (k TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO \"é\" VALUES ('ä'), (char(0x1F6DF)), ('a')"),
    ("one-blob-of-a-chunk", "CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(1048576)), (zeroblob(1048575)), (zeroblob(1048500))"),
    ("unicode-collations", "CREATE TABLE t (a COLLATE RTRIM UNIQUE, b COLLATE NOCASE); INSERT INTO t VALUES ('a', 'É'), ('a ' || char(9), 'é'), ('b  ', 'B')"),
];

/// Databases of the corpus.
const WHOLE: [&str; 5] = ["torture-utf-8", "torture-utf-16le", "torture-utf-16be", "zkap-small", "proj.db"];

pub(super) fn add(maker: &mut Maker) {
    for (name, sql) in STATES {
        let made = maker.full(&format!("{name}.bundle"), sql);
        maker.good(&format!("state/{name}"), &[&made]);
    }
    for name in WHOLE {
        let database = corpus::named(name).expect("it is one of the corpus");
        let made = maker.export(&format!("{name}.bundle"), &open(&database), &[], json!({}));
        maker.good(&format!("whole/{name}"), &[&made]);
    }
    options(maker);
    layouts(maker);
    indexes(maker);
}

/// Other bundles of the same rows: not compressed, of another domain, of a part of the database.
fn options(maker: &mut Maker) {
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE u (a); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1
               FROM n WHERE i < 5000) INSERT INTO t SELECT i, 'row ' || i FROM n; INSERT INTO u SELECT a FROM t WHERE id < 10";
    for (name, options) in [
        ("uncompressed", json!({ "compress": "none" })),
        ("partly-compressed", json!({ "compress": { "t": "none" } })),
        ("another-domain", json!({ "domain": "notes: é" })),
    ] {
        let made = maker.export(&format!("{name}.bundle"), &database(sql), &[], options);
        maker.good(&format!("options/{name}"), &[&made]);
    }
    for (name, options, rest) in [
        ("tables", json!({ "tables": ["T"] }), "DROP TABLE u"),
        (
            "rows",
            json!({ "exclude": ["u"], "where": { "t": "id % 5 = :now" }, "now": 2 }),
            "DROP TABLE u; DELETE FROM t WHERE id % 5 <> 2",
        ),
        ("cache", json!({ "cache": ["t"] }), "DELETE FROM t"),
    ] {
        let made = maker.export(&format!("part-{name}.bundle"), &database(sql), &[], options);
        let part = maker.full(&format!("part-{name}-alone.bundle"), &format!("{sql}; {rest}")).state;
        let state = &mut maker.good(&format!("part/{name}"), &[&made]).state;
        (state.tables, state.rows_sha256) = (part.tables, part.rows_sha256);
    }
}

/// An index under a collation that no host here has.
fn indexes(maker: &mut Maker) {
    let sql = "CREATE TABLE t (a, b); INSERT INTO t VALUES ('é', 1), ('E', 2); CREATE INDEX app ON t (a); CREATE INDEX b ON t (b);
               PRAGMA writable_schema = ON;
               UPDATE sqlite_schema SET sql = 'CREATE INDEX app ON t (a COLLATE app)' WHERE name = 'app'";
    let made = maker.full("collation.bundle", sql);
    for (name, skip_indexes, outcome) in [("all", false, "unsupported"), ("skip", true, "ok")] {
        let case = if skip_indexes {
            maker.good(&format!("indexes/{name}"), &[&made])
        } else {
            maker.bad(&format!("indexes/{name}"), &[&made], all(outcome))
        };
        case.skip_indexes = skip_indexes;
        case.outcome = only(Job::Recover, outcome);
    }
}

fn layouts(maker: &mut Maker) {
    let sql = "CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1), ('two'), (zeroblob(100000))";
    let made = maker.full("layout.bundle", sql);
    for (page_size, outcome) in
        [(512, "ok"), (1024, "ok"), (65536, "ok"), (0, "misuse"), (1000, "misuse"), (256, "misuse")]
    {
        let case = match outcome {
            "ok" => maker.good(&format!("layout/{page_size}"), &[&made]),
            _ => maker.bad(&format!("layout/{page_size}"), &[&made], all(outcome)),
        };
        case.page_size = Some(page_size);
        case.outcome = only(Job::Recover, outcome);
    }
}
