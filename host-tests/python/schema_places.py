"""Where the schema of a database can call a function, and what an application may do with such a
database: for from_schema.py."""

# Stands where a place has its call, as long as the place is being made.
HERE = "abs(0)"

# The same for the name of a function in the arguments of a virtual table.
NAME = "'hex'"

ROWS = "INSERT INTO t(a, b) VALUES (1, 2), (2, 3), (3, 4);"
OTHER = "CREATE TABLE u(a PRIMARY KEY, b); INSERT INTO u VALUES (1, 2), (2, 3);"


class Place:
    """A place for a call. `script` makes the schema, in which most statements look for t. `forge` are
    statements that change rows of sqlite_schema. `session` is what the application does first."""

    def __init__(self, name, script, forge=(), session=()):
        self.name, self.script, self.forge, self.session = name, script, forge, session


def table(columns, more=""):
    return f"CREATE TABLE t({columns}); {more} {ROWS} {OTHER}"


def trigger(when, body):
    return f"CREATE TABLE log(x UNIQUE); {table('a, b')} CREATE TRIGGER r {when} BEGIN {body} END;"


def view(sql):
    return f"{OTHER} CREATE VIEW t(a, b) AS {sql};"


def checked(name):
    """A table gets a CHECK."""
    check = f", CHECK(({HERE}) IS NOT NULL))"
    return (
        f"UPDATE sqlite_schema SET sql = substr(sql, 1, length(sql) - 1) || '{check}'"
        f" WHERE name = '{name}' AND sql NOT LIKE '%WITHOUT ROWID'",
        f"UPDATE sqlite_schema SET sql = replace(sql, ') WITHOUT ROWID', '{check} WITHOUT ROWID') WHERE name = '{name}'",
    )


def seen(name, columns):
    """A table becomes a view."""
    calls = ", ".join([HERE] * columns)
    return (
        f"UPDATE sqlite_schema SET type = 'view', rootpage = 0, sql = 'CREATE VIEW {name} AS SELECT {calls}'"
        f" WHERE name = '{name}'",
    )


FTS5 = "CREATE VIRTUAL TABLE t USING fts5(a, b); INSERT INTO t VALUES ('x y', 'z'), ('x', 'w');"
FTS4 = "CREATE VIRTUAL TABLE t USING fts4(a, b); INSERT INTO t VALUES ('x y', 'z'); INSERT INTO t VALUES ('x', 'w');"
RTREE = "CREATE VIRTUAL TABLE t USING rtree(id, a, b, +c); INSERT INTO t VALUES (1, 0, 1, 'x'), (2, 3, 4, 'y');"
# The shadow tables of each, and how many columns they have.
SHADOWS = [
    ("FTS5", FTS5, {"t_content": 3, "t_data": 2, "t_idx": 3, "t_docsize": 2, "t_config": 2}),
    ("FTS4", FTS4, {"t_content": 3, "t_segments": 2, "t_segdir": 6, "t_docsize": 2, "t_stat": 2}),
    ("R*Tree", RTREE, {"t_node": 2, "t_rowid": 3, "t_parent": 2}),
]
ANALYZED = table("a, b", "CREATE INDEX i ON t(a);") + "ANALYZE;"

