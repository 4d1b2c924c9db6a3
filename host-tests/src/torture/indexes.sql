-- Indexes: partial, on expressions, collated, descending, unique with many NULLs, and one that a newer table came before.
CREATE TABLE indexed (a INTEGER, b TEXT, c REAL, d BLOB);
CREATE INDEX indexed_plain ON indexed (a);
CREATE INDEX indexed_desc ON indexed (b DESC, a ASC);
CREATE INDEX indexed_collated ON indexed (b COLLATE NOCASE, b COLLATE RTRIM);
CREATE INDEX indexed_partial ON indexed (c) WHERE a > 5 AND b IS NOT NULL;
CREATE UNIQUE INDEX indexed_unique ON indexed (a, c) WHERE d IS NULL;
CREATE INDEX indexed_expression ON indexed (length(b), a + c, abs(a));
CREATE INDEX "indexed quoted" ON indexed ("no such column, so a text", a);
CREATE INDEX indexed_covering ON indexed (d, c, b, a);
CREATE UNIQUE INDEX IF NOT EXISTS indexed_nulls ON indexed (d);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
INSERT INTO indexed SELECT i % 17, CASE WHEN i % 5 THEN 'Text ' || (i * 7919 % 100) END, i / 3.0, CASE WHEN i % 2 THEN CAST('d' || i AS BLOB) END FROM n;
CREATE TABLE after_the_indexes (a);
CREATE INDEX after_the_indexes_a ON after_the_indexes (a);
DROP INDEX indexed_plain;
CREATE INDEX indexed_plain ON indexed (a, b);
