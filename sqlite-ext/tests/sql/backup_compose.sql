-- backup_compose and backup_compose_file, in a directory of its own.
CREATE TABLE t(id INTEGER PRIMARY KEY, x);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;
SELECT '0_01', json_valid(backup_export_file(key, 'c0.bundle')) FROM k;
UPDATE t SET x = 'TWO' WHERE id = 2;
SELECT '0_02', json_valid(backup_export_file(key, 'c1.bundle', '{"base": "c0.bundle"}')) FROM k;
INSERT INTO t VALUES (3, 'three');
SELECT '0_03', json_valid(backup_export_file(key, 'c2.bundle', '{"base": ["c0.bundle", "c1.bundle"]}')) FROM k;

SELECT '1_01', backup_compose('["c0.bundle", "c1.bundle", "c2.bundle"]', key) = backup_export(key) FROM k;
SELECT '1_02', backup_compose('["c1.bundle", "c2.bundle"]', key) = backup_export(key, '{"base": "c0.bundle"}') FROM k;
SELECT '1_03', backup_compose(backup_export(key), key) = backup_export(key) FROM k;
SELECT '1_04', backup_compose(backup_export(key), key, '{"compress": "none"}') = backup_export(key, '{"compress": "none"}') FROM k;

SELECT '2_01', json_extract(backup_compose_file('["c1.bundle", "c2.bundle"]', key, 'c12.bundle'), '$.changes') = 2 FROM k;
SELECT '2_02', json_extract(backup_compose_file('["c1.bundle", "c2.bundle"]', key, 'c12.bundle'), '$.changed') = 0 FROM k;
SELECT '2_03', json_extract(backup_compose_file('["c0.bundle", "c12.bundle"]', key, 'c012.bundle'), '$.bytes') = length(backup_export(key)) FROM k;
SELECT '2_04', json_extract(backup_verify('c012.bundle', key), '$.rows') = 3 FROM k;
-- fails: backup_compose_file: misuse: 'c12.bundle' already exists and is another bundle
SELECT backup_compose_file('["c0.bundle", "c1.bundle"]', key, 'c12.bundle') FROM k;
SELECT '2_05', json_extract(backup_compose_file('["c0.bundle", "c1.bundle"]', key, 'c12.bundle', '{"replace": true}'), '$.full') = 1 FROM k;

-- fails: backup_compose: mismatch: bundle 2 of the chain does not follow
SELECT backup_compose('["c0.bundle", "c2.bundle"]', key) FROM k;
-- fails: backup_compose: wrong key: bundle 1 of the chain
SELECT backup_compose('["c0.bundle", "c1.bundle"]', backup_keygen());
-- fails: backup_compose: misuse: the array of bundles is empty
SELECT backup_compose('[]', key) FROM k;
-- fails: backup_compose: misuse: there is no option `replace`; known options: compress
SELECT backup_compose('c0.bundle', key, '{"replace": true}') FROM k;
-- fails: backup_compose_file: misuse: the option `compress` names "u", which is not a table here
SELECT backup_compose_file('c0.bundle', key, 'x.bundle', '{"compress": {"u": "none"}}') FROM k;
-- fails: backup_compose_file: misuse: there is no option `base`; known options: replace, compress
SELECT backup_compose_file('c0.bundle', key, 'x.bundle', '{"base": "c0.bundle"}') FROM k;
-- fails: wrong number of arguments to function backup_compose_file()
SELECT backup_compose_file('c0.bundle', key) FROM k;