TABLES = [
    Place("CHECK of a column", table(f"a, b CHECK({HERE} IS NOT NULL)")),
    Place("CHECK of a table", table(f"a, b, CONSTRAINT c CHECK(a = 77 OR {HERE} IS NOT NULL)")),
    Place("CHECK, WITHOUT ROWID", f"CREATE TABLE t(a PRIMARY KEY, b, CHECK({HERE} IS NOT NULL)) WITHOUT ROWID; {ROWS}"),
    Place("CHECK, indexed", table(f"a UNIQUE, b CHECK({HERE} IS NOT NULL)", "CREATE INDEX i ON t(b);")),
    Place("CHECK, analyzed", ANALYZED.replace("a, b)", f"a, b, CHECK({HERE} IS NOT NULL))", 1)),
    Place("DEFAULT", table(f"a, b DEFAULT ({HERE})")),
    Place("DEFAULT, NOT NULL", table(f"a UNIQUE, b NOT NULL DEFAULT ({HERE})")),
    Place(
        "DEFAULT of a foreign key",
        "CREATE TABLE p(a PRIMARY KEY); INSERT INTO p VALUES (1), (2), (3);"
        f" CREATE TABLE t(a, b DEFAULT ({HERE}) REFERENCES p(a) ON DELETE SET DEFAULT ON UPDATE SET DEFAULT);"
        " INSERT INTO t VALUES (5, 1), (6, 2);",
    ),
    Place("VIRTUAL column", table(f"a, b, c AS ({HERE})")),
    Place("VIRTUAL column, CHECK", table(f"a, b, c AS ({HERE}) CHECK(c IS NOT NULL)")),
    Place("VIRTUAL column, indexed", table(f"a, b, c AS ({HERE})", "CREATE INDEX i ON t(c);")),
    Place("STORED column", table(f"a, b, c AS ({HERE}) STORED")),
    Place("index", table("a, b", f"CREATE INDEX i ON t(a, {HERE});")),
    Place("UNIQUE index", table("a, b", f"CREATE UNIQUE INDEX i ON t(a, {HERE});")),
    Place("partial index", table("a, b", f"CREATE INDEX i ON t(a) WHERE {HERE} IS NOT NULL;")),
]

EVENTS = ("INSERT", "UPDATE", "DELETE")
TRIGGERS = [
    *[
        Place(f"trigger {time} {event}", trigger(f"{time} {event} ON t", f"SELECT {HERE};"))
        for time in ("BEFORE", "AFTER")
        for event in EVENTS
    ],
    Place("trigger UPDATE OF", trigger("AFTER UPDATE OF a, b ON t FOR EACH ROW", f"SELECT {HERE};")),
    Place("trigger WHEN", trigger(f"AFTER INSERT ON t WHEN {HERE} IS NOT NULL", "SELECT 1;")),
    Place("trigger, INSERT in it", trigger("AFTER INSERT ON t", f"INSERT INTO log SELECT {HERE};")),
    Place(
        "trigger, UPSERT in it",
        trigger(
            "AFTER INSERT ON t",
            f"INSERT INTO log VALUES (1) ON CONFLICT(x) DO UPDATE SET x = {HERE} WHERE {HERE} IS NULL;",
        ),
    ),
    Place("trigger, UPDATE in it", trigger("AFTER UPDATE ON t", f"UPDATE u SET b = {HERE} WHERE {HERE} IS NULL;")),
    Place("trigger, UPDATE FROM in it", trigger("AFTER UPDATE ON t", f"UPDATE u SET b = x FROM (SELECT {HERE} AS x);")),
    Place("trigger, DELETE in it", trigger("AFTER DELETE ON t", f"DELETE FROM u WHERE {HERE} IS NULL;")),
    Place("trigger, RAISE in it", trigger("AFTER INSERT ON t", f"SELECT CASE WHEN {HERE} IS NULL THEN RAISE(IGNORE) END;")),
    *[
        Place(
            f"trigger INSTEAD OF {event}",
            view("SELECT a, b FROM u") + f"CREATE TRIGGER r INSTEAD OF {event} ON t BEGIN SELECT {HERE}; END;",
        )
        for event in EVENTS
    ],
]

# What the application makes for itself is not in the file. SQLite lets it call anything.
TEMPORARY = [
    *[
        Place(
            f"TEMP trigger {event}",
            table("a, b"),
            session=(f"CREATE TEMP TRIGGER r AFTER {event} ON t BEGIN SELECT {HERE}; END",),
        )
        for event in EVENTS
    ],
    Place("TEMP view", OTHER, session=(f"CREATE TEMP VIEW t(a, b) AS SELECT {HERE}, 1",)),
    Place("TEMP CHECK", OTHER, session=(f"CREATE TEMP TABLE t(a, b CHECK({HERE} IS NOT NULL))",)),
    Place("TEMP DEFAULT", OTHER, session=(f"CREATE TEMP TABLE t(a, b DEFAULT ({HERE}))",)),
]

