-- Virtual tables: full-text search in all its forms, and R*Trees.
CREATE VIRTUAL TABLE fts5_plain USING fts5(title, body, tokenize = 'porter unicode61', prefix = '2 3');
INSERT INTO fts5_plain VALUES ('Lifeboats', 'A lifeboat carries what is dear'), ('Rowing', 'rows and rows of rowers');
INSERT INTO fts5_plain (rowid, title, body) VALUES (-5, 'Größe', 'naïve café'), (9000000000, NULL, 'far away');
DELETE FROM fts5_plain WHERE rowid = 2;
CREATE VIRTUAL TABLE fts5_contentless USING fts5(body, content = '', detail = column);
INSERT INTO fts5_contentless (rowid, body) VALUES (3, 'only the index knows these words'), (4, 'words');
CREATE TABLE documents (id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO documents VALUES (1, 'external content'), (2, 'is kept elsewhere');
CREATE VIRTUAL TABLE fts5_external USING fts5(body, content = 'documents', content_rowid = 'id', columnsize = 0);
INSERT INTO fts5_external (fts5_external) VALUES ('rebuild');
CREATE TRIGGER documents_ai AFTER INSERT ON documents BEGIN
    INSERT INTO fts5_external (rowid, body) VALUES (new.id, new.body);
END;
INSERT INTO documents VALUES (3, 'a trigger indexes this');
CREATE VIRTUAL TABLE fts5_trigram USING fts5(body, tokenize = 'trigram', detail = none);
INSERT INTO fts5_trigram VALUES ('substring'), ('search');
CREATE VIRTUAL TABLE "fts5 with ""odd"" name" USING fts5("some column", other UNINDEXED);
INSERT INTO "fts5 with ""odd"" name" VALUES ('words', 'no words');

CREATE VIRTUAL TABLE fts4_plain USING fts4(title, body, tokenize = porter, prefix="2");
INSERT INTO fts4_plain VALUES ('Old', 'the older search is still in use'), ('Second', 'row');
CREATE VIRTUAL TABLE fts4_contentless USING fts4(content="", body);
INSERT INTO fts4_contentless (docid, body) VALUES (8, 'nothing but an index');
CREATE VIRTUAL TABLE fts3_plain USING fts3(body);
INSERT INTO fts3_plain VALUES ('the oldest one');

CREATE VIRTUAL TABLE rtree_plain USING rtree(id, min_x, max_x, min_y, max_y);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
INSERT INTO rtree_plain SELECT i, i % 20, i % 20 + 1.5, i / 20, i / 20 + 0.1 FROM n;
DELETE FROM rtree_plain WHERE id % 7 = 0;
CREATE VIRTUAL TABLE rtree_integers USING rtree_i32(id, low, high, +label TEXT, +extra BLOB);
INSERT INTO rtree_integers VALUES (1, -2147483648, 2147483647, 'everything', x'00'), (2, 5, 5, NULL, NULL);
CREATE VIEW view_of_search AS SELECT title FROM fts5_plain WHERE fts5_plain MATCH 'boat*';
