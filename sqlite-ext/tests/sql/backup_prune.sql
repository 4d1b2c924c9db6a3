-- backup_prune: old saves are deleted, in a directory of its own.
-- Each change is as large as the database, so that a full bundle comes each second time.
CREATE TABLE t(id INTEGER PRIMARY KEY, x);
CREATE TEMP TABLE k AS SELECT key AS secret, backup_verify_key(key) AS public, '["dir:prune-a", "dir:prune-b"]' AS places, '{"local": "prune-local"}' AS here FROM (SELECT backup_keygen() AS key);
-- fails: backup_prune: host: no copy that answers holds a save
SELECT backup_prune(places, secret, '{"keep": {"last": 1}}') FROM k;
INSERT INTO t VALUES (1, hex(randomblob(20000)));
SELECT '0_01', backup_save(secret, places, json_set(here, '$.date', '2026-01-10T12:00:00Z')) ->> 'done' = 2 FROM k;
UPDATE t SET x = hex(randomblob(20000));
SELECT '0_02', backup_save(secret, places, json_set(here, '$.date', '2026-02-10T11:00:00Z')) ->> 'done' = 2 FROM k;
UPDATE t SET x = hex(randomblob(20000));
SELECT '0_03', backup_save(secret, places, json_set(here, '$.date', '2026-02-20T11:00:00Z')) ->> 'done' = 2 FROM k;
UPDATE t SET x = hex(randomblob(20000));
SELECT '0_04', backup_save(secret, places, json_set(here, '$.date', '2026-03-05T12:00:00Z')) ->> 'done' = 2 FROM k;
UPDATE t SET x = hex(randomblob(20000));
SELECT '0_05', backup_save(secret, places, json_set(here, '$.date', '2026-03-10T12:00:00Z')) ->> 'number' = 5 FROM k;

-- It shows what would go, and deletes nothing, before it is told to.
SELECT '1_01', json_extract(backup_prune(places, secret, '{"keep": {"monthly": 3}}'), '$.dry_run', '$.done', '$.number', '$.floor', '$.sound', '$.minimum', '$.refused', '$.copies[0].kept', '$.copies[0].removed.records') = '[true,false,5,5,2,2,[],3,2]' FROM k;
SELECT '1_02', count(*) = 5 FROM k, backup_log(places, secret);
SELECT '1_03', json_extract(backup_prune(places, secret, '{"keep": {"last": 1}}'), '$.done', '$.refused[0]') LIKE '[false,"more than half of the history would go: 4 of 5 states%' FROM k;
-- fails: backup_prune: misuse: nothing was deleted: more than half of the history would go: 4 of 5 states
SELECT backup_prune(places, secret, '{"keep": {"last": 1}, "dry_run": false}') FROM k;
-- fails: backup_prune: misuse: nothing was deleted: dir:prune-a is the only copy that is proved sound
SELECT backup_prune('dir:prune-a', secret, '{"keep": {"last": 3}, "dry_run": false}') FROM k;
-- fails: backup_prune: misuse: nothing was deleted: these stores do not answer, so nobody knows what they hold: dir:none/prune
SELECT backup_prune('["dir:prune-a", "dir:prune-b", "dir:none/prune"]', secret, '{"keep": {"last": 4}, "dry_run": false}') FROM k;

SELECT '2_01', json_extract(backup_prune(places, secret, '{"keep": {"monthly": 3}, "dry_run": false}'), '$.dry_run', '$.done', '$.floor', '$.copies[1].removed.records', '$.copies[1].retained.records', '$.copies[1].why') = '[false,true,5,2,0,null]' FROM k;
SELECT '2_02', group_concat(number) = '5,3,1' FROM (SELECT number FROM k, backup_log(places, secret) ORDER BY number DESC);
SELECT '2_03', backup_restore_file('dir:prune-b#seq=3', secret, 'prune-three.db') ->> 'rows' = 1 FROM k;
-- fails: there is no record of number 4; the newest is 5; the one before it is 3; a prune removed it
SELECT backup_restore_file('dir:prune-b#seq=4', secret, 'prune-four.db') FROM k;
SELECT '2_04', json_extract(backup_scrub(places, public, '{"level": "hashes"}'), '$.sound', '$.series[0].floor', '$.series[0].copies[0].records') = '[true,5,3]' FROM k;
UPDATE t SET x = hex(randomblob(20000));
SELECT '2_05', json_extract(backup_save(secret, places, here), '$.number', '$.done') = '[6,2]' FROM k;
SELECT '2_06', json_extract(backup_prune(places, backup_write_key(secret), '{"keep": {"last": 4}, "dry_run": false}'), '$.done', '$.copies[0].removed.records') = '[true,0]' FROM k;