VIEWS = [
    Place("view", view(f"SELECT {HERE}, 1")),
    Place("view FROM", view(f"SELECT {HERE}, b FROM u")),
    Place("view WHERE", view(f"SELECT * FROM u WHERE {HERE} IS NULL")),
    Place("view JOIN", view(f"SELECT u.* FROM u JOIN u AS w ON {HERE} IS NULL")),
    Place("view LEFT JOIN", view(f"SELECT u.* FROM u LEFT JOIN u AS w ON {HERE} IS NULL")),
    Place("view GROUP BY", view(f"SELECT max(a), 1 FROM u GROUP BY {HERE}, b")),
    Place("view HAVING", view(f"SELECT max(a), 1 FROM u GROUP BY b HAVING {HERE} IS NULL")),
    Place("view ORDER BY", view(f"SELECT * FROM u ORDER BY {HERE}, a LIMIT 5")),
    Place("view LIMIT", view(f"SELECT * FROM u LIMIT 1 + ({HERE} IS NULL)")),
    Place("view UNION", view(f"SELECT 1, 2 UNION SELECT {HERE}, 3")),
    Place("view VALUES", view(f"VALUES (1, 2), ({HERE}, 3)")),
    Place("view WITH", view(f"WITH c(x) AS (SELECT {HERE}) SELECT x, 1 FROM c")),
    Place(
        "view WITH RECURSIVE",
        view(f"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + ({HERE} IS NULL) FROM c LIMIT 3) SELECT x, 1 FROM c"),
    ),
    Place("view, subquery", view(f"SELECT (SELECT {HERE}), EXISTS (SELECT 1 FROM u WHERE {HERE} IS NULL)")),
    Place("view IN", view(f"SELECT 1 IN (SELECT {HERE}), 2 IN ({HERE}, 3)")),
    Place("view CASE", view(f"SELECT CASE a WHEN {HERE} THEN 1 ELSE {HERE} END, 1 FROM u")),
    Place("view, argument of a table", view(f"SELECT value, 1 FROM json_each({HERE})")),
    Place("view FILTER", view(f"SELECT count(*) FILTER (WHERE {HERE} IS NULL), 1 FROM u")),
    Place("view OVER", view(f"SELECT count(*) OVER (PARTITION BY {HERE} ORDER BY {HERE}), 1 FROM u")),
    Place("view WINDOW", view(f"SELECT count(*) OVER w, 1 FROM u WINDOW w AS (PARTITION BY {HERE} ORDER BY {HERE})")),
    Place(
        "view WINDOW, frame",
        view(f"SELECT count(*) OVER w, 1 FROM u WINDOW w AS (ORDER BY a ROWS 1 + ({HERE} IS NULL) PRECEDING)"),
    ),
    Place(
        "view, ORDER BY of an aggregate",
        view("SELECT group_concat(a, b), 1 FROM u"),
        forge=(f"UPDATE sqlite_schema SET sql = replace(sql, 'a, b), 1', 'a, b ORDER BY {HERE}), 1') WHERE name = 't'",),
    ),
    Place("view of a view", f"{OTHER} CREATE VIEW w AS SELECT {HERE} AS x; CREATE VIEW t(a, b) AS SELECT x, 1 FROM w;"),
    Place("TEMP view of a view", view(f"SELECT {HERE}, 1"), session=("CREATE TEMP VIEW v AS SELECT * FROM t",)),
    Place(
        "trigger behind a TEMP trigger",
        table("a, b") + f"CREATE TABLE log(x); CREATE TRIGGER s AFTER INSERT ON log BEGIN SELECT {HERE}; END;",
        session=("CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1); END",),
    ),
]

