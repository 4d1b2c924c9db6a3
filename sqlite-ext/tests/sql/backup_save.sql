-- backup_save and backup_status, in a directory of its own.
CREATE TABLE t(id INTEGER PRIMARY KEY, x);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
CREATE TEMP TABLE k AS SELECT backup_keygen() AS key, '["dir:a", "dir:b", "dir:c"]' AS stores, '{"local": "here"}' AS here;

SELECT '1_01', backup_status(here) ->> 'saved' IS NULL FROM k;
SELECT '1_02', json_extract(backup_save(key, stores, here), '$.number', '$.full', '$.changed', '$.minimum', '$.done') = '[1,true,true,2,3]' FROM k;
SELECT '1_03', json_extract(backup_save(key, stores, here), '$.number', '$.full', '$.changed', '$.bytes') = '[1,false,false,0]' FROM k;
UPDATE t SET x = 'TWO' WHERE id = 2;
SELECT '1_04', json_extract(backup_save(key, stores, here), '$.number', '$.full', '$.changed', '$.done') = '[2,false,true,3]' FROM k;
SELECT '1_05', json_extract(backup_status(here), '$.saved.number', '$.saved.done', '$.failed') = '[2,3,null]' FROM k;
SELECT '1_06', backup_status(here) ->> '$.saved.age' < 60 FROM k;
SELECT '1_07', backup_status(here) ->> '$.saved.copies[1].state' = 'done' FROM k;
-- The same place twice is one copy.
SELECT '1_08', json_array_length(backup_save(key, '["dir:a", "dir:./a", "dir:b", "dir:c"]', here), '$.copies') = 3 FROM k;
-- The state is that of an export.
SELECT '1_09', backup_save(key, stores, here) ->> 'state_id' = backup_info(backup_export(key)) ->> 'state_id' FROM k;
-- One of them is lost: named, and filled when that is said.
SELECT '1_10', json_extract(backup_save(key, '["dir:a", "dir:b", "dir:d"]', here), '$.done', '$.copies[2].state') = '[2,"new"]' FROM k;
SELECT '1_11', json_extract(backup_save(key, '["dir:a", "dir:b", "dir:d"]', '{"local": "here", "add": true}'), '$.done', '$.copies[2].number') = '[3,2]' FROM k;
SELECT '1_12', json_extract(backup_save(key, 'dir:selected', '{"local": "there", "domain": "part", "exclude": ["t"]}'), '$.selection.exclude[0]', '$.domain') = '["t","part"]' FROM k;
SELECT '1_13', backup_save(key, 'dir:a', '{"local": "write", "domain": "w", "date": "2026-11-29", "writer": "me", "label": "first", "timeout": 0.5}') ->> 'number' = 1 FROM k;
-- A write key saves its own domain, from a place that remembers nothing.
SELECT '1_14', backup_save(backup_write_key(key, 'w'), 'dir:a', '{"local": "other", "domain": "w"}') ->> 'changed' = 0 FROM k;

