//! Expressions and conditions of indexes.

use super::{Kind::Index, Outcome::Refused, Text, differs, i, kept, refused, v};

/// All of them.
pub const TEXTS: &[Text] = &[
    // Indexes
    refused(&[i("CREATE INDEX i ON a(touched(x))")], 0, "unsupported", "calls touched()"),
    refused(&[i("CREATE INDEX i ON a(touched_pure(x))")], 0, "unsupported", "calls touched_pure()"),
    refused(&[i("CREATE INDEX i ON a(x) WHERE touched(x)")], 0, "unsupported", "calls touched()"),
    refused(&[i("CREATE INDEX i ON a(x) WHERE touched_pure(x)")], 0, "unsupported", "calls touched_pure()"),
    refused(
        &[i("CREATE INDEX i ON a(x) WHERE x IN (SELECT touched_pure())")],
        0,
        "unsupported",
        "subqueries prohibited in partial index WHERE clauses",
    ),
    refused(
        &[i("CREATE INDEX i ON a((SELECT touched()))")],
        0,
        "unsupported",
        "subqueries prohibited in index expressions",
    ),
    differs(
        &[i("CREATE INDEX i ON a(load_extension(x))")],
        0,
        Refused("unsupported", "unsafe use of load_extension()"),
        Refused("unsupported", "non-deterministic functions prohibited in index expressions"),
    ),
    refused(&[i("CREATE INDEX i ON a(writefile('{dir}/escaped', x))")], 0, "unsupported", "calls writefile()"),
    differs(
        &[i("CREATE INDEX i ON a(fts3_tokenizer(x))")],
        0,
        Refused("unsupported", "unsafe use of fts3_tokenizer()"),
        Refused("unsupported", "non-deterministic functions prohibited in index expressions"),
    ),
    refused(&[i("CREATE INDEX i ON a(backup_keygen())")], 0, "unsupported", "unsafe use of backup_keygen()"),
    refused(&[i("CREATE INDEX i ON a(x ->> touched_pure(x))")], 0, "unsupported", "calls touched_pure()"),
    refused(&[i("CREATE INDEX i ON a(x COLLATE only_here)")], 0, "unsupported", "sorts by the collation \"only_here\""),
    refused(
        &[i("CREATE INDEX i ON a(random())")],
        0,
        "unsupported",
        "non-deterministic functions prohibited in index expressions",
    ),
    refused(
        &[i("CREATE INDEX i ON a(julianday('now'))")],
        0,
        "unsupported",
        "non-deterministic use of julianday() in an index",
    ),
    refused(&[i("CREATE INDEX i ON a(hex(zeroblob(400000000)))")], 0, "too big", "string or blob too big"),
    kept(&[i("CREATE INDEX i ON a(abs(x)) WHERE x > 10")], 0),
    refused(
        &[(Index, "i", "sqlite_master", "CREATE INDEX i ON sqlite_master(sql)")],
        0,
        "unsupported",
        "table sqlite_master may not be indexed",
    ),
    refused(&[i("CREATE INDEX i ON sqlite_master(sql)")], 0, "unsupported", "table sqlite_master may not be indexed"),
    refused(&[i("CREATE INDEX other ON a(x)")], 0, "corrupt", "it would also do something else"),
    refused(&[i("CREATE INDEX i ON a(x); SELECT touched()")], 0, "corrupt", "more text follows after the statement"),
    refused(
        &[i("CREATE INDEX temp.i ON a(x)")],
        0,
        "unsupported",
        "cannot create a TEMP index on non-TEMP table \"a\"",
    ),
    kept(&[i("CREATE UNIQUE INDEX i ON a(x % 10)")], 0),
    refused(
        &[(Index, "sqlite_autoindex_a_1", "a", "CREATE INDEX sqlite_autoindex_a_1 ON a(x)")],
        0,
        "unsupported",
        "object name reserved for internal use: sqlite_autoindex_a_1",
    ),
    refused(
        &[v("CREATE VIEW v AS SELECT touched() AS x"), (Index, "i", "v", "CREATE INDEX i ON v(x)")],
        0,
        "unsupported",
        "no such table: main.v",
    ),
    kept(&[i("CREATE INDEX i ON a(x ->> '$', json_extract(x, '$'))")], 0),
    refused(&[i("CREATE INDEX i ON a(json('{' || x))")], 0, "unsupported", "malformed JSON"),
    differs(
        &[i("CREATE INDEX i ON a({deep})")],
        0,
        Refused("unsupported", "Recursion limit"),
        Refused("unsupported", "parser stack overflow"),
    ),
    refused(&[i("CREATE INDEX i ON a(count(x))")], 0, "unsupported", "misuse of aggregate function count()"),
    refused(
        &[i("CREATE INDEX i ON a(row_number() OVER ())")],
        0,
        "unsupported",
        "misuse of window function row_number()",
    ),
    refused(&[(Index, "i", "t", "CREATE INDEX i ON a(x)")], 0, "corrupt", "it would also do something else"),
    refused(&[i("CREATE TABLE i(x)")], 0, "corrupt", "it would also do something else"),
    refused(&[(Index, "A", "a", "CREATE INDEX A ON a(x)")], 0, "corrupt", "its name comes twice"),
    refused(
        &[i("CREATE INDEX i ON a(x) WHERE x IN other.t")],
        0,
        "unsupported",
        "subqueries prohibited in partial index WHERE clauses",
    ),
    kept(&[i("CREATE INDEX i ON a(x LIKE '%' || x || '%')")], 0),
];
