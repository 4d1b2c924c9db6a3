SELECT '1_01', json_valid(backup_version());
SELECT '1_02', json_extract(backup_version(), '$.sqlite') = sqlite_version();
SELECT '1_03', json_extract(backup_version(), '$.format') = '{"state":1,"suite":1}';
SELECT '1_04', json_type(json_array(backup_version()), '$[0]') = 'object';
-- fails: wrong number of arguments to function backup_version()
SELECT backup_version(1);
