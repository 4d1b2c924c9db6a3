-- backup_export_file and backup_restore_file, in a directory of its own.
CREATE TABLE t(x);
INSERT INTO t VALUES (1), (2);
CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;

SELECT '1_01', json_extract(backup_export_file(key, 'a.bundle'), '$.changed') = 1 FROM k;
SELECT '1_02', json_extract(backup_export_file(key, 'a.bundle'), '$.changed') = 0 FROM k;
SELECT '1_03', json_extract(backup_verify('a.bundle', key), '$.rows') = 2 FROM k;
SELECT '1_04', json_extract(backup_verify('["a.bundle"]', key), '$.bytes') = length(backup_export(key)) FROM k;
INSERT INTO t VALUES (3);
SELECT '1_05', json_extract(backup_export_file(key, 'a.bundle'), '$.items') = 5 FROM k;
-- fails: 'a.bundle' already exists and is a bundle of another key; give another path
SELECT backup_export_file(backup_keygen(), 'a.bundle');
-- fails: 'a.bundle' already exists and is a bundle of another domain of this key
SELECT backup_export_file(key, 'a.bundle', '{"domain": "x"}') FROM k;
-- fails: its directory must exist and be writable
SELECT backup_export_file(key, 'none/a.bundle') FROM k;

SELECT '2_01', json_extract(backup_restore_file('a.bundle', key, 'copy.db'), '$.path') = 'copy.db' FROM k;
-- fails: 'copy.db' already exists; give another path
SELECT backup_restore_file('a.bundle', key, 'copy.db') FROM k;
SELECT '2_02', json_extract(backup_restore_file('a.bundle', key, 'copy.db', '{"replace": true, "page_size": 512}'), '$.rows') = 3 FROM k;
ATTACH 'copy.db' AS copy;
SELECT '2_03', group_concat(x) = '1,2,3' FROM copy.t;
SELECT '2_04', json_extract(backup_info(backup_export(key, '{"schema": "copy"}')), '$.state_id')
  = json_extract(backup_info('a.bundle'), '$.state_id') FROM k;
-- fails: 'copy.db' is a database of this connection
SELECT backup_restore_file('a.bundle', key, 'copy.db', '{"replace": true}') FROM k;
-- fails: backup_verify: host: the bundle 'missing.bundle' cannot be read
SELECT backup_verify('missing.bundle');
