-- Values: every storage class, in columns of every affinity. What SQL cannot write is added by the program.
CREATE TABLE integers (typed INTEGER, untyped, texted TEXT, realed REAL, numeric NUMERIC, blobbed BLOB);
INSERT INTO integers SELECT value, value, value, value, value, value FROM (
    WITH RECURSIVE bits(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM bits WHERE n < 62)
    SELECT 1 << n AS value FROM bits
    UNION ALL SELECT (1 << n) - 1 FROM bits
    UNION ALL SELECT -(1 << n) FROM bits
    UNION ALL SELECT -(1 << n) - 1 FROM bits);
INSERT INTO integers (typed, untyped) VALUES
    (9223372036854775807, 9223372036854775807), (-9223372036854775808, -9223372036854775808), (NULL, NULL);

CREATE TABLE reals (typed REAL, untyped);

CREATE TABLE texts (note TEXT, value TEXT);
INSERT INTO texts VALUES
    ('empty', ''), ('NUL inside', 'a' || char(0) || 'b'), ('only NUL', char(0)), ('beyond the BMP', char(0x1F6DF, 0x10FFFF)),
    ('composed', char(0xE9)), ('decomposed', 'e' || char(0x301)), ('noncharacter', char(0xFFFF)),
    ('looks like a number', '0042'), ('looks like a blob', 'x''00'''), ('line ends', char(13, 10, 0x2028)), ('NULL', NULL);

CREATE TABLE blobs (note TEXT, value BLOB);
INSERT INTO blobs VALUES
    ('empty', x''), ('one zero', x'00'), ('text in a blob column', 'text'), ('integer', 1), ('real', 1.0),
    ('zeroblob', zeroblob(5000)), ('looks like UTF-8', CAST('abc' AS BLOB)), ('NULL', NULL);

-- The same number or characters as different values, side by side in one untyped column.
CREATE TABLE alike (value);
INSERT INTO alike VALUES (1), (1.0), ('1'), ('1.0'), (x'31'), (NULL), (''), (x''), (0), (0.0), ('0'), (true), (9007199254740993),
    (9007199254740992.0), (9223372036854775807), (9223372036854775807.0);

-- Values that the column's type would not choose.
CREATE TABLE untamed (n INTEGER, r REAL, d DATE, b BOOLEAN, f "FLOATING POINT (3, 4)");
INSERT INTO untamed VALUES ('not a number', 'nor this', '2022-02-30', 'maybe', x'ff'), (1.5, 7, 20220230, 2, 1), ('12', '12', '12', '12', '12');

CREATE TABLE large (text TEXT, blob BLOB);
