//! `seeds DIRECTORY`: writes a beginning for each target, made from the golden bundles, into `DIRECTORY/<target>/`.

use lifeboat_core::stream::{Opened, Opener};
use lifeboat_fuzz::{GOLDEN, key, write_chunk};
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
    let key = key();
    write("keys", "recovery", key.to_text().as_bytes())?;
    write("keys", "state", "1cb612a7e299b4dd8a126f23bcbafd5e7cc4d12e645884b1ae1b36019bef57ac".as_bytes())?;
    write("schema", "kinds", SCHEMA.as_bytes())?;
    for (number, condition) in CONDITIONS.iter().enumerate() {
        write("condition", &number.to_string(), condition.as_bytes())?;
    }
    Ok(())
}
