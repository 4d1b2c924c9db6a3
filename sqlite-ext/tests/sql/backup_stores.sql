-- Stores wherever a bundle may stand for reading, backup_log, and restore-or-begin, in a directory of its own.
CREATE TABLE t(id INTEGER PRIMARY KEY, x);
INSERT INTO t VALUES (1, 'one');
-- So that deltas are light.
CREATE TABLE fill(x);
INSERT INTO fill VALUES (hex(randomblob(20000)));
CREATE TEMP TABLE k AS SELECT 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4' AS secret, '["dir:sa", "dir:sb"]' AS places, '{"local": "s_here"}' AS here;
SELECT '0_01', backup_restore('["dir:sa", "dir:sb"]', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"or_new": true, "local": "s_here"}') ->> 'outcome' = 'kept';
SELECT '0_02', json_extract(backup_save(secret, places, '{"local": "s_here", "date": "2026-11-01T12:00:00Z", "writer": "me", "label": "first"}'), '$.number') = 1 FROM k;
INSERT INTO t VALUES (2, 'two');
SELECT '0_03', json_extract(backup_save(secret, places, '{"local": "s_here", "date": 1793620800}'), '$.number') = 2 FROM k;
UPDATE t SET x = 'TWO' WHERE id = 2;
SELECT '0_04', json_extract(backup_save(secret, 'dir:sa', '{"local": "s_here", "date": "2026-11-03T12:00:00Z"}'), '$.number') = 3 FROM k;

SELECT '1_01', json_extract(backup_verify(places, secret), '$.verdict', '$.state_id', '$.series.number') = json_array('authentic', backup_info(backup_export(secret)) ->> 'state_id', 3) FROM k;
SELECT '1_02', backup_verify('dir:sa', backup_verify_key(secret)) ->> 'verdict' = 'authentic' FROM k;
SELECT '1_03', backup_verify('dir:sa', secret, '{"level": "restore", "domain": "default"}') ->> 'integrity_check' = 'ok' FROM k;
SELECT '1_04', json_extract(backup_info(places, secret), '$.rows', '$.series.copies[1].state', '$.series.copies[1].number') = '[3,"behind",2]' FROM k;
SELECT '1_05', backup_info('dir:sb', secret) ->> '$.series.date' = '2026-11-02T12:00:00Z' FROM k;
SELECT '1_06', (SELECT group_concat(name || rows) FROM backup_tables(places, secret)) = 't2,fill1' FROM k;
SELECT '1_07', (SELECT row ->> 'x' FROM backup_rows('dir:sa#seq=2', secret, 't') WHERE key = 2) = 'two' FROM k;
SELECT '1_08', (SELECT row ->> 'x' FROM backup_rows('dir:sa#at=2026-11-02', secret, 't') WHERE key = 2) = 'two' FROM k;
SELECT '1_09', (SELECT count(*) FROM backup_rows('dir:sa#at=2026-11-01', secret, 't')) = 1 FROM k;
SELECT '1_10', (SELECT count(*) FROM backup_rows('dir:sa#state=' || (backup_info('dir:sa#seq=1', secret) ->> 'state_id'), secret, 't')) = 1 FROM k;
SELECT '1_11', (SELECT group_concat(table_name || change) FROM backup_diff('dir:sa#seq=1', 'dir:sa', secret)) = 'tinsert' FROM k;
SELECT '1_12', backup_compose('dir:sa', secret) = backup_export(secret) FROM k;
SELECT '1_13', json_extract(backup_compose_file(places, secret, 'composed.bundle'), '$.full') = 1 FROM k;
SELECT '1_14', json_extract(backup_restore_file('dir:sb', secret, 's_b.db'), '$.rows', '$.series.number') = '[3,2]' FROM k;
SELECT '1_15', json_extract(backup_restore_file(places, backup_read_key(secret), 's_ab.db'), '$.rows', '$.series.number') = '[3,3]' FROM k;
SELECT '1_16', json_extract(backup_restore_file('dir:sa#seq=1', secret, 's_first.db'), '$.rows') = 2 FROM k;

