-- Tables: strict, generated, altered, constrained, and in states that their own constraints forbid.
CREATE TABLE strict_all (i INTEGER, n INT, r REAL, t TEXT, b BLOB, a ANY) STRICT;
INSERT INTO strict_all VALUES (1, 2, 3, '4', x'05', 6), (NULL, NULL, 1e400, '', x'', '0042'), (1, 1, 1, '1', x'01', 1.0);
CREATE TABLE strict_without (k ANY PRIMARY KEY, v INT) STRICT, WITHOUT ROWID;
INSERT INTO strict_without VALUES (1, 1), ('1', 2), (x'31', 3), (1.5, 4);

CREATE TABLE generated (
    a INTEGER,
    sum INTEGER GENERATED ALWAYS AS (a + b) VIRTUAL,
    b INTEGER,
    product INTEGER AS (a * b) STORED,
    "like" TEXT AS ('a=' || a) STORED UNIQUE,
    c TEXT COLLATE NOCASE DEFAULT ('x' || 'y'),
    upper TEXT AS (upper(c)));
INSERT INTO generated (a, b, c) VALUES (1, 2, 'three'), (-5, 5, NULL), (9223372036854775807, 1, 'overflows to real');
CREATE INDEX generated_sum ON generated (sum, upper);
CREATE TABLE generated_alias (id INTEGER PRIMARY KEY, twice AS (id * 2), half AS (id / 2.0) STORED);
INSERT INTO generated_alias VALUES (1), (7);
CREATE TABLE generated_without (v AS (k || '!') STORED, k TEXT PRIMARY KEY, w) WITHOUT ROWID;
INSERT INTO generated_without VALUES ('k1', 1), ('k0', 2);
CREATE TABLE generated_strict (a INT, b TEXT AS (hex(a)) STORED) STRICT;
INSERT INTO generated_strict VALUES (12);

-- Rows that are shorter than their table, and tables that are not as they were made.
CREATE TABLE altered (a, b DEFAULT 'old');
INSERT INTO altered VALUES (1, 2);
ALTER TABLE altered ADD COLUMN c DEFAULT 'filled in';
ALTER TABLE altered ADD COLUMN d INTEGER NOT NULL DEFAULT 42;
ALTER TABLE altered ADD COLUMN e REAL DEFAULT 7;
ALTER TABLE altered ADD COLUMN f AS (a + d);
INSERT INTO altered (a) VALUES (3);
CREATE TABLE shortened (a, b, c, UNIQUE (a, c));
INSERT INTO shortened VALUES (1, 2, 3), (4, 5, 6);
ALTER TABLE shortened DROP COLUMN b;
CREATE TABLE first_name (a UNIQUE, b REFERENCES first_name (a));
INSERT INTO first_name VALUES (1, NULL), (2, 1);
ALTER TABLE first_name RENAME TO second_name;
ALTER TABLE second_name RENAME COLUMN a TO "a new name";
CREATE TABLE by_select AS SELECT 1 AS one, 'two' AS "the second", x'03' AS three, NULL AS four;
CREATE TABLE dropped (a);
INSERT INTO dropped VALUES (zeroblob(100000));
DROP TABLE dropped;
CREATE TABLE emptied (a PRIMARY KEY, b UNIQUE);
INSERT INTO emptied VALUES (1, 2);
DELETE FROM emptied;
CREATE TABLE never_filled (a, b, c);

-- Defaults, collations and conflict clauses that matter only later.
CREATE TABLE declared (
    id INTEGER PRIMARY KEY ON CONFLICT REPLACE,
    made TEXT DEFAULT CURRENT_TIMESTAMP,
    chance DEFAULT (random()),
    name VARCHAR(20) NOT NULL ON CONFLICT IGNORE COLLATE NOCASE DEFAULT 'none',
    CONSTRAINT "one of each" UNIQUE (name COLLATE RTRIM, id) ON CONFLICT FAIL,
    CONSTRAINT positive CHECK (id > 0));
INSERT INTO declared VALUES (1, '2022-01-01', 5, 'a'), (2, '2022-01-01', 6, 'A');

-- Violations: what was allowed when it was written stays allowed.
CREATE TABLE parents (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
CREATE TABLE children (
    id INTEGER PRIMARY KEY,
    parent INTEGER REFERENCES parents (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    code TEXT REFERENCES parents (code) ON UPDATE SET NULL);
INSERT INTO parents VALUES (1, 'one');
INSERT INTO children VALUES (1, 1, 'one'), (2, 99, NULL), (3, NULL, 'no such code');
CREATE TABLE orphans (x REFERENCES "no such table" (y));
INSERT INTO orphans VALUES (NULL);
PRAGMA ignore_check_constraints = on;
CREATE TABLE checked (kind TEXT CHECK (kind <> "none"), n INTEGER CHECK (n > 0 AND typeof(n) = 'integer'));
INSERT INTO checked VALUES ('some', 1), ('none', -1), (NULL, NULL);
PRAGMA ignore_check_constraints = off;
