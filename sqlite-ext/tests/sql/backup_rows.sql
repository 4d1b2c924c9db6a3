CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;
CREATE TABLE plain(a, b REAL, c AS (a || b) VIRTUAL, d);
INSERT INTO plain(rowid, a, b, d) VALUES (-5, 1, 1, 1e300), (7, 'x"y', NULL, x'0a'), (9, 'a' || char(0), 9e999, '');
CREATE TABLE keyed(a, b, c, PRIMARY KEY(c, a)) WITHOUT ROWID;
INSERT INTO keyed VALUES (1, 2, 3);
CREATE TABLE alias(x, id INTEGER PRIMARY KEY);
INSERT INTO alias VALUES ('one', 1);
SELECT '0_01', json_valid(backup_export_file(key, 'backup_rows.bundle')) FROM k;

SELECT '1_01', count(*) = 3 FROM k, backup_rows('backup_rows.bundle', k.key, 'plain');
SELECT '1_02', row = '{"a":1,"b":1.0,"d":1e300}' FROM k, backup_rows('backup_rows.bundle', k.key, 'plain') AS r WHERE r.key = -5;
SELECT '1_03', row = '{"a":"x\"y","b":null,"d":{"blob":"0a"}}' FROM k, backup_rows('backup_rows.bundle', k.key, 'plain') AS r WHERE r.key = 7;
SELECT '1_04', row = '{"a":{"text":"6100"},"b":9e999,"d":""}' FROM k, backup_rows('backup_rows.bundle', k.key, 'plain') AS r WHERE r.key = 9;
SELECT '1_05', r.key = '[3,1]' AND row = '{"a":1,"b":2,"c":3}' FROM k, backup_rows('backup_rows.bundle', k.key, 'keyed') AS r;
SELECT '1_06', typeof(r.key) = 'integer' AND row = '{"x":"one","id":1}' FROM k, backup_rows('backup_rows.bundle', k.key, 'ALIAS') AS r;
SELECT '1_07', json_extract(row, '$.a') = 1 AND typeof(json_extract(row, '$.b')) = 'real'
  FROM k, backup_rows('backup_rows.bundle', k.key, 'plain') LIMIT 1;
SELECT '2_01', row = '{"a":1,"b":2,"c":3}' FROM k, backup_rows('backup_rows.bundle', k.key, 'keyed') AS r WHERE r.key = '[3,1]';
SELECT '2_02', count(*) = 2 FROM k, backup_rows('["backup_rows.bundle"]', k.key, 'plain') AS r WHERE r.key IN (7, 8, 9);
SELECT '2_03', count(*) = 0 FROM k, backup_rows('backup_rows.bundle', k.key, 'plain') AS r WHERE r.key = 8;
-- fails: backup_rows: misuse: the bundle has no table "nothing"; backup_tables lists its tables
SELECT * FROM k, backup_rows('backup_rows.bundle', k.key, 'nothing');
