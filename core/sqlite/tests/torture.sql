-- One of everything that SQL makes in a database.
PRAGMA foreign_keys = OFF;
PRAGMA application_id = -559038737;
PRAGMA user_version = -7;
CREATE TABLE storage(id INTEGER PRIMARY KEY, v);
INSERT INTO storage(v) VALUES (NULL), (0), (9223372036854775807), (-9223372036854775808), (1e999), (-1e999), (-0.0),
    (0.1+0.2),
    (5e-324), (''), (x''), ('a'||char(0)||'b'), (x'00ff'), (char(0)), (1.0), (9007199254740993), (1e18),
    (char(65279)||'bom'),
    (char(65534)||'x'), ('😀');
CREATE TABLE rowids(a TEXT);
INSERT INTO rowids(rowid, a) VALUES (-9223372036854775808, 'low'), (-1, 'minus'), (0, 'zero'), (9223372036854775807,
    'high');
CREATE TABLE "reals and more"(r REAL, d DOUBLE PRECISION, f FLOAT, i INTEGER, n NUMERIC, t TEXT, b BLOB,
    p "FLOATING POINT");
INSERT INTO "reals and more" VALUES (1, -0.0, 3.5, 7, 1e18, 12, 'text in blob', 2.0), ('text', x'01', NULL, 'x', 'y',
    1.5, 0.5, 'z'),
    (9007199254740993, 1e300, -1e999, 1.5, 1.5, x'00', 1, 99);
CREATE TABLE nullkeys(k TEXT PRIMARY KEY, v INT);
INSERT INTO nullkeys VALUES (NULL, 1), (NULL, 2), ('a', 3);
CREATE TABLE checked(a CHECK (a > 0), b TEXT NOT NULL DEFAULT 'd', c DEFAULT (random()), UNIQUE(a,
    b) ON CONFLICT IGNORE);