MODULES = [
    Place(
        "FTS5, content from a view",
        f"CREATE VIEW v(id, a, b) AS SELECT 1, {HERE}, 'x';"
        " CREATE VIRTUAL TABLE t USING fts5(a, b, content='v', content_rowid='id');"
        " INSERT INTO t(rowid, a, b) VALUES (1, 'x', 'y');",
    ),
    Place(
        "FTS4, content from a view",
        f"CREATE VIEW v(docid, a, b) AS SELECT 1, {HERE}, 'x'; CREATE VIRTUAL TABLE t USING fts4(a, b, content='v');"
        " INSERT INTO t(docid, a, b) VALUES (1, 'x', 'y');",
    ),
    *[
        Place(
            f"FTS4, {option}",
            f"CREATE VIRTUAL TABLE t USING fts4(a, b, {option}={NAME}, {other}='trim');"
            " INSERT INTO t VALUES ('x y', 'z'); INSERT INTO t VALUES ('x', 'w');",
        )
        for option, other in (("compress", "uncompress"), ("uncompress", "compress"))
    ],
    *[
        Place(f"{module}, {name} with CHECK", script, forge=checked(name))
        for module, script, names in SHADOWS
        for name in names
    ],
    *[
        Place(f"{module}, {name} as a view", script, forge=seen(name, columns))
        for module, script, names in SHADOWS
        for name, columns in names.items()
    ],
    Place("sqlite_sequence with CHECK", table("a INTEGER PRIMARY KEY AUTOINCREMENT, b"), forge=checked("sqlite_sequence")),
    Place("sqlite_stat1 with CHECK", ANALYZED, forge=checked("sqlite_stat1")),
    Place("sqlite_stat1 as a view", ANALYZED, forge=seen("sqlite_stat1", 3)),
    Place("sqlite_stat4 as a view", ANALYZED, forge=seen("sqlite_stat4", 6)),
]

PLACES = [*TABLES, *TRIGGERS, *TEMPORARY, *VIEWS, *MODULES]

# What SQLite skips before a statement: all of it, in several orders.
SKIPPED = [
    "",
    ";",
    " ;;\n;",
    "\ufeff",
    "\ufeff\ufeff;",
    "\t\ufeff ",
    "/* SELECT */",
    "-- WITH\n",
    ";/**/\ufeff--\n\r\n",
    "\f",
    "\n\v",
    "/*/ SELECT */",
]

