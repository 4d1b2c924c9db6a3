//! The texts, each with its outcome on SQLite 3.5x (rusqlite's) and, where that is another one, on 3.40 (Debian 12's).
//!
//! Kept means an exact copy, in which nothing ran; the text acts when the application uses the restored database, as it did in
//! the database that it came from. `{dir}` is a directory in which no file may appear.

use Kind::{Index, Table, Trigger, View};
use Outcome::{Kept, Refused};

/// What a row of `sqlite_schema` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A table, virtual ones too.
    Table,
    /// An index.
    Index,
    /// A view.
    View,
    /// A trigger.
    Trigger,
}

impl Kind {
    /// As `sqlite_schema` has it.
    pub fn name(self) -> &'static str {
        match self {
            Table => "table",
            Index => "index",
            View => "view",
            Trigger => "trigger",
        }
    }
}

/// A row of `sqlite_schema`: what it is, its name, its table, its text.
pub type Row = (Kind, &'static str, &'static str, &'static str);

/// What becomes of a bundle.
#[derive(Debug)]
pub enum Outcome {
    /// It is restored exactly.
    Kept,
    /// It is refused, in these words.
    Refused(&'static str),
}

/// A hostile schema.
pub struct Text {
    /// Its rows, beside the table `a(x)`.
    pub rows: &'static [Row],
    /// How many values the rows of table `t` have; 0: it has none.
    pub columns: usize,
    /// On the newer SQLite.
    pub new: Outcome,
    /// On the older one.
    pub old: Outcome,
}

const fn text(rows: &'static [Row], columns: usize, new: Outcome, old: Outcome) -> Text {
    Text { rows, columns, new, old }
}

/// All of them.
pub const TEXTS: &[Text] = &[
    // CHECK
    text(&[(Table, "t", "t", "CREATE TABLE t(x CHECK (touched(x)))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x CHECK (touched_pure(x)))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, CHECK (load_extension('{dir}/escaped') IS NULL))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x CHECK (writefile('{dir}/escaped', x)))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x CHECK (edit(x)))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x CHECK (fts3_tokenizer('simple', x'00')))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x CHECK (backup_export_file('key', '{dir}/escaped')))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x CHECK ((SELECT touched())))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x CHECK (x IN (SELECT touched_pure())))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x CHECK (x MATCH touched_pure(x)))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x CHECK (RAISE(ABORT, 'no')))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x CHECK (x > 1000))")], 1, Kept, Kept),
    text(
        &[(Table, "t", "t", "CREATE TABLE t(x NOT NULL ON CONFLICT REPLACE DEFAULT (touched_pure()))")],
        1,
        Kept,
        Kept,
    ),
    // DEFAULT
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y DEFAULT (touched()))")], 2, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y DEFAULT (touched_pure()))")], 2, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y DEFAULT (load_extension('{dir}/escaped')))")], 2, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y DEFAULT (randomblob(1000000000)))")], 2, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y DEFAULT (SELECT touched()))")], 2, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y DEFAULT ((SELECT touched())))")], 2, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y DEFAULT CURRENT_TIMESTAMP)")], 2, Kept, Kept),
    // Generated columns
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (touched(x)))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (touched_pure(x)))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (touched(x)) STORED)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (touched_pure(x)) STORED)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (random()) STORED)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (load_extension(x)) STORED)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (writefile('{dir}/escaped', x)) STORED)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (fts3_tokenizer('simple')) STORED)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS ((SELECT touched())) STORED)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (x + 1) STORED CHECK (touched_pure(y)))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (x + 1) STORED, z DEFAULT (touched_pure()))")], 2, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (hex(zeroblob(400000000))) STORED)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (x + 1) STORED NOT NULL CHECK (y > 1000))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (abs(x)) STORED, z AS (y || 'z') VIRTUAL)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (z), z AS (y))")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x, y AS (x COLLATE only_here) UNIQUE)")], 1, Kept, Kept),
    // Indexes
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(touched(x))")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(touched_pure(x))")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(x) WHERE touched(x)")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(x) WHERE touched_pure(x)")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(x) WHERE x IN (SELECT touched_pure())")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a((SELECT touched()))")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(load_extension(x))")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(writefile('{dir}/escaped', x))")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(fts3_tokenizer(x))")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(backup_keygen())")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(x ->> touched_pure(x))")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(x COLLATE only_here)")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(random())")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(julianday('now'))")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(hex(zeroblob(400000000)))")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(abs(x)) WHERE x > 10")], 0, Kept, Kept),
    text(&[(Index, "i", "sqlite_master", "CREATE INDEX i ON sqlite_master(sql)")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON sqlite_master(sql)")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX other ON a(x)")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX i ON a(x); SELECT touched()")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE INDEX temp.i ON a(x)")], 0, Kept, Kept),
    text(&[(Index, "i", "a", "CREATE UNIQUE INDEX i ON a(x % 10)")], 0, Kept, Kept),
    text(&[(Index, "sqlite_autoindex_a_1", "a", "CREATE INDEX sqlite_autoindex_a_1 ON a(x)")], 0, Kept, Kept),
    text(
        &[(View, "v", "v", "CREATE VIEW v AS SELECT touched() AS x"), (Index, "i", "v", "CREATE INDEX i ON v(x)")],
        0,
        Kept,
        Kept,
    ),
    // Triggers
    text(&[(Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT touched(); END")], 0, Kept, Kept),
    text(
        &[(
            Trigger,
            "r",
            "a",
            "CREATE TRIGGER r BEFORE DELETE ON a WHEN touched_pure() BEGIN SELECT RAISE(ABORT, 'no'); END",
        )],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT load_extension('{dir}/escaped'); END")],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(
            Trigger,
            "r",
            "a",
            "CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT writefile('{dir}/escaped', new.x); END",
        )],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN INSERT INTO other.t VALUES (1); END")],
        0,
        Kept,
        Kept,
    ),
    text(&[(Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT * FROM other.t; END")], 0, Kept, Kept),
    text(
        &[(Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN INSERT INTO a VALUES (touched()), (2); END")],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(
            Trigger,
            "r",
            "a",
            "CREATE TRIGGER r AFTER INSERT ON a BEGIN WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i FROM c) SELECT * FROM c; END",
        )],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END; SELECT touched()")],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN ATTACH '{dir}/escaped' AS o; END")],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN PRAGMA writable_schema = ON; END")],
        0,
        Kept,
        Kept,
    ),
    text(&[(Trigger, "r", "a", "CREATE TEMP TRIGGER r AFTER INSERT ON a BEGIN SELECT touched(); END")], 0, Kept, Kept),
    text(&[(Trigger, "r", "a", "CREATE TRIGGER temp.r AFTER INSERT ON a BEGIN SELECT touched(); END")], 0, Kept, Kept),
    text(
        &[(
            Trigger,
            "r",
            "sqlite_master",
            "CREATE TRIGGER r AFTER INSERT ON sqlite_master BEGIN SELECT touched(); END",
        )],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON sqlite_master BEGIN SELECT touched(); END")],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(Trigger, "r", "missing", "CREATE TRIGGER r AFTER INSERT ON missing BEGIN SELECT touched(); END")],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(Trigger, "sqlite_r", "a", "CREATE TRIGGER sqlite_r AFTER INSERT ON a BEGIN SELECT touched(); END")],
        0,
        Kept,
        Kept,
    ),
    text(
        &[
            (View, "v", "v", "CREATE VIEW v AS SELECT touched() AS x"),
            (Trigger, "r", "v", "CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN SELECT touched(); END"),
        ],
        0,
        Kept,
        Kept,
    ),
    text(
        &[
            (Table, "sqlite_sequence", "sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)"),
            (Table, "t", "t", "CREATE TABLE t(x INTEGER PRIMARY KEY AUTOINCREMENT)"),
            (
                Trigger,
                "r",
                "sqlite_sequence",
                "CREATE TRIGGER r AFTER INSERT ON sqlite_sequence BEGIN SELECT touched(); END",
            ),
        ],
        0,
        Kept,
        Kept,
    ),
    // Views
    text(&[(View, "v", "v", "CREATE VIEW v AS SELECT touched(), touched_pure()")], 0, Kept, Kept),
    text(
        &[(
            View,
            "v",
            "v",
            "CREATE VIEW v AS SELECT load_extension('{dir}/escaped'), writefile('{dir}/escaped', 'x'), edit('x')",
        )],
        0,
        Kept,
        Kept,
    ),
    text(&[(View, "v", "v", "CREATE VIEW v AS SELECT * FROM pragma_table_list, pragma_function_list")], 0, Kept, Kept),
    text(
        &[(View, "v", "v", "CREATE VIEW v AS SELECT * FROM json_each('[1]'), generate_series(1, 1000000000000)")],
        0,
        Kept,
        Kept,
    ),
    text(&[(View, "v", "v", "CREATE VIEW v AS SELECT * FROM fsdir('{dir}')")], 0, Kept, Kept),
    text(&[(View, "v", "v", "CREATE VIEW v AS SELECT * FROM backup_rows('bundle', 'key', 'a')")], 0, Kept, Kept),
    text(
        &[(View, "v", "v", "CREATE VIEW v AS SELECT backup_restore_file('bundle', 'key', '{dir}/escaped')")],
        0,
        Kept,
        Kept,
    ),
    text(&[(View, "v", "v", "CREATE VIEW v AS SELECT * FROM v")], 0, Kept, Kept),
    text(&[(View, "v", "v", "CREATE VIEW v AS SELECT * FROM missing")], 0, Kept, Kept),
    text(&[(View, "v", "v", "CREATE VIEW v AS SELECT * FROM other.t")], 0, Kept, Kept),
    text(&[(View, "v", "v", "CREATE VIEW v(p, q) AS SELECT 1")], 0, Kept, Kept),
    text(
        &[(
            View,
            "v",
            "v",
            "CREATE VIEW v AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i FROM c) SELECT * FROM c",
        )],
        0,
        Kept,
        Kept,
    ),
    text(&[(View, "v", "v", "CREATE TEMP VIEW v AS SELECT touched()")], 0, Kept, Kept),
    text(&[(View, "v", "v", "CREATE VIEW v AS SELECT 1; SELECT touched()")], 0, Kept, Kept),
    text(&[(View, "a", "a", "CREATE VIEW a AS SELECT touched()")], 0, Kept, Kept),
    text(&[(View, "sqlite_v", "sqlite_v", "CREATE VIEW sqlite_v AS SELECT touched()")], 0, Kept, Kept),
    text(&[(View, "t", "t", "CREATE TABLE t AS SELECT touched()")], 0, Kept, Kept),
    // Virtual tables, their shadows, and modules that do something when they are connected
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE t USING fts5(x)")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE t USING fts5(x, content='a', tokenize='touched')")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE t USING fts3(x, tokenize=touched)")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE t USING rtree(id, x0, x1, +touched)")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE t USING unknown_module(touched())")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE t USING csv(filename='{dir}/other.db')")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE t USING zipfile('{dir}/escaped')")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE t USING dbstat")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE t USING sqlite_dbpage")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE t USING backup_rows")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE t USING fts5(x); SELECT touched()")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE temp.t USING fts5(x)")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE VIRTUAL TABLE other.t USING fts5(x)")], 0, Kept, Kept),
    text(&[(Table, "sqlite_t", "sqlite_t", "CREATE VIRTUAL TABLE sqlite_t USING fts5(x)")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE  VIRTUAL TABLE t USING fts5(x)")], 0, Kept, Kept),
    text(
        &[
            (
                Table,
                "t_content",
                "t_content",
                "CREATE TABLE t_content(id INTEGER PRIMARY KEY, c0 CHECK (touched_pure(c0)))",
            ),
            (Table, "t", "t", "CREATE VIRTUAL TABLE t USING fts5(x)"),
            (Trigger, "r", "t_content", "CREATE TRIGGER r AFTER INSERT ON t_content BEGIN SELECT touched(); END"),
        ],
        0,
        Kept,
        Kept,
    ),
    text(
        &[
            (Table, "t_data", "t_data", "CREATE TABLE t_data(id INTEGER PRIMARY KEY, block BLOB)"),
            (Index, "i", "t_data", "CREATE INDEX i ON t_data(touched_pure(block))"),
            (Table, "t", "t", "CREATE VIRTUAL TABLE t USING fts5(x)"),
        ],
        0,
        Kept,
        Kept,
    ),
    text(
        &[
            (Table, "t_node", "t_node", "CREATE VIEW t_node AS SELECT touched()"),
            (Table, "t", "t", "CREATE VIRTUAL TABLE t USING rtree(id, x0, x1)"),
        ],
        0,
        Kept,
        Kept,
    ),
    // A second statement, and texts that are none of a schema
    text(&[(Table, "t", "t", "CREATE TABLE t(x); ATTACH '{dir}/escaped' AS o")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x); DROP TABLE a")], 0, Kept, Kept),
    text(
        &[(Table, "t", "t", "CREATE TABLE t(x); PRAGMA writable_schema = ON; DELETE FROM sqlite_schema")],
        0,
        Kept,
        Kept,
    ),
    text(&[(Table, "t", "t", "CREATE TABLE t(x); SELECT touched()")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x) -- ; SELECT touched()")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x) /* ; SELECT touched()")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x);;")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x)\0; SELECT touched()")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t AS SELECT touched() AS x")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t AS SELECT writefile('{dir}/escaped', 'x') AS x")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t AS VALUES (touched_pure())")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "ATTACH '{dir}/escaped' AS o")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "VACUUM INTO '{dir}/escaped'")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "SELECT touched()")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "SELECT load_extension('{dir}/escaped')")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "DELETE FROM a")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "DROP TABLE a")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "PRAGMA writable_schema = ON")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "ALTER TABLE a RENAME TO t")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "EXPLAIN CREATE TABLE t(x)")], 0, Kept, Kept),
    text(&[(Table, "t", "t", " CREATE TABLE t(x)")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE")], 0, Kept, Kept),
    // Names
    text(&[(Table, "t", "t", "CREATE TABLE other(x)")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE other.t(x)")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE main.t(x)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TEMP TABLE t(x)")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE IF NOT EXISTS t(x)")], 1, Kept, Kept),
    text(&[(Table, "A", "A", "CREATE TABLE A(x)")], 0, Kept, Kept),
    text(&[(Table, "sqlite_t", "sqlite_t", "CREATE TABLE sqlite_t(x)")], 0, Kept, Kept),
    text(
        &[(Table, "sqlite_master", "sqlite_master", "CREATE TABLE sqlite_master(type, name, tbl_name, rootpage, sql)")],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(
            Table,
            "sqlite_sequence",
            "sqlite_sequence",
            "CREATE TABLE sqlite_sequence(name,seq CHECK (touched_pure()))",
        )],
        0,
        Kept,
        Kept,
    ),
    text(
        &[(Table, "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat AS (touched_pure()))")],
        0,
        Kept,
        Kept,
    ),
    text(&[(Table, "sqlite_stat4", "sqlite_stat4", "CREATE VIEW sqlite_stat4 AS SELECT touched()")], 0, Kept, Kept),
    text(&[(Table, "t", "b", "CREATE TABLE t(x)")], 0, Kept, Kept),
    text(&[(Index, "a", "a", "CREATE INDEX a ON a(x)")], 0, Kept, Kept),
    text(
        &[(Table, "t\";DROP TABLE a--", "t\";DROP TABLE a--", "CREATE TABLE \"t\"\";DROP TABLE a--\"(x)")],
        0,
        Kept,
        Kept,
    ),
    text(&[(Table, "lb_0", "lb_0", "CREATE TABLE lb_0(x CHECK (touched_pure()))")], 0, Kept, Kept),
    text(&[(Table, "", "", "CREATE TABLE \"\"(x)")], 0, Kept, Kept),
    // What only the application can build, and sizes
    text(&[(Table, "t", "t", "CREATE TABLE t(x COLLATE only_here)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x COLLATE only_here UNIQUE)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x COLLATE only_here PRIMARY KEY) WITHOUT ROWID")], 0, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x UNIQUE)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x REFERENCES missing(y) ON DELETE CASCADE)")], 1, Kept, Kept),
    text(&[(Table, "t", "t", "CREATE TABLE t(x INTEGER PRIMARY KEY AUTOINCREMENT)")], 0, Kept, Kept),
];
