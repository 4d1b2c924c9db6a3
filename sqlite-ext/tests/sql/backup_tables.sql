CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;
CREATE TABLE full(x);
CREATE TABLE "empty ""one"""(x);
INSERT INTO full VALUES (1), (2);
SELECT '0_01', json_valid(backup_export_file(key, 'backup_tables.bundle')) FROM k;

SELECT '1_01', group_concat(name || '=' || rows) = 'full=2,empty "one"=0' FROM k, backup_tables('backup_tables.bundle', key);
SELECT '1_02', sql = 'CREATE TABLE full(x)' FROM k, backup_tables('backup_tables.bundle', key) WHERE name = 'full';
SELECT '1_03', recovery_key IS NULL FROM k, backup_tables('backup_tables.bundle', key) WHERE name = 'full';
-- fails: backup_tables: misuse: call it as backup_tables(bundle, recovery_key)
SELECT * FROM backup_tables('backup_tables.bundle');
-- fails: backup_tables: wrong key
SELECT * FROM backup_tables('backup_tables.bundle', backup_keygen());
-- fails: backup_tables: misuse: call it as backup_tables(bundle, recovery_key)
SELECT * FROM backup_tables;
-- fails: too many arguments on backup_tables
SELECT * FROM backup_tables(1, 2, 3);