PRAGMA ignore_check_constraints = ON;
INSERT INTO checked VALUES (-1, 'x', 1), (1, 'y', 2);
PRAGMA ignore_check_constraints = OFF;
CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT UNIQUE COLLATE NOCASE);
CREATE TABLE child(p REFERENCES parent(id) ON DELETE CASCADE, q REFERENCES missing(x));
INSERT INTO child VALUES (99, 1), (NULL, 2);
CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, t);
INSERT INTO counted(t) VALUES ('a'), ('b'); DELETE FROM counted WHERE id = 2;
UPDATE sqlite_sequence SET seq = 1000 WHERE name = 'counted';
CREATE TABLE emptied(id INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE strictly(i INTEGER, r REAL, t TEXT, b BLOB, a ANY, k INT PRIMARY KEY) STRICT;
INSERT INTO strictly VALUES (1, 2, 'three', x'04', 5.0, 6), (NULL, NULL, NULL, NULL, '5', 7);
CREATE TABLE wr(b TEXT COLLATE NOCASE, a INT, v REAL, c BLOB, PRIMARY KEY (a DESC, b, c)) WITHOUT ROWID;
INSERT INTO wr VALUES ('Z', 1, 1.0, x''), ('y', 1, -0.0, x'01'), ('a', 2, NULL, 'text'), ('B', 2, 'text', 5), ('C',
    -3, 2.5, 0.5);
CREATE TABLE wr1(a PRIMARY KEY, b) WITHOUT ROWID;
INSERT INTO wr1 VALUES (2, 'i'), (1.5, 'r'), ('t', 't'), (x'74', 'b'), (-1e999, 'inf');
CREATE TABLE wr2(a, b, PRIMARY KEY (a, a COLLATE NOCASE, b, a)) WITHOUT ROWID;
INSERT INTO wr2 VALUES ('b', 1), ('A', 2), ('B', 1), ('a', 2);
CREATE UNIQUE INDEX wr_index ON wr(v DESC, b COLLATE RTRIM);
CREATE TABLE generated(a INT, v INT GENERATED ALWAYS AS (a * 2) VIRTUAL, s TEXT AS (a || 'x') STORED, b TEXT,
    UNIQUE(s));
INSERT INTO generated(a, b) VALUES (1, 'one'), (2, 'two'), (NULL, 'null');
CREATE TABLE generated_key(id INTEGER PRIMARY KEY AUTOINCREMENT, s AS (id * 2) STORED, "needs quoting-" TEXT);
INSERT INTO generated_key(id, "needs quoting-") VALUES (5, 'five'), (-9, 'minus');
DELETE FROM generated_key WHERE id = 5;
CREATE TABLE generated_wr(k TEXT, s AS (upper(k)) STORED UNIQUE, v AS (lower(k)), d,
    PRIMARY KEY (k COLLATE NOCASE DESC)) WITHOUT ROWID;
INSERT INTO generated_wr(k, d) VALUES ('b', 1), ('A', 2), ('c', 3.0);
CREATE TABLE virtuals(x, y AS (x + 1), z AS (y + 1), w);
INSERT INTO virtuals(x, w) VALUES (1, 2), (3, 4);
CREATE INDEX virtuals_z ON virtuals(z);
CREATE INDEX expression ON storage(typeof(v), abs(id) DESC) WHERE v IS NOT NULL;
CREATE INDEX partial ON parent(name COLLATE BINARY DESC) WHERE id > 10;
CREATE TABLE hidden(rowid TEXT, _rowid_ INT, oid BLOB);
INSERT INTO hidden VALUES ('c', 1, x'00'), ('a', 2, NULL), ('b', 3, 1.5);
CREATE TABLE hidden_generated(rowid TEXT, _ROWID_ INT, OID AS (_rowid_ + 1) STORED);
INSERT INTO hidden_generated VALUES ('c', 1), ('a', 2);
CREATE TABLE hidden_alias("oid" INTEGER PRIMARY KEY, rowid, _rowid_);
INSERT INTO hidden_alias VALUES (7, 'x', 'y'), (-7, 1, 2);
CREATE TABLE rowid_taken(rowid, v); INSERT INTO rowid_taken(_rowid_, rowid, v) VALUES (5, 'a', 1), (3, 'b', 2);
CREATE TABLE descending(id INTEGER PRIMARY KEY DESC, v);
INSERT INTO descending VALUES (2, 'two'), (1, 'one'), (NULL, 'null');
CREATE TABLE ""(""); INSERT INTO "" VALUES (1);
CREATE TABLE "qu""ote's"("col""umn", "a'b" INT, [br"acket], `back``tick`, "select" UNIQUE, "--", ";", "Ünï");
INSERT INTO "qu""ote's" VALUES (1, 2, 3, 4, 5, 6, 7, 8);
CREATE INDEX "in""dex's" ON "qu""ote's"("a'b", "--" DESC);
CREATE TABLE lb_0(x); INSERT INTO lb_0 VALUES ('a name like a twin''s');
CREATE TABLE altered(a); INSERT INTO altered VALUES (1);
ALTER TABLE altered ADD COLUMN b TEXT DEFAULT 'later'; ALTER TABLE altered ADD COLUMN c REAL DEFAULT 3;
INSERT INTO altered VALUES (2, 'x', 4);
CREATE TABLE no_rows(a, b PRIMARY KEY, UNIQUE(a), UNIQUE(b, a));
CREATE TABLE as_select AS SELECT 1 AS one, 'x' AS two, 2.5 AS three;
CREATE TABLE "ünïcode"("größe" TEXT); INSERT INTO "ünïcode" VALUES ('naïve');
CREATE TABLE loose(a CHECK (a <> "literal"), b DEFAULT current_timestamp, c DEFAULT (hex(randomblob(4))));
INSERT INTO loose VALUES (1, 2, 3);
CREATE VIRTUAL TABLE docs USING fts5(title, body, prefix = '2 3');
INSERT INTO docs VALUES ('one', 'the quick brown fox'), ('two', 'lazy dog');
CREATE VIRTUAL TABLE contentless USING fts5(body, content = '');
INSERT INTO contentless(rowid, body) VALUES (10, 'needle in hay');
CREATE VIRTUAL TABLE external USING fts5(v, content = 'storage', content_rowid = 'id');
INSERT INTO external(external) VALUES ('rebuild');
CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1, y0, y1, +label);
INSERT INTO boxes VALUES (1, 0, 1, 0, 1, 'a'), (2, 5, 6, 5, 6, 'b');
CREATE VIRTUAL TABLE old_docs USING fts4(body, tokenize = porter);
INSERT INTO old_docs VALUES ('running foxes'), ('sleeping dogs');
CREATE VIEW view1 AS SELECT a, b FROM checked WHERE a > (SELECT count(*) FROM parent);
CREATE VIEW broken AS SELECT * FROM table_that_is_missing;
CREATE VIEW app_view AS SELECT app_function(a) FROM checked;
CREATE TRIGGER after_insert AFTER INSERT ON parent BEGIN INSERT INTO child VALUES (new.id, app_function(1)); END;
CREATE TRIGGER instead INSTEAD OF INSERT ON view1 BEGIN SELECT raise(ABORT, 'no'); END;
CREATE TRIGGER counted AFTER DELETE ON counted WHEN old.id > 1 BEGIN DELETE FROM parent; END;
ANALYZE;
