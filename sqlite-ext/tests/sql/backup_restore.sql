-- A key for tests. It stands in each statement, since reading it from a table would be a FROM.
CREATE TABLE t(x UNIQUE, y);
INSERT INTO t(rowid, x, y) VALUES (9223372036854775807, 'a', 1), (-9223372036854775808, NULL, 2), (5, NULL, 3);
CREATE TRIGGER counts AFTER INSERT ON t BEGIN UPDATE t SET y = -1; END;
SELECT '0_01', json_valid(backup_export_file('lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', 'restore.bundle'));

-- fails: backup_restore: misuse: the database "main" is not empty
SELECT backup_restore('restore.bundle', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4');
DELETE FROM t;
DROP TRIGGER counts;
SELECT '1_01', json_extract(backup_restore('restore.bundle', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"replace": true}'), '$.rows') = 3;
SELECT '1_02', group_concat(y) = '2,3,1' FROM t;
SELECT '1_03', min(rowid) = -9223372036854775808 AND max(rowid) = 9223372036854775807 FROM t;
SELECT '1_04', json_extract(backup_export_file('lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', 'restore.bundle'), '$.changed') = 0;

ATTACH ':memory:' AS copy;
SELECT '2_01', json_extract(backup_restore('restore.bundle', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"schema": "copy"}'), '$.quick_check') = 'ok';
SELECT '2_02', json_extract(backup_export_file('lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', 'restore.bundle', '{"schema": "copy"}'), '$.changed') = 0;

-- fails: backup_restore: wrong key
SELECT backup_restore('restore.bundle', backup_keygen(), '{"replace": true}');
-- fails: backup_restore: mismatch: the bundle is sound, but it holds the state
SELECT backup_restore('restore.bundle', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', json_object('replace', json('true'), 'expect', hex(zeroblob(32))));
-- fails: without a FROM
SELECT backup_restore('restore.bundle', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"replace": true}') FROM t;
SELECT '3_01', count(*) = 3 FROM t;
