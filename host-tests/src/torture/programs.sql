-- Views and triggers. A trigger that fires during a restore leaves its mark in `journal`, or stops it.
CREATE VIEW plain_view AS SELECT a, b FROM indexed WHERE a > 5;
CREATE VIEW named_view (one, "the other") AS WITH w(x) AS (VALUES (1), (2)) SELECT x, x * 2 FROM w;
CREATE VIEW view_of_a_view AS SELECT * FROM plain_view JOIN named_view ON a = one;
CREATE VIEW view_of_nothing AS SELECT missing FROM "no such table" WHERE no_such_function(1);
CREATE VIEW main.qualified_view AS SELECT "a text" AS t;

CREATE TABLE journal (entry TEXT);
CREATE TRIGGER b_fires_first AFTER INSERT ON indexed BEGIN INSERT INTO journal VALUES ('b: ' || new.a); END;
CREATE TRIGGER a_fires_second AFTER INSERT ON indexed BEGIN INSERT INTO journal VALUES ('a: ' || new.a); END;
CREATE TRIGGER forbids BEFORE DELETE ON alias BEGIN SELECT raise(ABORT, 'never delete'); END;
CREATE TRIGGER forbids_insert BEFORE INSERT ON texts WHEN new.note = 'forbidden' BEGIN SELECT raise(FAIL, 'never insert'); END;
CREATE TRIGGER sees_columns AFTER UPDATE OF a, b ON indexed FOR EACH ROW WHEN old.a IS NOT new.a BEGIN
    UPDATE indexed SET c = c + 1 WHERE rowid = new.rowid;
    DELETE FROM journal WHERE entry = 'x';
    INSERT INTO journal SELECT 'update' FROM indexed LIMIT 1;
END;
CREATE TRIGGER into_a_view INSTEAD OF INSERT ON plain_view BEGIN INSERT INTO indexed (a, b) VALUES (new.a, new.b); END;
CREATE TRIGGER of_nothing AFTER INSERT ON never_filled BEGIN SELECT * FROM "no such table"; END;
