-- backup_export and backup_export_file with base and ledger, in a directory of its own.
CREATE TABLE t(id INTEGER PRIMARY KEY, x);
INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;

SELECT '1_01', json_extract(backup_export_file(key, 'd0.bundle', '{"ledger": "d.ledger"}'), '$.full') = 1 FROM k;
UPDATE t SET x = 'TWO' WHERE id = 2;
SELECT '1_02', length(backup_export(key, '{"base": "d0.bundle"}')) < 1000 FROM k;
SELECT '1_03', backup_export(key, '{"base": "d0.bundle"}') = backup_export(key, '{"ledger": "d.ledger"}') FROM k;
SELECT '1_04', backup_export(key, '{"base": ["d0.bundle"]}') = backup_export(key, '{"ledger": "d.ledger", "base": "d0.bundle"}') FROM k;
SELECT '1_05', json_extract(backup_export_file(key, 'd1.bundle', '{"base": "d0.bundle", "ledger": "d.ledger"}'), '$.changes') = 1 FROM k;
SELECT '1_06', json_extract(backup_export_file(key, 'd2.bundle', '{"ledger": "d.ledger"}'), '$.changed') = 0 FROM k;
SELECT '1_07', json_extract(backup_export_file(key, 'd2.bundle', '{"base": ["d0.bundle", "d1.bundle"]}'), '$.bytes') = 0 FROM k;
DELETE FROM t WHERE id = 1;
SELECT '1_08', json_extract(backup_export_file(key, 'd2.bundle', '{"ledger": "d.ledger"}'), '$.base_id')
  = json_extract(backup_info('d1.bundle'), '$.state_id') FROM k;

-- fails: backup_export_file: misuse: 'd1.bundle' already exists and is another bundle, from which later ones may lead on
SELECT backup_export_file(key, 'd1.bundle', '{"base": "d0.bundle"}') FROM k;
-- fails: backup_export_file: misuse: 'd0.bundle' is the target, and a bundle that this call reads, too
SELECT backup_export_file(key, 'd0.bundle', '{"base": "d0.bundle", "replace": true}') FROM k;
-- fails: backup_export_file: misuse: 'x' is both the target and the ledger
SELECT backup_export_file(key, 'x', '{"ledger": "x"}') FROM k;
-- fails: backup_export: misuse: the option `base` is an empty array
SELECT backup_export(key, '{"base": []}') FROM k;
-- fails: backup_export: misuse: the option `base` must be a path, or an array of paths, oldest first
SELECT backup_export(key, '{"base": 1}') FROM k;
-- fails: backup_export: misuse: the path of the ledger is empty
SELECT backup_export(key, '{"ledger": ""}') FROM k;
-- fails: backup_export: misuse: 'd0.bundle' is not a ledger of this key and domain
SELECT backup_export(key, '{"ledger": "d0.bundle"}') FROM k;
-- fails: backup_export: mismatch: the base: this is a ledger, not a bundle
SELECT backup_export(key, '{"base": "d.ledger"}') FROM k;
-- fails: backup_export: mismatch: the base: this is a delta, sound by itself
SELECT backup_export(key, '{"base": "d1.bundle"}') FROM k;
-- fails: backup_export: wrong key: the base
SELECT backup_export(backup_keygen(), '{"base": "d0.bundle"}');
-- fails: backup_export: mismatch: the base is of another domain
SELECT backup_export(key, '{"base": "d0.bundle", "domain": "other"}') FROM k;
-- fails: backup_export: misuse: 'd.ledger' is not a ledger of this key and domain, and is left alone (it is a ledger of another domain
SELECT backup_export(key, '{"ledger": "d.ledger", "domain": "other"}') FROM k;
-- fails: backup_export: mismatch: the base holds another selection
SELECT backup_export(key, '{"base": "d0.bundle", "exclude": ["t"]}') FROM k;
-- fails: to begin anew, delete the ledger
SELECT backup_export(key, '{"ledger": "d.ledger", "exclude": ["t"]}') FROM k;
