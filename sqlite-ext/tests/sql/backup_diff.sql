CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;
CREATE TABLE t(id INTEGER PRIMARY KEY, x);
INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');
SELECT '0_01', json_valid(backup_export_file(key, 'backup_diff_old.bundle')) FROM k;
UPDATE t SET x = 'B' WHERE id = 2;
DELETE FROM t WHERE id = 3;
INSERT INTO t VALUES (4, 'd');
PRAGMA user_version = 9;
SELECT '0_02', json_valid(backup_export_file(key, 'backup_diff_new.bundle')) FROM k;

SELECT '1_01', count(*) = 4 FROM k, backup_diff('backup_diff_old.bundle', 'backup_diff_new.bundle', k.key);
SELECT '1_02', change = 'update' AND old = '{"id":2,"x":"b"}' AND new = '{"id":2,"x":"B"}'
  FROM k, backup_diff('backup_diff_old.bundle', 'backup_diff_new.bundle', k.key) AS d WHERE table_name = 't' AND d.key = 2;
SELECT '1_03', change = 'delete' AND old = '{"id":3,"x":"c"}' AND new IS NULL
  FROM k, backup_diff('backup_diff_old.bundle', '["backup_diff_new.bundle"]', k.key) AS d WHERE d.key = 3;
SELECT '1_04', change = 'insert' AND old IS NULL AND new ->> 'x' = 'd'
  FROM k, backup_diff('backup_diff_old.bundle', backup_export(k.key), k.key) AS d WHERE d.key = 4;
SELECT '1_05', change = 'update' AND old = '0' AND new = '9'
  FROM k, backup_diff('backup_diff_old.bundle', 'backup_diff_new.bundle', k.key) AS d WHERE d.key = 'user_version';
SELECT '1_06', count(*) = 0 FROM k, backup_diff('backup_diff_new.bundle', 'backup_diff_new.bundle', k.key);
SELECT '2_01', json_valid(backup_export_file(key, 'backup_diff_part.bundle', '{"where": {"t": "id < 3"}}')) FROM k;
SELECT '2_02', new = '{"where":{"t":"id < 3"}}' AND change = 'insert' AND table_name IS NULL
  FROM k, backup_diff('backup_diff_new.bundle', 'backup_diff_part.bundle', k.key) AS d WHERE d.key = 'selection';
SELECT '2_03', backup_info('backup_diff_part.bundle', key) ->> 'selection' = '{"where":{"t":"id < 3"}}' FROM k;
SELECT '2_04', json_valid(backup_export_file(key, 'backup_diff_delta.bundle', '{"base": "backup_diff_old.bundle"}')) FROM k;
SELECT '2_05', count(*) = 4
  FROM k, backup_diff('backup_diff_old.bundle', '["backup_diff_old.bundle", "backup_diff_delta.bundle"]', k.key);
CREATE TABLE v(a);
INSERT INTO v VALUES ('one');
SELECT '3_01', json_valid(backup_export_file(key, 'backup_diff_plain.bundle')) FROM k;
DROP TABLE v;
CREATE VIRTUAL TABLE v USING fts5(a);
SELECT '3_02', json_valid(backup_export_file(key, 'backup_diff_virtual.bundle')) FROM k;
SELECT '3_03', old = '{"a":"one"}' AND new IS NULL
  FROM k, backup_diff('backup_diff_plain.bundle', 'backup_diff_virtual.bundle', k.key) WHERE table_name = 'v';
-- fails: backup_diff: mismatch: the new state: this is a delta, sound by itself
SELECT * FROM k, backup_diff('backup_diff_old.bundle', 'backup_diff_delta.bundle', k.key);
-- fails: backup_diff: misuse: call it as backup_diff(old_bundle, new_bundle, recovery_key)
SELECT * FROM backup_diff('backup_diff_old.bundle', 'backup_diff_new.bundle');
-- fails: backup_diff: wrong key: the old state: this recovery key did not make this bundle
SELECT * FROM backup_diff('backup_diff_old.bundle', 'backup_diff_new.bundle', backup_keygen());
-- fails: backup_diff: host: the new state: the bundle 'nothing.bundle' cannot be read
SELECT * FROM k, backup_diff('backup_diff_old.bundle', 'nothing.bundle', k.key);
