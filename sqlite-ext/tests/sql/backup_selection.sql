-- The options tables, exclude, where, cache, now and closure.
CREATE TABLE parents(id INTEGER PRIMARY KEY, name);
CREATE TABLE children(id INTEGER PRIMARY KEY, parent REFERENCES parents, at INTEGER);
CREATE TABLE pictures(child REFERENCES children, png BLOB);
INSERT INTO parents VALUES (1, 'a'), (2, 'b');
INSERT INTO children VALUES (1, 1, 10), (2, 2, 20), (3, 2, 30);
INSERT INTO pictures VALUES (1, x'00'), (3, x'01');
CREATE TEMP TABLE k AS SELECT backup_keygen() AS key;

SELECT '1_01', json_extract(backup_estimate(key, '{"tables": ["PARENTS"]}'), '$.rows') = 2 FROM k;
SELECT '1_02', json_extract(backup_estimate(key, '{"exclude": ["pictures"]}'), '$.rows') = 5 FROM k;
SELECT '1_03', json_extract(backup_estimate(key, '{"cache": ["pictures"]}'), '$.rows') = 5 FROM k;
SELECT '1_04', json_extract(backup_estimate(key, '{"where": {"children": "at > 10"}}'), '$.rows') = 6 FROM k;
SELECT '1_05', json_extract(backup_estimate(key, '{"where": {"children": "at > :now"}, "now": 20}'), '$.rows') = 5 FROM k;
SELECT '1_06', json_extract(backup_estimate(key, '{"where": {"children": "at > :now"}, "now": 20}'), '$.selection')
  = '{"where":{"children":"at > :now"}}' FROM k;
SELECT '1_07', json_extract(backup_estimate(key, '{"tables": ["children"]}'), '$.carried_empty') = '["parents"]' FROM k;
SELECT '1_08', json_extract(backup_estimate(key, '{"tables": ["children"]}'), '$.dangling')
  = '[{"table":"children","parent":"parents","columns":["parent"],"rows":3}]' FROM k;
SELECT '1_09', json_extract(backup_estimate(key), '$.dangling') IS NULL FROM k;
SELECT '1_10', backup_export(key, '{"exclude": []}') = backup_export(key) FROM k;
SELECT '1_11', backup_export(key, '{"tables": ["parents", "children"]}')
  = backup_export(key, '{"tables": ["Children", "Parents"]}') FROM k;
-- Closed over foreign keys: the children of a parent, and their pictures.
SELECT '1_12', json_extract(backup_estimate(key, '{"where": {
    "parents": "id = 2", "children": "parent = 2", "pictures": "child IN (SELECT id FROM children WHERE parent = 2)"}}'),
  '$.rows', '$.dangling') = '[4,null]' FROM k;

SELECT '2_01', json_extract(backup_estimate(key, '{"tables": ["pictures"], "closure": true}'), '$.rows', '$.dangling', '$.closure', '$.carried_empty')
  = '[6,null,["children","parents"],null]' FROM k;
SELECT '2_02', json_extract(backup_estimate(key, '{"where": {"parents": "0", "children": "at < :now"}, "now": 15, "closure": true}'),
  '$.rows', '$.dangling', '$.closure') = '[6,null,["children","parents"]]' FROM k;
SELECT '2_03', json_extract(backup_estimate(key, '{"tables": ["pictures"], "exclude": ["parents"], "closure": true}'), '$.rows', '$.dangling[0].rows') = '[4,2]' FROM k;
SELECT '2_04', backup_export(key, '{"closure": true}') = backup_export(key) FROM k;
SELECT '2_05', backup_info(backup_export(key, '{"tables": ["pictures"], "closure": true}'), key) ->> '$.selection'
  = backup_estimate(key, '{"tables": ["pictures"], "closure": true}') ->> '$.selection' FROM k;
-- fails: backup_export: misuse: the option `closure` must be a boolean
SELECT backup_export(key, '{"closure": 1}') FROM k;

-- fails: backup_export: misuse: the option `tables` names "nothing"
SELECT backup_export(key, '{"tables": ["nothing"]}') FROM k;
-- fails: backup_export: misuse: the option `tables` must be an array
SELECT backup_export(key, '{"tables": "parents"}') FROM k;
-- fails: backup_export: misuse: the option `where` must be an object from table names to SQL conditions
SELECT backup_export(key, '{"where": "id = 1"}') FROM k;
-- fails: backup_export: misuse: the option `where`: the table `parents` comes twice
SELECT backup_export(key, '{"where": {"parents": "1", "parents": "0"}}') FROM k;
-- fails: backup_export: misuse: the option `now` must be a number or a text
SELECT backup_export(key, '{"now": false}') FROM k;
-- fails: is named in both `where` and `cache`
SELECT backup_export(key, '{"where": {"parents": "1"}, "cache": ["parents"]}') FROM k;
