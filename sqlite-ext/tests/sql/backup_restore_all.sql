-- backup_restore_all, and files as a series, in a directory of its own.
CREATE TABLE t(id INTEGER PRIMARY KEY, x);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
CREATE TEMP TABLE k AS SELECT backup_keygen() AS key, '["dir:all-a", "dir:all-b"]' AS stores,
  '{"domain": "papers", "local": "all-papers", "files": ["all-one.bundle", "all-two.bundle"]}' AS papers;

-- fails: backup_restore_all: host: no copy that answers holds a save
SELECT backup_restore_all('dir:all-a', key, 'all-x') FROM k;
SELECT '1_01', backup_save(key, stores, '{"local": "all-t", "date": "2026-11-29T12:00:00Z"}') ->> 'done' = 2 FROM k;
SELECT '1_02', backup_save(key, 'dir:all-b', '{"domain": "Year/2026", "local": "all-year", "tables": ["t"]}') ->> 'done' = 1 FROM k;
SELECT '1_03', length(backup_export_file(key, 'all-one.bundle')) > 0 FROM k;
SELECT '1_04', length(backup_export_file(key, 'all-two.bundle', '{"domain": "two"}')) > 0 FROM k;
SELECT '1_05', json_extract(backup_save(key, stores, papers), '$.number', '$.full', '$.done', '$.domain') = '[1,true,2,"papers"]' FROM k;
-- The same files are the same state, whatever their dates, and by whatever way they are named.
SELECT '1_06', backup_save(key, stores, papers) ->> 'changed' = 0 FROM k;
SELECT '1_07', backup_save(key, stores, json_set(papers, '$.files', json_object('all-two.bundle', './all-two.bundle', 'all-one.bundle', 'all-one.bundle'))) ->> 'changed' = 0 FROM k;
SELECT '1_08', json_extract(backup_save(key, stores, json_set(papers, '$.files', json_object('one', 'all-t/memory', 'two', 'all-year/memory'))), '$.number', '$.changed') = '[2,true]' FROM k;
-- For other functions it is a database.
SELECT '1_09', (SELECT count(*) FROM backup_rows('dir:all-a', backup_read_key(k.key, 'papers'), 'file')) = 2 FROM k;
SELECT '1_10', backup_info('dir:all-a', key, '{"domain": "papers"}') ->> 'rows' = 2 FROM k;

SELECT '2_01', json_extract(backup_restore_all(stores, key, 'all-1'), '$.restored', '$.failed', '$.unreachable') = '[3,0,null]' FROM k;
-- Nothing is written over unless that is said.
-- fails: backup_restore_all: misuse: none of 3 series is restored; the first: 'all-1/
SELECT backup_restore_all(stores, key, 'all-1') FROM k;
SELECT '2_02', json_extract(backup_restore_all(stores, k.key, 'all-1', '{"replace": true}'), '$.restored', '$.failed') = '[3,0]' FROM k;
SELECT '2_03', (SELECT json_extract(value, '$.path', '$.rows', '$.number', '$.date') FROM json_each(backup_restore_all(stores, k.key, 'all-1', '{"replace": true}'), '$.domains') WHERE value ->> 'domain' = 'default') = '["all-1/default",2,1,"2026-11-29T12:00:00Z"]' FROM k;
SELECT '2_04', (SELECT json_extract(value, '$.state_id', '$.quick_check') FROM json_each(backup_restore_all(stores, k.key, 'all-1', '{"replace": true}'), '$.domains') WHERE value ->> 'domain' = 'default') = json_array(backup_info('dir:all-a', k.key, '{"domain": "default"}') ->> 'state_id', 'ok') FROM k;
SELECT '2_05', (SELECT json_extract(value, '$.path', '$.rows', '$.copies[0].state', '$.copies[1].state') FROM json_each(backup_restore_all(stores, k.key, 'all-1', '{"replace": true}'), '$.domains') WHERE value ->> 'domain' = 'Year/2026') = '["all-1/Year%2F2026",2,"empty","current"]' FROM k;
SELECT '2_06', (SELECT json_extract(value, '$.path', '$.files', '$.number', '$.rows', '$.error') FROM json_each(backup_restore_all(stores, k.key, 'all-1', '{"replace": true}'), '$.domains') WHERE value ->> 'domain' = 'papers') = '["all-1/papers",2,2,null,null]' FROM k;
SELECT '2_07', backup_save(key, stores, json_set(papers, '$.files', json('["all-1/papers/two", "all-1/papers/one"]'))) ->> 'changed' = 0 FROM k;
ATTACH 'all-1/default' AS restored;
SELECT '2_08', group_concat(x) = 'one,two' FROM restored.t;
-- This one is in use; the others go on.
SELECT '2_09', json_extract(backup_restore_all(stores, key, 'all-1', '{"replace": true}'), '$.restored', '$.failed') = '[2,1]' FROM k;
-- A key of one domain restores that one.
SELECT '2_10', json_extract(backup_restore_all(stores, backup_read_key(key, 'papers'), 'all-2'), '$.restored', '$.domains[0].domain') = '[1,"papers"]' FROM k;
SELECT '2_11', json_extract(backup_restore_all(stores, backup_write_key(key), 'all-3'), '$.restored', '$.domains[0].domain') = '[1,"default"]' FROM k;
-- A store that does not answer may hold more: it is named.
SELECT '2_12', json_extract(backup_restore_all('["dir:all-a", "dir:none/all"]', key, 'all-4'), '$.restored', '$.unreachable[0].store') = '[2,"dir:none/all"]' FROM k;

