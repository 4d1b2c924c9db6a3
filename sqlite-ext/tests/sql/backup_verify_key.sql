CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;
SELECT '1_01', backup_verify_key(key) LIKE 'lifeboatverify1%' FROM k;
SELECT '1_02', backup_verify_key(key) = backup_verify_key(key, 'default') FROM k;
SELECT '1_03', backup_verify_key(key) <> backup_verify_key(key, 'wallet') FROM k;
SELECT '1_04', backup_verify_key(upper(key)) = backup_verify_key(key) FROM k;
-- fails: backup_verify_key: misuse: this is not a recovery key: a verify key stands in its place
SELECT backup_verify_key(backup_verify_key(key)) FROM k;
-- fails: backup_verify_key: misuse: the key is NULL
SELECT backup_verify_key(NULL);
-- fails: backup_verify_key: misuse: a domain's name has 1 to 255 bytes
SELECT backup_verify_key(key, '') FROM k;
