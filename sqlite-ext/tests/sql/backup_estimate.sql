CREATE TABLE t(x);
INSERT INTO t VALUES (1), (2);
CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;

SELECT '1_01', json_extract(backup_estimate(key), '$.bytes') = length(backup_export(key)) FROM k;
SELECT '1_02', json_extract(backup_estimate(key), '$.rows') = 2 FROM k;
SELECT '1_03', json_extract(backup_estimate(key), '$.items') = 4 FROM k;
SELECT '1_04', json_extract(backup_estimate(key), '$.full') = 1 FROM k;
SELECT '1_05', json_extract(backup_estimate(key, '{"compress": "none"}'), '$.bytes')
  = length(backup_export(key, '{"compress": "none"}')) FROM k;
SELECT '2_00', json_valid(backup_export_file(key, 'e0.bundle')) FROM k;
SELECT '2_01', json_extract(backup_estimate(key, '{"base": "e0.bundle"}'), '$.bytes') = 0 FROM k;
INSERT INTO t VALUES (3);
SELECT '2_02', json_extract(backup_estimate(key, '{"base": "e0.bundle"}'), '$.bytes')
  = length(backup_export(key, '{"base": "e0.bundle"}')) FROM k;
SELECT '2_03', json_extract(backup_estimate(key, '{"base": "e0.bundle"}'), '$.changes') = 1 FROM k;
SELECT '2_04', json_extract(backup_estimate(key, '{"base": "e0.bundle"}'), '$.state_id')
  = json_extract(backup_info(backup_export(key)), '$.state_id') FROM k;

-- fails: backup_estimate: misuse: there is no option `replace`
SELECT backup_estimate(key, '{"replace": true}') FROM k;
-- fails: backup_estimate: misuse: the key is NULL
SELECT backup_estimate(NULL);
-- fails: wrong number of arguments to function backup_estimate()
SELECT backup_estimate();
-- fails: backup_estimate: host: the base: the bundle 'none' cannot be read
SELECT backup_estimate(key, '{"base": "none"}') FROM k;
BEGIN;
INSERT INTO t VALUES (4);
-- fails: backup_estimate: misuse: the connection has a write transaction open
SELECT backup_estimate(key) FROM k;
ROLLBACK;