-- fails: backup_save: misuse: a read key opens bundles and makes none
SELECT backup_save(backup_read_key(key), 'dir:a', here) FROM k;
-- fails: backup_save: misuse: the database "main" has no file, beside which its local state could lie; name a directory by the option "local"
SELECT backup_save(key, 'dir:a') FROM k;
-- fails: backup_save: misuse: the stores are NULL
SELECT backup_save(key, NULL, here) FROM k;
-- fails: backup_save: misuse: the stores must be text
SELECT backup_save(key, 5, here) FROM k;
-- fails: backup_save: misuse: this is a path, not a store; write 'dir:PATH' for a directory
SELECT backup_save(key, 'a', here) FROM k;
-- fails: backup_save: misuse: there is no kind of store 'ftp:'
SELECT backup_save(key, 'ftp://a/b', here) FROM k;
-- fails: backup_save: misuse: the array of stores is empty
SELECT backup_save(key, '[]', here) FROM k;
-- fails: backup_save: misuse: a selector behind a store is for reading
SELECT backup_save(key, 'dir:a#seq=1', here) FROM k;
-- fails: backup_save: misuse: the option `minimum` is 4, and there are 3 copies
SELECT backup_save(key, stores, '{"local": "here", "minimum": 4}') FROM k;
-- fails: backup_save: misuse: the option `minimum` is 0, and there are 3 copies
SELECT backup_save(key, stores, '{"local": "here", "minimum": 0}') FROM k;
-- fails: backup_save: misuse: there is no option `base`; known options: minimum, local, continue, add, timeout, date, writer, label, files, events, schema, domain, compress, tables, exclude, where, cache, now, closure, threads, check
SELECT backup_save(key, stores, '{"base": "x"}') FROM k;
-- fails: backup_save: misuse: the option `timeout` is a number of seconds, above 0
SELECT backup_save(key, stores, '{"local": "here", "timeout": 0}') FROM k;
-- fails: backup_save: misuse: the option `date` must be a date such as "2026-11-29T12:30:00Z", or a number of seconds since 1970
SELECT backup_save(key, stores, '{"local": "here", "date": "yesterday"}') FROM k;
-- fails: backup_save: misuse: the option `continue` is the hash of a record
SELECT backup_save(key, stores, '{"local": "here", "continue": "newest"}') FROM k;
-- fails: backup_save: misuse: 'here' is both a store and the local state
SELECT backup_save(key, 'dir:here', here) FROM k;
-- fails: backup_save: misuse: the local state 'here' was made with another key or for another domain
SELECT backup_save(key, stores, '{"local": "here", "domain": "other"}') FROM k;
-- fails: backup_save: host: 'none/here' cannot be written as local state
SELECT backup_save(key, stores, '{"local": "none/here"}') FROM k;
-- fails: backup_save: misuse: the schema "temp" is this connection's own scratch space
SELECT backup_save(key, stores, '{"local": "here", "schema": "temp"}') FROM k;
-- A parent that is not there may be a disk that is not mounted.
-- fails: backup_save: unreachable: dir:none/a: away: absent: the directory 'none' does not exist
SELECT backup_save(key, 'dir:none/a', '{"local": "fresh"}') FROM k;
SELECT '2_01', json_extract(backup_status('{"local": "fresh"}'), '$.saved', '$.failed.kind') = '[null,"unreachable"]';
-- Somebody else saved: a place that remembers nothing goes on only from the same state.
UPDATE t SET x = 'three' WHERE id = 2;
-- fails: with the option `continue` and that hash
SELECT backup_save(key, '["dir:a", "dir:b"]', '{"local": "third"}') FROM k;
SELECT '2_02', backup_save(key, '["dir:a", "dir:b"]', json_object('local', 'third', 'continue',
  backup_save(key, '["dir:a", "dir:b"]', here) ->> 'record')) ->> 'number' = 3 FROM k;
-- fails: wrong number of arguments to function backup_save()
SELECT backup_save(key) FROM k;
-- What the stores hold: with the key, or with the verify key and no local state.
SELECT '3_01', json_extract(backup_status(stores, key, here), '$.stores.number', '$.stores.current', '$.stores.copies[2].state', '$.saved.number') = '[3,2,"behind",3]' FROM k;
SELECT '3_02', json_extract(backup_status('["dir:a", "dir:b"]', backup_verify_key(key)), '$.stores.number', '$.stores.current', '$.stores.date', '$.local', '$.saved') = '[3,2,null,null,null]' FROM k;
SELECT '3_03', json_extract(backup_status(stores, key, '{"domain": "default"}'), '$.stores.age') < 60 FROM k;
SELECT '3_04', json_extract(backup_status('["dir:a", "dir:none/b"]', key, here), '$.stores.current', '$.stores.copies[1].state') = '[1,"absent"]' FROM k;
SELECT '3_05', json_extract(backup_status('dir:never', key), '$.stores.number', '$.stores.copies[0].state') = '[null,"empty"]' FROM k;
SELECT '3_06', json_extract(backup_status('dir:a', key, '{"domain": "w"}'), '$.stores.number') = 1 FROM k;
-- fails: backup_status: misuse: the stores hold several series of this key
SELECT backup_status('dir:a', key) FROM k;
-- fails: backup_status: misuse: to ask stores, give the key, too
SELECT backup_status('dir:a');
-- fails: backup_status: wrong key: the stores hold
SELECT backup_status('dir:b', backup_keygen());
-- fails: backup_status: misuse: the status is that of the newest save; leave out the selector
SELECT backup_status('dir:a#seq=1', key) FROM k;
-- fails: backup_status: misuse: the option `domain` chooses a series in stores, and no store is named
SELECT backup_status('{"domain": "w"}');
-- fails: backup_status: misuse: the stores are NULL
SELECT backup_status(NULL, key) FROM k;
-- fails: backup_status: misuse: there is no option `key`; known options: schema, local, domain
SELECT backup_status('{"key": 1}');
BEGIN;
INSERT INTO t VALUES (3, 'three');
-- fails: backup_save: misuse: the connection has a write transaction open
SELECT backup_save(key, stores, here) FROM k;
ROLLBACK;
