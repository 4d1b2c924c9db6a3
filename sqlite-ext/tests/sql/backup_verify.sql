CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;
CREATE TABLE t(x);
INSERT INTO t VALUES (1), (2);
SELECT '0_01', json_valid(backup_export_file(key, 'backup_verify.bundle')) FROM k;

SELECT '1_01', json_extract(backup_verify('backup_verify.bundle'), '$.verdict') = 'consistent';
SELECT '1_02', json_extract(backup_verify('backup_verify.bundle', key), '$.verdict') = 'authentic' FROM k;
SELECT '1_03', json_extract(backup_verify('backup_verify.bundle', backup_verify_key(key)), '$.verdict') = 'authentic' FROM k;
SELECT '1_04', json_extract(backup_verify('backup_verify.bundle'), '$.verify_key') = backup_verify_key(key) FROM k;
SELECT '1_05', json_extract(backup_verify('backup_verify.bundle', key), '$.rows') = 2 FROM k;
SELECT '1_06', json_extract(backup_verify('backup_verify.bundle', key, '{"level": "restore"}'), '$.integrity_check') = 'ok' FROM k;
SELECT '1_07', json_valid(backup_verify('backup_verify.bundle', NULL, json_object('expect', json_extract(backup_info('backup_verify.bundle'), '$.state_id'))));

DELETE FROM t WHERE x = 1;
SELECT '2_01', json_valid(backup_export_file(key, 'backup_verify_1.bundle', '{"base": "backup_verify.bundle"}')) FROM k;
SELECT '2_02', backup_verify('["backup_verify.bundle", "backup_verify_1.bundle"]') ->> 'bundles' = 2;
SELECT '2_03', backup_verify('["backup_verify.bundle", "backup_verify_1.bundle"]', key) ->> 'rows' = 1 FROM k;
SELECT '2_04', backup_verify('["backup_verify.bundle", "backup_verify_1.bundle"]', key, '{"level": "restore"}') ->> 'integrity_check' = 'ok' FROM k;
SELECT '2_05', backup_verify('backup_verify_1.bundle', key) ->> 'full' = 0 FROM k;
-- fails: backup_verify: mismatch: this is a delta, sound by itself
SELECT backup_verify('backup_verify_1.bundle', key, '{"level": "restore"}') FROM k;
-- fails: backup_verify: mismatch: bundle 2 of the chain does not follow: it is a full bundle
SELECT backup_verify('["backup_verify_1.bundle", "backup_verify.bundle"]');
-- fails: backup_verify: wrong key: this recovery key did not make this bundle; nothing was opened
SELECT backup_verify('backup_verify.bundle', backup_keygen());
-- fails: backup_verify: mismatch: the bundle is consistent, but it was signed by lifeboatverify1
SELECT backup_verify('backup_verify.bundle', backup_verify_key(backup_keygen()));
-- fails: backup_verify: mismatch: the bundle is sound, but it holds the state
SELECT backup_verify('backup_verify.bundle', key, json_object('expect', hex(zeroblob(32)))) FROM k;
-- fails: backup_verify: truncated: the bundle ends at byte 100
SELECT backup_verify(substr(backup_export(key), 1, 100)) FROM k;
-- fails: backup_verify: truncated: the bundle is empty
SELECT backup_verify(x'');
-- fails: backup_verify: corrupt
SELECT backup_verify(zeroblob(1000));
-- fails: backup_verify: misuse: a verify key opens nothing; this level needs the recovery key, the write key or the read key
SELECT backup_verify('backup_verify.bundle', backup_verify_key(key), '{"level": "restore"}') FROM k;
-- fails: backup_verify: misuse: the option `level` must be one of `hashes`, `contents`, `restore`
SELECT backup_verify('backup_verify.bundle', key, '{"level": "all"}') FROM k;