-- One copy is dropped.
-- fails: backup_prune: misuse: nothing was deleted: 1 of the copies that would stay are proved sound, and the minimum is 2
SELECT backup_prune(places, secret, '{"copy": "dir:prune-b", "dry_run": false}') FROM k;
SELECT '3_01', json_extract(backup_prune(places, secret, '{"copy": "dir:prune-b", "minimum": 1}'), '$.dry_run', '$.refused', '$.copies[1].removed.records') = '[true,[],4]' FROM k;
SELECT '3_02', json_extract(backup_prune(places, secret, '{"copy": "dir:prune-b", "minimum": 1, "dry_run": false}'), '$.done', '$.copies[0].removed.records', '$.copies[1].removed.records') = '[true,0,4]' FROM k;
SELECT '3_03', json_extract(backup_scrub(places, public), '$.series[0].copies[0].complete', '$.series[0].copies[1].state') = '[true,"empty"]' FROM k;
-- fails: backup_prune: misuse: the copy to drop is not one of the stores; name one of them: dir:prune-a
SELECT backup_prune('dir:prune-a', secret, '{"copy": "dir:prune-c"}') FROM k;

-- fails: backup_prune: misuse: say what stays, such as {"keep": {"last": 30, "monthly": 12}}, or which copy goes
SELECT backup_prune(places, secret) FROM k;
-- fails: backup_prune: misuse: say what stays, such as {"keep": {"last": 30, "monthly": 12}}, or which copy goes
SELECT backup_prune(places, secret, '{"keep": {"last": 1}, "copy": "dir:prune-a"}') FROM k;
-- fails: backup_prune: misuse: no rule keeps anything; say how many states to keep
SELECT backup_prune(places, secret, '{"keep": {}}') FROM k;
-- fails: backup_prune: misuse: a verify key signs nothing, and a prune signs what may be gone; give the recovery key or the write key
SELECT backup_prune(places, public, '{"keep": {"last": 1}}') FROM k;
-- fails: backup_prune: misuse: a read key signs nothing, and a prune signs what may be gone; give the recovery key or the write key
SELECT backup_prune(places, backup_read_key(secret), '{"keep": {"last": 1}}') FROM k;
-- fails: backup_prune: misuse: the option `minimum` is 3, and there are 2 copies; it must be from 1 to that number
SELECT backup_prune(places, secret, '{"keep": {"last": 1}, "minimum": 3}') FROM k;
-- fails: backup_prune: misuse: the option `keep` says which states stay; leave out the selector behind the store
SELECT backup_prune('dir:prune-a#seq=1', secret, '{"keep": {"last": 1}}') FROM k;
-- fails: backup_prune: misuse: there is no option `keeps`; known options: keep, copy, dry_run, minimum, force, domain, local
SELECT backup_prune(places, secret, '{"keeps": 1}') FROM k;
-- fails: backup_prune: misuse: there is no option `hourly`; known options: last, daily, weekly, monthly, yearly
SELECT backup_prune(places, secret, '{"keep": {"hourly": 1}}') FROM k;
-- fails: backup_prune: wrong key: the stores hold 1 series, and none with a record of this key
SELECT backup_prune('dir:prune-a', backup_keygen(), '{"keep": {"last": 1}}') FROM k;
-- fails: wrong number of arguments to function backup_prune()
SELECT backup_prune(places) FROM k;
