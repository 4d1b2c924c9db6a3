-- Names that need quotes, names that look like something else, and texts that are kept to the letter.
CREATE TABLE "with-hyphens" ("a-b" TEXT PRIMARY KEY, "c d" INT);
INSERT INTO "with-hyphens" VALUES ('x', 1);
CREATE TABLE "say ""hello"" 'there'" ("""", "'", "`", "]");
INSERT INTO "say ""hello"" 'there'" VALUES (1, 2, 3, 4);
CREATE TABLE "" ("");
INSERT INTO "" VALUES ('no name');
CREATE TABLE [select] ([from] INTEGER PRIMARY KEY, [where], "order by");
INSERT INTO [select] VALUES (1, 2, 3);
CREATE TABLE "Größe 🛟" ("naïve" TEXT, "日本" INT);
INSERT INTO "Größe 🛟" VALUES ('é', 1);
CREATE TABLE "line
end" ("tab	" INT);
INSERT INTO "line
end" VALUES (1);
CREATE TABLE "%s; DROP TABLE texts; --" (a);
INSERT INTO "%s; DROP TABLE texts; --" VALUES ('%');
-- The same letters in another case are another column, and order among tables is by bytes.
CREATE TABLE Zebra (A, "Ä", "ä");
INSERT INTO Zebra VALUES (1, 2, 3);
CREATE TABLE zebra_ (a);
CREATE TABLE _zebra (a);

-- Names that a rebuild might have taken for itself.
CREATE TABLE lb_1 (c0, c1);
INSERT INTO lb_1 VALUES ('mine', 1);
CREATE TABLE lb_2 (k PRIMARY KEY) WITHOUT ROWID;
INSERT INTO lb_2 VALUES ('mine');
CREATE INDEX lb_3 ON lb_1 (c0);
CREATE VIEW lb_4 AS SELECT * FROM lb_1;
CREATE TABLE sqlitish (a);
CREATE TABLE sqlite (a);
CREATE TABLE lifeboat (a);
INSERT INTO lifeboat VALUES ('no relation');

CREATE   TABLE
  spaced  -- a comment ends with its line
  ( a /* and so does
       this one */ , b );
INSERT INTO spaced VALUES (1, 2);
CREATE TABLE IF NOT EXISTS main.qualified(a);