SELECT '2_01', (SELECT group_concat(number) FROM backup_log(places, secret)) = '3,2,1' FROM k;
SELECT '2_02', (SELECT group_concat(type) FROM backup_log(places, secret)) = 'delta,delta,full' FROM k;
SELECT '2_03', (SELECT group_concat(json_array_length(copies)) FROM backup_log(places, secret)) = '1,2,2' FROM k;
SELECT '2_04', (SELECT date || writer || label FROM backup_log(places, secret) WHERE number = 1) = '2026-11-01T12:00:00Zmefirst' FROM k;
SELECT '2_05', (SELECT count(*) FROM backup_log(places, secret) WHERE length(bundle) = bytes AND substr(uuid, 15, 1) = '8') = 3 FROM k;
SELECT '2_06', (SELECT backup_info(bundle) ->> 'sha256' = sha256 FROM backup_log('dir:sb', secret) LIMIT 1) = 1 FROM k;
SELECT '2_07', (SELECT metadata ->> '$.parent.sha256' FROM backup_log(places, secret) WHERE number = 3) = (SELECT sha256 FROM backup_log(places, secret) WHERE number = 2) FROM k;
SELECT '2_08', (SELECT json_extract(metadata, '$.type', '$.parent') FROM backup_log(places, secret) WHERE number = 1) = '["full",null]' FROM k;
SELECT '2_09', (SELECT count(*) FROM backup_log(places, secret) WHERE number = 7) = 0 FROM k;
-- Without a key, and with a verify key: what everybody sees.
SELECT '2_10', (SELECT count(*) FROM backup_log(places) WHERE date IS NULL AND bytes > 0) = 3 FROM k;
SELECT '2_11', (SELECT count(*) FROM backup_log(places, backup_verify_key(secret)) WHERE label IS NULL) = 3 FROM k;

-- Names are shown, so a key must not stand in one. A label such as this one is no key.
-- fails: backup_log: misuse: the name of a store holds a secret key
SELECT count(*) FROM backup_log('dir:' || backup_keygen(), backup_keygen());
-- fails: backup_verify: misuse: the name of a store holds a secret key
SELECT backup_verify(json_array('dir:sa', 'dir:' || backup_keygen()), backup_keygen());
-- fails: backup_save: misuse: the name of a store holds a secret key
SELECT backup_save(secret, 'dir:' || upper(backup_write_key(secret, 'a')), '{"local": "s_key"}') FROM k;
-- fails: backup_save: misuse: the name of the domain holds a secret key
SELECT backup_save(secret, 'dir:sa', json_object('local', 's_key', 'domain', secret)) FROM k;
-- fails: backup_verify: unreachable: no copy can be read
SELECT backup_verify('dir:none/lifeboat key1', secret) FROM k;
-- A key that is NULL is a mistake, not "no key".
-- fails: backup_log: misuse: the key is NULL
SELECT count(*) FROM backup_log('dir:sa', NULL);

