-- Keys: rowids hidden and named, at both ends, with gaps; primary keys of every kind, with NULL where SQLite lets it be.
CREATE TABLE hidden (x);
INSERT INTO hidden (rowid, x) VALUES
    (-9223372036854775808, 'least'), (-1, 'minus one'), (0, 'zero'), (7, 'seven'), (9223372036854775807, 'greatest');

CREATE TABLE renumbered (x);
INSERT INTO renumbered (rowid, x) VALUES (10, 'a'), (20, 'b'), (15, 'c');
DELETE FROM renumbered WHERE x = 'a';

CREATE TABLE alias (id INTEGER PRIMARY KEY, x);
INSERT INTO alias VALUES (-9223372036854775808, 1), (9223372036854775807, 2), (3, 3);
CREATE TABLE alias_last (x, id INTEGER, PRIMARY KEY (id DESC));
INSERT INTO alias_last VALUES ('b', 2), ('a', 1);
-- Neither of these two is an alias of the rowid.
CREATE TABLE no_alias_desc (id INTEGER PRIMARY KEY DESC, x);
INSERT INTO no_alias_desc (rowid, id, x) VALUES (100, 1, 'a'), (50, 2, 'b'), (75, NULL, 'c');
CREATE TABLE no_alias_int (id INT PRIMARY KEY, x);
INSERT INTO no_alias_int (rowid, id, x) VALUES (5, 50, 'a'), (6, NULL, 'b'), (7, NULL, 'c'), (8, 'text', 'd');

CREATE TABLE one_name_taken (rowid TEXT, x);
INSERT INTO one_name_taken (_rowid_, rowid, x) VALUES (-5, 'not the rowid', 1), (12, NULL, 2);
CREATE TABLE two_names_taken (rowid, x, _ROWID_);
INSERT INTO two_names_taken (oid, rowid, x, _ROWID_) VALUES (77, 1, 2, 3), (99, 4, 5, 6);
-- No SQL reaches the rowid of this one; it has equal rows.
CREATE TABLE all_names_taken (rowid, _rowid_, oid);
INSERT INTO all_names_taken VALUES (3, 2, 1), (1, 1, 1), (1, 1, 1), ('x', x'00', NULL);

CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, x);
INSERT INTO counted VALUES (5, 'five'), (6, 'six'), (1000, 'gone');
DELETE FROM counted WHERE id = 1000;
CREATE TABLE counted_and_emptied (id INTEGER PRIMARY KEY AUTOINCREMENT);
INSERT INTO counted_and_emptied VALUES (41);
DELETE FROM counted_and_emptied;
CREATE TABLE counted_never (id INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE counted_backwards (id INTEGER PRIMARY KEY AUTOINCREMENT);
INSERT INTO counted_backwards VALUES (10);
UPDATE sqlite_sequence SET seq = 3 WHERE name = 'counted_backwards';
INSERT INTO sqlite_sequence VALUES ('no such table', 9), ('no such table', -1), (NULL, NULL), ('odd', 'text');

CREATE TABLE composite (a TEXT, b INT, c, PRIMARY KEY (b, a));
INSERT INTO composite VALUES ('x', 1, 1), ('y', 1, 2), (NULL, 1, 3), (NULL, 1, 4), (NULL, NULL, 5);

CREATE TABLE without (b TEXT, a INT, c REAL, PRIMARY KEY (a, b)) WITHOUT ROWID;
INSERT INTO without VALUES ('x', 2, 1), ('y', 1, 2), ('x', 1, 3), ('', -1, NULL), ('Ä', 9223372036854775807, -0.5);
CREATE TABLE without_desc (a, b, PRIMARY KEY (a DESC, b)) WITHOUT ROWID;
INSERT INTO without_desc VALUES (1, 1), (2, 1), (1, 2), ('1', 1), (x'31', 1), (1.5, 1);
CREATE TABLE without_collated (name TEXT COLLATE NOCASE, tail TEXT COLLATE RTRIM, x, PRIMARY KEY (name, tail)) WITHOUT ROWID;
INSERT INTO without_collated VALUES ('B', 'one  ', 1), ('a', 'one', 2), ('C', 'x ', 3), ('ab', '', 4);
-- A repeated column of a key is stored once.
CREATE TABLE without_repeated (a, b, c, PRIMARY KEY (b, a, b)) WITHOUT ROWID;
INSERT INTO without_repeated VALUES (1, 2, 3), (2, 1, 3);
CREATE TABLE without_any (k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO without_any VALUES (1, 'integer'), (1.5, 'real'), ('1', 'text'), (x'31', 'blob'), (x'', 'empty blob'), ('', 'empty text'),
    (9e999, 'infinity'), (-9e999, 'minus infinity'), (9007199254740993, 'not a double');
CREATE TABLE without_indexed (a PRIMARY KEY, b UNIQUE, c) WITHOUT ROWID;
INSERT INTO without_indexed VALUES ('z', 1, 'c'), ('y', NULL, 'b'), ('x', NULL, 'a');
CREATE UNIQUE INDEX without_indexed_c ON without_indexed (c COLLATE NOCASE DESC, b);

-- Unique values that were swapped, so that no order of single updates leads here.
CREATE TABLE swapped (id INTEGER PRIMARY KEY, u UNIQUE);
INSERT INTO swapped VALUES (1, 'b'), (2, 'a'), (3, NULL), (4, NULL);
