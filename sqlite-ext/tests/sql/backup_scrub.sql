-- backup_scrub: copies are checked and filled from one another, in a directory of its own.
CREATE TABLE t(id INTEGER PRIMARY KEY, x);
INSERT INTO t VALUES (1, 'one');
-- So that deltas are light.
CREATE TABLE fill(x);
INSERT INTO fill VALUES (hex(randomblob(20000)));
CREATE TEMP TABLE k AS SELECT key AS secret, backup_verify_key(key) AS public, '["dir:scrub-a", "dir:scrub-b"]' AS places, '{"local": "scrub-local"}' AS here FROM (SELECT backup_keygen() AS key);
-- fails: backup_scrub: host: no copy that answers holds a save
SELECT backup_scrub(places, secret) FROM k;
SELECT '0_01', backup_save(secret, places, json_set(here, '$.date', '2026-11-29T12:00:00Z')) ->> 'done' = 2 FROM k;
INSERT INTO t VALUES (2, 'two');
SELECT '0_02', backup_save(secret, places, here) ->> 'number' = 2 FROM k;

SELECT '1_01', json_extract(backup_scrub(places, public), '$.sound', '$.level', '$.finished', '$.cursor', '$.foreign') = '[true,"list",true,null,0]' FROM k;
SELECT '1_02', json_extract(backup_scrub(places, public, '{"level": "hashes"}'), '$.sound', '$.series[0].number', '$.series[0].date', '$.series[0].copies[1].state', '$.series[0].copies[1].records') = '[true,2,null,"current",2]' FROM k;
SELECT '1_03', json_extract(backup_scrub(places, secret, '{"level": "restore"}'), '$.sound', '$.series[0].copies[0].restores', '$.series[0].copies[1].complete') = '[true,true,true]' FROM k;
SELECT '1_04', (backup_scrub(places, secret) ->> '$.series[0].date') IS NOT NULL FROM k;
SELECT '1_05', backup_scrub(places, backup_read_key(secret), '{"level": "contents"}') ->> 'sound' = 1 FROM k;
SELECT '1_06', backup_scrub(places, secret, '{"domain": "default", "seconds": 60}') ->> 'finished' = 1 FROM k;
SELECT '1_07', backup_scrub(places, public, json_object('domain', backup_scrub(places, public) ->> '$.series[0].domain_id')) ->> 'sound' = 1 FROM k;

-- A copy that was away catches up. A new one is filled when it is said, with the verify key alone.
UPDATE t SET x = 'TWO' WHERE id = 2;
SELECT '2_01', backup_save(secret, 'dir:scrub-a', here) ->> 'number' = 3 FROM k;
SELECT '2_02', json_extract(backup_scrub(places, public), '$.sound', '$.series[0].copies[1].behind', '$.series[0].copies[1].missing.count', '$.series[0].copies[1].number') = '[false,1,2,2]' FROM k;
SELECT '2_03', json_extract(backup_scrub(places, public, '{"repair": true}'), '$.sound', '$.series[0].copies[1].copied.objects', '$.series[0].copies[0].copied.objects', '$.series[0].copies[1].number') = '[true,2,0,3]' FROM k;
SELECT '2_04', backup_scrub('["dir:scrub-b", "dir:scrub-c"]', public, '{"repair": true}') ->> '$.series[0].copies[1].state' = 'empty' FROM k;
SELECT '2_05', json_extract(backup_scrub('["dir:scrub-b", "dir:scrub-c"]', public, '{"repair": true, "add": true}'), '$.sound', '$.series[0].copies[1].copied.objects') = '[true,6]' FROM k;
SELECT '2_06', json_extract(backup_restore_file('dir:scrub-c', secret, 'scrub-c.db'), '$.rows', '$.series.number') = '[3,3]' FROM k;
INSERT INTO t VALUES (3, 'three');
SELECT '2_07', backup_save(secret, '["dir:scrub-a", "dir:scrub-b", "dir:scrub-c"]', here) ->> 'done' = 3 FROM k;
SELECT '2_08', json_extract(backup_scrub('["dir:scrub-a", "dir:none/scrub"]', public), '$.sound', '$.unreachable[0].store', '$.series[0].copies[1].state') = '[false,"dir:none/scrub","absent"]' FROM k;

-- fails: backup_scrub: misuse: a verify key opens nothing, so the level 'contents' is not for it; use 'list' or 'hashes', or give a key that reads
SELECT backup_scrub(places, public, '{"level": "contents"}') FROM k;
-- fails: backup_scrub: misuse: there is no level 'deep'; the levels are list, hashes, contents, restore
SELECT backup_scrub(places, public, '{"level": "deep"}') FROM k;
-- fails: backup_scrub: misuse: the option `add` fills new copies by a repair; give the option `repair`, too
SELECT backup_scrub(places, public, '{"add": true}') FROM k;
-- fails: backup_scrub: misuse: the cursor is not one that this function gave
SELECT backup_scrub(places, public, '{"cursor": "1"}') FROM k;
-- fails: backup_scrub: misuse: the option `seconds` is not a number of seconds above 0
SELECT backup_scrub(places, public, '{"seconds": 0}') FROM k;
-- fails: backup_scrub: misuse: a verify key knows no names of domains; give the id of the domain
SELECT backup_scrub(places, public, '{"domain": "default"}') FROM k;
-- fails: backup_scrub: misuse: this checks all that the stores hold; leave out the selector behind the store
SELECT backup_scrub('dir:scrub-a#seq=1', public) FROM k;
-- fails: backup_scrub: wrong key: the stores hold 1 series, and none with a record of this key
SELECT backup_scrub(places, backup_keygen()) FROM k;
-- fails: backup_scrub: unreachable: no copy can be read
SELECT backup_scrub('dir:none/scrub', public) FROM k;
-- fails: backup_scrub: misuse: there is no option `levels`; known options: level, domain, repair, add, seconds, cursor, local, events
SELECT backup_scrub(places, public, '{"levels": 1}') FROM k;
-- fails: wrong number of arguments to function backup_scrub()
SELECT backup_scrub(places) FROM k;
