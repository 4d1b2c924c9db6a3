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
INSERT INTO t VALUES (3);
SELECT '2_01', json_valid(backup_export_file(key, 'backup_info_1.bundle', '{"domain": "wallet", "base": "backup_info.bundle"}')) FROM k;
SELECT '2_02', backup_info('backup_info_1.bundle', key) ->> 'tables' = '{"t":{"removed":0,"written":1}}' FROM k;
SELECT '2_03', backup_info('["backup_info.bundle", "backup_info_1.bundle"]', key) ->> 'tables' = '{"t":3}' FROM k;
SELECT '2_04', backup_info('["backup_info.bundle", "backup_info_1.bundle"]') ->> '$.bundles[1].base_id' = backup_info('backup_info.bundle') ->> 'state_id';
SELECT '2_05', backup_info('["backup_info.bundle", "backup_info_1.bundle"]') ->> '$.bundles[1].sha256' = backup_info('backup_info_1.bundle') ->> 'sha256';
-- fails: backup_info: wrong key
SELECT backup_info('backup_info.bundle', backup_keygen());
-- fails: backup_info: misuse: the key is NULL
SELECT backup_info('backup_info.bundle', NULL);