# Of several statements in a row, the last one is meant.
STATEMENTS = [
    # Rows.
    "INSERT INTO t DEFAULT VALUES",
    "INSERT INTO t(a) VALUES (9)",
    "INSERT INTO t(a, b) VALUES (9, 9), (10, 10)",
    "INSERT INTO t SELECT 9, 9",
    "INSERT OR REPLACE INTO t(a, b) VALUES (1, NULL)",
    "REPLACE INTO t(a, b) VALUES (1, 8)",
    "INSERT INTO t(a, b) VALUES (1, 9) ON CONFLICT DO NOTHING",
    "INSERT INTO t(a, b) VALUES (1, 9) ON CONFLICT DO UPDATE SET b = 10",
    "INSERT INTO t(a, b) VALUES (9, 9) RETURNING a, b",
    "WITH c AS (SELECT 9 AS a) INSERT INTO t(a) SELECT a FROM c",
    ";\ufeffWITH c AS (SELECT 9 AS a) INSERT INTO t(a) SELECT a FROM c RETURNING a",
    ("BEGIN", "INSERT INTO t(a, b) VALUES (9, 9)", "COMMIT"),
    "UPDATE t SET a = a",
    "UPDATE t SET b = 7 WHERE a = 1",
    "UPDATE OR IGNORE t SET a = 7, b = 7 RETURNING a",
    "UPDATE t SET b = x FROM (SELECT 1 AS x)",
    "WITH c AS (SELECT 1 AS x) UPDATE t SET b = (SELECT x FROM c)",
    "UPDATE t SET rowid = rowid + 100",
    "DELETE FROM t",
    "DELETE FROM t WHERE a = 1 RETURNING a",
    "DELETE FROM p",
    "UPDATE p SET a = 7 WHERE a = 1",
    "INSERT INTO sqlite_sequence VALUES ('x', 1)",
    "INSERT INTO sqlite_stat1 VALUES ('x', 'y', 'z')",
    # Reading.
    "SELECT * FROM t",
    ";\ufeffSELECT * FROM t",
    "SELECT count(*) FROM t",
    "SELECT a FROM t WHERE b >= 0 OR a IS NULL ORDER BY a DESC",
    "SELECT DISTINCT t.a, x.b FROM t, t AS x WHERE t.a = x.a",
    "SELECT * FROM t WHERE a = 1 AND b = 2",
    "SELECT * FROM v",
    "VALUES ((SELECT a FROM t)), (2)",
    "WITH c AS (SELECT * FROM t) SELECT * FROM c",
    "SELECT * FROM t WHERE t MATCH 'x'",
    "SELECT * FROM t WHERE t MATCH 'x' ORDER BY rank",
    "SELECT snippet(t) FROM t WHERE t MATCH 'x'",
    "SELECT optimize(t) FROM t",
    "SELECT rtreecheck('t')",
    "SELECT * FROM t WHERE a > -1 AND b < 100",
    "EXPLAIN SELECT * FROM t",
    "EXPLAIN QUERY PLAN SELECT * FROM t WHERE a = 1 AND b = 2",
    # Checks.
    *[skipped + pragma for pragma in ("PRAGMA integrity_check", "PRAGMA quick_check") for skipped in SKIPPED],
    "PRAGMA main.integrity_check(5)",
    "PRAGMA quick_check('t')",
    ";PRAGMA integrity_check(t)",
    "EXPLAIN PRAGMA integrity_check",
    "PRAGMA foreign_key_check",
    "PRAGMA foreign_key_check(t)",
    "PRAGMA table_xinfo(t)",
    ("ATTACH '{file}' AS other", "PRAGMA integrity_check"),
    ("ATTACH '{file}' AS other", ";\ufeffPRAGMA other.quick_check"),
    *[
        skipped + select
        for skipped in ("", ";", "/**/\ufeff")
        for select in (
            "SELECT * FROM pragma_integrity_check",
            "SELECT * FROM pragma_quick_check('t')",
            "WITH c AS (SELECT * FROM pragma_quick_check) SELECT * FROM c",
        )
    ],
    "SELECT * FROM t, pragma_quick_check",
    "VALUES ((SELECT integrity_check FROM pragma_integrity_check))",
    "SELECT * FROM pragma_foreign_key_check",
    "SELECT * FROM pragma_table_xinfo('t')",
    "SELECT * FROM sqlite_schema, pragma_index_list(name)",
    "CREATE TABLE n AS SELECT * FROM pragma_integrity_check",
    "INSERT INTO t(a) SELECT integrity_check FROM pragma_integrity_check",
    # The schema.
    "ALTER TABLE t ADD COLUMN z",
    "ALTER TABLE t ADD COLUMN z NOT NULL DEFAULT 1 CHECK(z > 0)",
    "ALTER TABLE t ADD COLUMN z AS (1) CHECK(z > 0)",
    "ALTER TABLE t RENAME TO t2",
    "ALTER TABLE t RENAME COLUMN a TO z",
    "ALTER TABLE t DROP COLUMN b",
    "ALTER TABLE t DROP COLUMN a",
    "ALTER TABLE u DROP COLUMN b",
    "CREATE INDEX j ON t(b)",
    "CREATE UNIQUE INDEX j ON t(a + 1) WHERE b > 0",
    "CREATE TABLE n AS SELECT * FROM t",
    "CREATE TEMP TABLE n AS SELECT * FROM t",
    ("CREATE TEMP VIEW n AS SELECT * FROM t", "SELECT * FROM n"),
    ("CREATE TEMP TRIGGER n AFTER INSERT ON t BEGIN SELECT * FROM t; END", "INSERT INTO t(a, b) VALUES (9, 9)"),
    "DROP TABLE t",
    "DROP VIEW t",
    # The file.
    "VACUUM",
    ";\ufeffVACUUM",
    "VACUUM INTO '{into}'",
    "REINDEX",
    "REINDEX t",
    "ANALYZE",
    "ANALYZE t",
    ("ANALYZE", "SELECT * FROM t WHERE a = 1 AND b = 2"),
    "PRAGMA optimize",
    "PRAGMA optimize(0x10002)",
    ";PRAGMA optimize(-1)",
    "PRAGMA writable_schema = RESET",
    "PRAGMA user_version = 7",
    "PRAGMA journal_mode = MEMORY",
    # The modules.
    *[f"INSERT INTO t(t) VALUES ('{command}')" for command in ("rebuild", "integrity-check", "optimize", "merge=8,8")],
    "INSERT INTO t(t, rank) VALUES ('integrity-check', 1)",
    ("CREATE VIRTUAL TABLE n USING fts5vocab(t, row)", "SELECT * FROM n"),
    ("CREATE VIRTUAL TABLE n USING fts4aux(t)", "SELECT * FROM n"),
]
