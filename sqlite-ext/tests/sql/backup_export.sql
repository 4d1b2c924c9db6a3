CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;
CREATE TABLE t(x);
INSERT INTO t VALUES (1), ('two'), (3.0), (x'04'), (NULL);

SELECT '1_01', typeof(backup_export(key)) = 'blob' FROM k;
SELECT '1_02', backup_export(key) = backup_export(key) FROM k;
SELECT '1_03', backup_export(key) = backup_export(key, '{"schema": "main", "domain": "default", "compress": "zstd"}') FROM k;
-- fails: backup_export: misuse: called from a statement that writes
CREATE TEMP TABLE b AS SELECT backup_export(key) FROM k;
SELECT '1_04', backup_export(key) <> backup_export(backup_keygen()) FROM k;
SELECT '1_05', backup_export(key) <> backup_export(key, '{"domain": "other"}') FROM k;

-- What is not part of the state changes nothing; what is, does.
SELECT '2_00', json_valid(backup_export_file(key, 'before.bundle')) FROM k;
PRAGMA cache_size = 100;
REINDEX;
SELECT '2_01', json_extract(backup_info(backup_export(key)), '$.state_id') = json_extract(backup_info('before.bundle'), '$.state_id') FROM k;
PRAGMA user_version = 9;
SELECT '2_02', json_extract(backup_info(backup_export(key)), '$.state_id') <> json_extract(backup_info('before.bundle'), '$.state_id') FROM k;
PRAGMA user_version = 0;
SELECT '2_03', json_extract(backup_info(backup_export(key)), '$.state_id') = json_extract(backup_info('before.bundle'), '$.state_id') FROM k;
UPDATE t SET x = 3 WHERE x = 3.0;
SELECT '2_04', json_extract(backup_info(backup_export(key)), '$.state_id') <> json_extract(backup_info('before.bundle'), '$.state_id') FROM k;

-- fails: backup_export: misuse: there is no option `table`; known options: schema, domain, compress, base, ledger, tables, exclude, where, cache, now
SELECT backup_export(key, '{"table": ["t"]}') FROM k;
-- fails: backup_export: misuse: the options must be text
SELECT backup_export(key, 1) FROM k;
BEGIN;
INSERT INTO t VALUES (6);
-- fails: backup_export: misuse: the connection has a write transaction open
SELECT backup_export(key) FROM k;
ROLLBACK;