-- fails: backup_restore_all: wrong key: the stores hold 2 series, and none with a record of this key
SELECT backup_restore_all('dir:all-a', backup_keygen(), 'all-x');
-- fails: backup_restore_all: unreachable: no copy can be read
SELECT backup_restore_all('dir:none/all', key, 'all-x') FROM k;
-- fails: backup_restore_all: misuse: this restores the newest state of each series; leave out the selector behind the store
SELECT backup_restore_all('dir:all-a#seq=1', key, 'all-x') FROM k;
-- fails: backup_restore_all: misuse: this is a path, not a store; write 'dir:PATH' for a directory
SELECT backup_restore_all('all-one.bundle', key, 'all-x') FROM k;
-- fails: backup_restore_all: misuse: 'all-a' is one of the stores; give another directory
SELECT backup_restore_all('dir:all-a', key, './all-a') FROM k;
-- fails: backup_restore_all: misuse: 'all-one.bundle' is not a directory
SELECT backup_restore_all(stores, key, 'all-one.bundle') FROM k;
-- fails: backup_restore_all: host: cannot make the directory 'none/all'
SELECT backup_restore_all(stores, key, 'none/all') FROM k;
-- fails: backup_restore_all: misuse: the path of the target is not text
SELECT backup_restore_all(stores, key, NULL) FROM k;
-- fails: backup_restore_all: misuse: there is no option `domain`; known options: replace, skip_indexes, max_bytes, trusted
SELECT backup_restore_all(stores, key, 'all-x', '{"domain": "x"}') FROM k;
-- fails: wrong number of arguments to function backup_restore_all()
SELECT backup_restore_all(stores, key) FROM k;
-- fails: too big: none of 3 series is restored
SELECT backup_restore_all(stores, key, 'all-x', '{"max_bytes": 1}') FROM k;

-- fails: backup_save: misuse: the option `files` needs the option `domain`
SELECT backup_save(key, stores, '{"local": "all-x", "files": ["all-one.bundle"]}') FROM k;
-- fails: backup_save: misuse: the option `files` needs the option `domain`
SELECT backup_save(key, stores, '{"local": "all-x", "domain": "default", "files": ["all-one.bundle"]}') FROM k;
-- fails: backup_save: misuse: the option `files` needs the option `local`
SELECT backup_save(key, stores, '{"domain": "papers", "files": ["all-one.bundle"]}') FROM k;
-- fails: backup_save: misuse: the option `files` saves files in place of a database, and `tables` is of a database
SELECT backup_save(key, stores, '{"domain": "papers", "local": "all-papers", "files": ["all-one.bundle"], "tables": ["t"]}') FROM k;
-- fails: backup_save: misuse: the option `files` saves files in place of a database, and `closure` is of a database
SELECT backup_save(key, stores, '{"domain": "papers", "local": "all-papers", "files": ["all-one.bundle"], "closure": true}') FROM k;
-- fails: backup_save: misuse: the option `files` names no file
SELECT backup_save(key, stores, '{"domain": "papers", "local": "all-papers", "files": []}') FROM k;
-- fails: backup_save: misuse: the option `files` must be an array of paths, or an object from names to paths
SELECT backup_save(key, stores, '{"domain": "papers", "local": "all-papers", "files": "all-one.bundle"}') FROM k;
-- fails: backup_save: misuse: the option `files`: "a/b" cannot be the name of a file on each system
SELECT backup_save(key, stores, '{"domain": "papers", "local": "all-papers", "files": {"a/b": "all-one.bundle"}}') FROM k;
-- fails: backup_save: host: the file 'all-none' cannot be read
SELECT backup_save(key, stores, '{"domain": "papers", "local": "all-papers", "files": ["all-none"]}') FROM k;
-- fails: backup_save: misuse: 'all-a' is a directory, not a regular file
SELECT backup_save(key, stores, '{"domain": "papers", "local": "all-papers", "files": ["all-a"]}') FROM k;
-- fails: backup_save: misuse: 'all-1/default' is a database, or belongs to one
SELECT backup_save(key, stores, '{"domain": "papers", "local": "all-papers", "files": ["all-1/default"]}') FROM k;
-- A database does not take the place of the files.
-- fails: backup_save: mismatch: the copies hold saves that this database does not come from
SELECT backup_save(key, stores, '{"domain": "papers", "local": "all-other"}') FROM k;
