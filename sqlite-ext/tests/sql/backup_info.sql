CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;
PRAGMA application_id = 77;
CREATE TABLE t(x UNIQUE);
CREATE VIEW v AS SELECT * FROM t;
INSERT INTO t VALUES (1), (2);
SELECT '0_01', json_valid(backup_export_file(key, 'backup_info.bundle', '{"domain": "wallet"}')) FROM k;

SELECT '1_01', json_extract(backup_info('backup_info.bundle'), '$.full') = 1;
SELECT '1_02', json_extract(backup_info('backup_info.bundle'), '$.bytes') = length(backup_export(key, '{"domain": "wallet"}')) FROM k;
SELECT '1_03', json_extract(backup_info('backup_info.bundle'), '$.domain') IS NULL;
SELECT '1_04', json_extract(backup_info('backup_info.bundle', key), '$.domain') = 'wallet' FROM k;
SELECT '1_05', json_extract(backup_info('backup_info.bundle', key), '$.application_id') = 77 FROM k;
SELECT '1_06', json_extract(backup_info('backup_info.bundle', key), '$.tables') = '{"t":2}' FROM k;
SELECT '1_07', json_extract(backup_info('backup_info.bundle', key), '$.schema') = '{"tables":1,"indexes":0,"views":1,"triggers":0}' FROM k;
-- fails: backup_info: wrong key
SELECT backup_info('backup_info.bundle', backup_keygen());
-- fails: backup_info: misuse: the key is NULL
SELECT backup_info('backup_info.bundle', NULL);