-- fails: backup_restore_file: wrong key: the stores hold 1 series, and none with a record of this key
SELECT backup_restore_file('dir:sa', backup_keygen(), 's_x.db');
-- fails: backup_rows: host: there is no record of number 9; the newest is 3
SELECT count(*) FROM backup_rows('dir:sa#seq=9', (SELECT secret FROM k), 't');
-- fails: backup_rows: host: nothing was saved at this date or before
SELECT count(*) FROM backup_rows('dir:sa#at=2026-10-01', (SELECT secret FROM k), 't');
-- fails: backup_verify: misuse: a store holds the series of many keys; give a key that reads, or the verify key of the series
SELECT backup_verify('dir:sa');
-- fails: backup_verify: misuse: the option `domain` chooses a series in a store, and no store is named
SELECT backup_verify('composed.bundle', secret, '{"domain": "default"}') FROM k;
-- fails: backup_info: misuse: a store gives only what is proved; to salvage a damaged object of a copy, give the paths of its files
SELECT backup_info('dir:sa', secret, '{"salvage": true}') FROM k;
-- fails: backup_info: misuse: element 2 of the array is a path, others are stores
SELECT backup_info('["dir:sa", "b"]', secret) FROM k;
-- fails: backup_restore_file: unreachable: no copy can be read
SELECT backup_restore_file('dir:none/a', secret, 's_x.db') FROM k;
-- fails: backup_restore_file: host: no copy that answers holds a save
SELECT backup_restore_file('dir:empty', secret, 's_x.db') FROM k;
-- fails: backup_log: misuse: the log lists all saves
SELECT * FROM backup_log('dir:sa#seq=1');
-- fails: backup_log: wrong key: the stores hold 1 series, and none with a record of this key; give the right key, or other stores (this is a recovery key; they hold
SELECT * FROM backup_log('dir:sa', backup_keygen());
-- A path that was mistyped is no store without saves.
-- fails: backup_log: host: there is no store 'dir:mistyped': the directory does not exist; look at its path, and whether its disk is connected
SELECT * FROM backup_log('dir:mistyped', (SELECT secret FROM k));
-- fails: backup_log: host: there is no store 'dir:mistyped': the directory does not exist
SELECT * FROM backup_log('dir:mistyped');
-- fails: backup_restore_file: host: no copy that answers holds a save (dir:mistyped: empty: the directory does not exist)
SELECT backup_restore_file('dir:mistyped', secret, 's_x.db') FROM k;
-- fails: backup_log: unreachable: no copy that answers holds a save, and one that does not answer may hold it (
SELECT * FROM backup_log('["dir:sc", "dir:none/d"]', backup_keygen());
-- fails: backup_restore: misuse: the option `or_new` is for the newest state in stores; name them
SELECT backup_restore('composed.bundle', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"or_new": true}');
-- fails: backup_restore: misuse: the option `or_new` restores the newest state; leave out the selector behind the store
SELECT backup_restore('dir:sa#seq=1', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"or_new": true}');
-- fails: backup_restore: misuse: the option `or_new` keeps a database that is not empty; leave out `replace` and `salvage`
SELECT backup_restore('dir:sa', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"or_new": true, "replace": true}');
-- fails: backup_restore_file: misuse: the option `resume` goes on with the newest state of a series in stores
SELECT backup_restore_file('dir:sa#seq=1', secret, 's_x.db', '{"resume": true}') FROM k;

-- A machine is lost; the new one goes on with what the copies hold.
ATTACH 's_new.db' AS new;
SELECT '3_01', json_extract(backup_restore('["dir:sa", "dir:sb"]', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"or_new": true, "schema": "new"}'), '$.outcome', '$.rows') = '["restored",3]';
INSERT INTO new.t VALUES (3, 'three');
SELECT '3_02', json_extract(backup_save(secret, places, '{"schema": "new"}'), '$.number', '$.full', '$.done') = '[4,false,2]' FROM k;
SELECT '3_03', backup_restore('["dir:sa", "dir:sb"]', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"or_new": true, "schema": "new"}') ->> 'outcome' = 'kept';
-- A test restore on another machine does not: its save asks.
ATTACH 's_other.db' AS other;
SELECT '3_04', backup_restore('["dir:sa", "dir:sb"]', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"schema": "other"}') ->> 'rows' = 4;
INSERT INTO other.t VALUES (4, 'four');
-- fails: backup_save: mismatch: the copies hold saves that this database does not come from
SELECT backup_save(secret, places, '{"schema": "other"}') FROM k;
-- What was restored over it is not what it remembered.
SELECT '3_05', json_extract(backup_restore('dir:sa#seq=2', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"schema": "new", "replace": true}'), '$.rows') = 3;
-- fails: backup_save: mismatch: the copies hold saves that this database does not come from
SELECT backup_save(secret, places, '{"schema": "new"}') FROM k;
-- Nothing there yet, of this key and domain: it begins, if nobody else is there.
ATTACH 's_begins.db' AS begins;
SELECT '3_06', backup_restore('["dir:sc", "dir:sd"]', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"or_new": true, "schema": "begins"}') ->> 'outcome' = 'new';
SELECT '3_07', backup_restore('["dir:sa", "dir:sb"]', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"or_new": true, "schema": "begins", "domain": "another"}') ->> 'outcome' = 'new';
-- fails: backup_log: wrong key: the stores hold 1 series, and none with a record of this key; give the right key, or other stores
SELECT * FROM backup_log('dir:sa', backup_keygen());
-- fails: backup_restore: wrong key: the stores hold 1 series, and none with a record of this key; give the right key, or other stores (this is a recovery key; they hold
SELECT backup_restore('dir:sa', backup_keygen(), '{"or_new": true, "schema": "begins"}');
-- fails: backup_restore: unreachable: no copy that answers holds a save, and one that does not answer may hold it (
SELECT backup_restore('["dir:sc", "dir:none/d"]', 'lifeboatkey1za62ddew6ydje2jmujkm7rxjc999gzlcq502jguszshge03qxyrqgwxkj4', '{"or_new": true, "schema": "begins"}');
