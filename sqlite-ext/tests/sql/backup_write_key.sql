CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;
CREATE TABLE t(a);
INSERT INTO t VALUES ('one');
CREATE TEMP TABLE w AS SELECT backup_write_key(key, 'wallet') AS write, backup_read_key(key, 'wallet') AS read FROM k;
SELECT '1_01', write LIKE 'lifeboatwrite1%' AND length(write) = 97 FROM w;
SELECT '1_02', read LIKE 'lifeboatread1%' AND length(read) = 147 FROM w;
SELECT '1_03', backup_write_key(key) = backup_write_key(key, 'default') FROM k;
SELECT '1_04', backup_write_key(write) = write AND backup_read_key(write) = read AND backup_read_key(read) = read FROM w;
SELECT '1_05', backup_verify_key(write) = backup_verify_key(key, 'wallet') AND backup_verify_key(read) = backup_verify_key(write) FROM k, w;
SELECT '1_06', backup_verify_key(upper(read)) = backup_verify_key(write) FROM w;
-- the bundle of a write key is the one of the recovery key, and each of the three opens it
SELECT '2_01', backup_export(write, '{"domain": "wallet"}') = backup_export(key, '{"domain": "wallet"}') FROM k, w;
SELECT '2_06', backup_export_file(write, 'backup_write_key.bundle', '{"domain": "wallet"}') ->> 'rows' = 1 FROM w;
SELECT '2_02', backup_verify('backup_write_key.bundle', read) ->> 'verdict' = 'authentic' FROM w;
SELECT '2_03', backup_verify('backup_write_key.bundle', write, '{"level": "restore"}') ->> 'rows' = 1 FROM w;
SELECT '2_04', row ->> 'a' = 'one' FROM w, backup_rows('backup_write_key.bundle', read, 't');
SELECT '2_05', backup_verify('backup_write_key.bundle', read, '{"level": "hashes"}') ->> 'verdict' = 'authentic' FROM w;
-- the name of the domain is a label
SELECT '3_01', backup_info('backup_write_key.bundle', key) ->> 'domain_proven' = 1 FROM k;
SELECT '3_02', backup_info('backup_write_key.bundle', read) -> 'domain_proven' = 'null' FROM w;
SELECT '3_03', backup_info(backup_export(write, '{"domain": "walet"}'), key) ->> 'domain_proven' = 0 FROM k, w;
SELECT '3_04', backup_info(backup_export(write, '{"domain": "walet"}'), key) ->> 'domain' = 'walet' FROM k, w;
-- fails: backup_export: misuse: a write key does not tell the name of its domain; give it by the option "domain"
SELECT backup_export(write) FROM w;
-- fails: backup_export: misuse: a read key opens bundles and makes none
SELECT backup_export(read, '{"domain": "wallet"}') FROM w;
-- fails: backup_compose: misuse: a read key opens bundles and makes none
SELECT backup_compose('backup_write_key.bundle', read) FROM w;
-- fails: backup_verify: wrong key: this read key is of another domain; nothing was opened
SELECT backup_verify(backup_export(key, '{"domain": "other"}'), read) FROM k, w;
-- fails: backup_info: wrong key: this write key is of another domain; nothing was opened
SELECT backup_info(backup_export(key), write) FROM k, w;
-- fails: backup_write_key: misuse: a read key does not give the write key; give the recovery key
SELECT backup_write_key(read) FROM w;
-- fails: backup_write_key: misuse: this key is of one domain already; leave out the name of the domain
SELECT backup_write_key(write, 'wallet') FROM w;
-- fails: backup_read_key: misuse: this is not a recovery key: a verify key stands in its place
SELECT backup_read_key(backup_verify_key(key)) FROM k;
-- fails: backup_read_key: misuse: this is not a read key: characters are missing
SELECT backup_read_key(substr(read, 1, 100)) FROM w;
-- fails: backup_read_key: misuse: the key is NULL
SELECT backup_read_key(NULL);
