-- The settings, and statistics. The trigger leaves its mark once, so that a second mark can be seen.
PRAGMA application_id = -559038737;
PRAGMA user_version = -2147483648;
INSERT INTO indexed (a, b, c) VALUES (4242, 'fires two triggers', 0.5);
ANALYZE;
INSERT INTO sqlite_stat1 VALUES ('no such table', 'no such index', 'nonsense'), (NULL, NULL, NULL);
