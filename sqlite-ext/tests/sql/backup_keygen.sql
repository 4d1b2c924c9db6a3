SELECT '1_01', backup_keygen() LIKE 'lifeboatkey1%';
SELECT '1_02', backup_keygen() <> backup_keygen();
SELECT '1_03', count(DISTINCT backup_keygen()) = 3 FROM (SELECT 1 UNION SELECT 2 UNION SELECT 3);
