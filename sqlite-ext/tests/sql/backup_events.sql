-- backup_events, and the options `events` and `local`, in a directory of its own.
CREATE TABLE t(id INTEGER PRIMARY KEY, x);
INSERT INTO t VALUES (1, 'one');
CREATE TEMP TABLE k AS SELECT key AS secret, backup_verify_key(key, 'd') AS public, '["dir:ev-a", "dir:ev-b"]' AS places FROM (SELECT backup_keygen() AS key);
SELECT '0_01', count(*) = 0 FROM backup_events('ev-local');
SELECT '0_02', backup_save(secret, places, '{"local": "ev-local", "domain": "d"}') ->> 'done' = 2 FROM k;
SELECT '0_03', (SELECT group_concat(number || ' ' || level || ' ' || kind) FROM backup_events('ev-local')) = '1 normal copy_added,2 normal copy_added,3 normal saved';
SELECT '0_04', (SELECT json_extract(about, '$.number', '$.done', '$.minimum', '$.saves') FROM backup_events('ev-local', 2)) = '[1,2,2,1]';
SELECT '0_05', (SELECT count(DISTINCT log) = 1 AND min(length(log)) = 16 AND min(date) > '2026' FROM backup_events('ev-local')) = 1;
SELECT '0_06', (SELECT count(*) FROM backup_events('ev-local', 3)) = 0;

-- A store that is away, and then is back.
UPDATE t SET x = 'two';
SELECT '1_01', backup_save(secret, '["dir:ev-a", "dir:none/b"]', '{"local": "ev-local", "domain": "d", "minimum": 1}') ->> 'done' = 1 FROM k;
SELECT '1_02', backup_save(secret, '["dir:ev-a", "dir:none/b"]', '{"local": "ev-local", "domain": "d", "minimum": 1}') ->> 'events' IS NULL FROM k;
SELECT '1_03', (SELECT group_concat(level || ' ' || kind || ' ' || (about ->> 'store')) FROM backup_events('ev-local', 3)) = 'warning store_unreachable dir:none/b';
-- fails: backup_save: unreachable: saved in 1 of 2 copies
SELECT backup_save(secret, '["dir:ev-a", "dir:none/b"]', '{"local": "ev-local", "domain": "d", "minimum": 2}') FROM k;
SELECT '1_04', (SELECT group_concat(level || ' ' || kind) FROM backup_events('ev-local', 4)) = 'failure below_minimum';
-- A limit that is reached, and one that nobody can reach.
SELECT '1_05', backup_save(secret, places, '{"local": "ev-local", "domain": "d", "events": {"limits": {"saves": 1, "database_bytes": 1e15}}}') ->> 'done' = 2 FROM k;
SELECT '1_06', (SELECT group_concat(level || ' ' || kind) FROM backup_events('ev-local', 5)) = 'normal below_minimum,failure limit_reached';
SELECT '1_07', (SELECT json_extract(about, '$.limit', '$.value', '$.at') FROM backup_events('ev-local', 6)) = '["saves",2.0,1.0]';

-- A keeper, with the verify key alone.
SELECT '2_01', json_extract(backup_scrub(places, public, '{"local": "ev-keeper"}'), '$.sound', '$.events') = '[true,null]' FROM k;
SELECT '2_02', (SELECT group_concat(level || ' ' || kind) FROM backup_events('ev-keeper')) = 'normal keeper_health';
SELECT '2_03', json_extract(backup_scrub('["dir:ev-a", "dir:ev-c"]', public, '{"local": "ev-keeper", "repair": true, "add": true}'), '$.series[0].copies[1].complete') = 1 FROM k;
SELECT '2_04', (SELECT group_concat(level || ' ' || kind || ' ' || (about ->> 'store')) FROM backup_events('ev-keeper', 1)) = 'normal repaired dir:ev-c';
SELECT '2_05', backup_prune('["dir:ev-a", "dir:ev-b", "dir:ev-c"]', secret, '{"copy": "dir:ev-c", "local": "ev-keeper", "dry_run": false}') ->> 'done' = 1 FROM k;
SELECT '2_06', (SELECT group_concat(level || ' ' || kind || ' ' || (about ->> 'store')) FROM backup_events('ev-keeper', 2)) = 'normal copy_removed dir:ev-c';

-- Mistakes. No URL is shown.
-- fails: backup_events: misuse: the database "main" has no file
SELECT * FROM backup_events(NULL);
-- fails: backup_events: misuse: `after` is the number of the last event
SELECT * FROM backup_events('ev-local', -1);
-- fails: backup_events: misuse: the local state is the path of a directory
SELECT * FROM backup_events(1);
-- fails: backup_scrub: misuse: the option `events` needs the option `local`
SELECT backup_scrub(places, public, '{"events": {}}') FROM k;
-- fails: backup_scrub: misuse: 'ev-a' is both a store and the local state
SELECT backup_scrub(places, public, '{"local": "ev-a"}') FROM k;
-- fails: backup_save: misuse: there is no option `mail`; known options: normal_every, window, limits, notify
SELECT backup_save(secret, places, '{"local": "ev-local", "domain": "d", "events": {"mail": 1}}') FROM k;
-- fails: backup_save: misuse: the option `events.notify.webhook` must be a URL such as "https://example.com/path"
SELECT backup_save(secret, places, '{"local": "ev-local", "domain": "d", "events": {"notify": {"webhook": "hunter2"}}}') FROM k;
-- fails: backup_save: misuse: the setting `notify.webhook` is 'http:', without encryption, on another machine
SELECT backup_save(secret, places, '{"local": "ev-local", "domain": "d", "events": {"notify": {"webhook": "http://example.com/hunter2"}}}') FROM k;
-- fails: backup_save: misuse: the option `events.limits.saves` must be a number, 0 or more
SELECT backup_save(secret, places, '{"local": "ev-local", "domain": "d", "events": {"limits": {"saves": -1}}}') FROM k;
