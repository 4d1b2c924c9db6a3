//! `seeds DIRECTORY`: writes a beginning for each target, made from the golden bundles, into `DIRECTORY/<target>/`.

use lifeboat_core::{Opened, Opener};
use lifeboat_fuzz::{GOLDEN, LOG, key, write_chunk};
use std::path::Path;

const SCHEMA: &str = "ct\u{1}t\u{1}CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c REAL DEFAULT (1+2) CHECK(c > 0))\n\
    cw\u{1}w\u{1}CREATE TABLE w(k TEXT PRIMARY KEY COLLATE NOCASE, v, g AS (v || 1) STORED) WITHOUT ROWID, STRICT\n\
    ii\u{1}t\u{1}CREATE INDEX i ON t(b DESC, lower(b)) WHERE a > 1\n\
    vv\u{1}v\u{1}CREATE VIEW v(x) AS WITH c AS (SELECT a FROM t) SELECT count(*) FROM c\n\
    tr\u{1}t\u{1}CREATE TRIGGER r AFTER INSERT ON t WHEN new.a > 1 BEGIN DELETE FROM w WHERE k = new.b; END\n\
    cf\u{1}f\u{1}CREATE VIRTUAL TABLE f USING fts5(x, tokenize = 'porter')";

const CONDITIONS: &[&str] = &[
    "a > 1",
    "b LIKE '%x%' AND :now > 5",
    "a IN (SELECT s FROM secret)",
    "EXISTS (SELECT 1 FROM t AS u WHERE u.a = t.a AND u.c IS NOT NULL)",
    "CASE typeof(c) WHEN 'blob' THEN length(c) ELSE abs(a) END BETWEEN 0 AND 9",
    "1) UNION SELECT s FROM secret WHERE (1",
];

/// Those of FORMAT.md's worked record.
const DETAILS: &[u8] =
    b"\x87\x01\x1b\x00\x00\x01\xa2\x27\x2d\x26\x00\x66till 7\xf6\x1a\x00\x2e\x99\xb1\x19\x10\x00\xf6";

const NAMES: &[&str] = &[
    "879c4b5201aebc81f7a5c36727bb885e/bundles/9b/9b5321fa34b787c946ed56f9d647b510c930ee8cd51a867a8382ff5c2d1c0679",
    "879c4b5201aebc81f7a5c36727bb885e/log/9999999999999/998-524fc25a1fbbf0eb2701194703c6b1c2e9d4286c1da5739b5cecb89576c2e48e",
    "879c4b5201aebc81f7a5c36727bb885e/floor/9999999999999998-0ab23742929ef884ac6ca8ed6703d6ff7e2c33b1b2457b8f9537679274e8e9c2",
];

fn main() -> std::io::Result<()> {
    let directory = std::env::args_os().nth(1).expect("usage: seeds DIRECTORY");
    let directory = Path::new(&directory);
    let write = |target: &str, name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(directory.join(target))?;
        std::fs::write(directory.join(target).join(name), bytes)
    };
    for (name, bundle) in GOLDEN {
        write("bundle", name, bundle)?;
        let mut chunks = Vec::new();
        let opened = Opener::new(key()).push(bundle, |opened| {
            if let Opened::Chunk { kind, plaintext, .. } = opened {
                write_chunk(kind, &plaintext, &mut chunks);
            }
            Ok(())
        });
        opened.expect("a golden bundle opens");
        write("chunks", name, &chunks)?;
        write("chain", name, &[&0_u32.to_be_bytes(), *bundle].concat())?;
    }
    for (name, statement) in LOG {
        write("log", name, &[&[0], *statement].concat())?;
        write("log", &format!("{name}-unsigned"), &[&[2], &statement[..statement.len() - 100]].concat())?;
    }
    write("log", "details", &[&[3], DETAILS].concat())?;
    for name in NAMES {
        write("log", &name[33..38].replace('/', "-"), &[&[1], name.as_bytes()].concat())?;
    }
    let key = key();
    write("keys", "recovery", key.to_text().as_bytes())?;
    write("keys", "state", "1cb612a7e299b4dd8a126f23bcbafd5e7cc4d12e645884b1ae1b36019bef57ac".as_bytes())?;
    write("schema", "kinds", SCHEMA.as_bytes())?;
    for (number, condition) in CONDITIONS.iter().enumerate() {
        write("condition", &number.to_string(), condition.as_bytes())?;
    }
    Ok(())
}
