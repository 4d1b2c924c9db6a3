//! Each function once, right and wrong, in a `sqlite3` shell under valgrind: no byte is read that is not there or was never
//! written, and none is lost.

use std::fs;
use std::path::Path;
use std::process::Command;

use lifeboat_host_tests::host::{Host, finish, keygen, quote};
use tempfile::tempdir;

const SESSION: &str = r#"
CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT UNIQUE, photo BLOB, loud AS (upper(name)) STORED);
INSERT INTO people VALUES (1, 'Ada', x'00ff'), (2, 'Grace', NULL), (3, 'a' || char(0), zeroblob(100000));
CREATE TABLE settings(section, name, value, PRIMARY KEY(name, section)) WITHOUT ROWID;
INSERT INTO settings VALUES ('ui', 'colour', 9e999), (x'', '', -0.0);
CREATE INDEX loud ON people(lower(name)) WHERE id > 1;
CREATE VIRTUAL TABLE texts USING fts5(text); INSERT INTO texts VALUES ('full text');
ANALYZE;
SELECT backup_version();
SELECT length(backup_keygen()), length(backup_verify_key({key}));
SELECT length(backup_export({key}));
SELECT backup_export_file({key}, '0', '{"ledger": "ledger"}');
SELECT backup_estimate({key}, '{"where": {"people": "id = :now"}, "now": 1, "exclude": ["texts"]}');
UPDATE people SET name = 'Eve' WHERE id = 2; DELETE FROM settings WHERE name = ''; ALTER TABLE settings ADD COLUMN late;
SELECT backup_export_file({key}, '1', '{"base": ["0"], "ledger": "ledger"}');
SELECT length(backup_compose('["0", "1"]', {key}));
SELECT backup_compose_file('["0", "1"]', {key}, 'whole');
SELECT backup_verify('["0", "1"]', {key}, '{"level": "restore"}');
SELECT backup_verify('["0", "1"]');
SELECT backup_info('["0", "1"]', {key});
SELECT * FROM backup_tables('["0", "1"]', {key});
SELECT * FROM backup_rows('["0", "1"]', {key}, 'people');
SELECT * FROM backup_rows('0', {key}, 'settings') WHERE key = '["colour","ui"]';
SELECT * FROM backup_diff('0', '["0", "1"]', {key});
SELECT backup_restore_file('["0", "1"]', {key}, 'copy.db');
SELECT backup_restore('["0", "1"]', {key}, '{"replace": true}');
"#;

/// Each fails.
const MISTAKES: [&str; 8] = [
    "SELECT backup_export('nonsense')",
    "SELECT backup_export_file({key}, 'app.db')",
    "SELECT backup_verify('1', backup_keygen())",
    "SELECT backup_verify(substr(readfile('0'), 1, 500), {key})",
    "SELECT backup_compose('[\"1\", \"0\"]', {key})",
    "SELECT * FROM backup_rows('0', {key}, 'none')",
    "SELECT backup_restore('whole', {key}, '{\"replace\": true, \"expect\": \"0\"}')",
    "SELECT backup_restore_file('0', {key}, 'copy.db')",
];

/// What makes the database another one. The first alone, or with `LIFEBOAT_SOAK=1` all.
const LAYOUTS: [&str; 5] = [
    "PRAGMA journal_mode = wal;",
    "PRAGMA encoding = 'UTF-16le'; PRAGMA page_size = 512; PRAGMA auto_vacuum = full;",
    "PRAGMA encoding = 'UTF-16be'; PRAGMA journal_mode = wal; PRAGMA page_size = 65536;",
    "PRAGMA encoding = 'UTF-16le'; PRAGMA locking_mode = exclusive; PRAGMA secure_delete = on;",
    "PRAGMA temp_store = memory; PRAGMA cache_size = 5; PRAGMA mmap_size = 1000000;",
];

/// A shell under valgrind in this directory.
fn shell(directory: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite", "--log-file=log"]);
    // Without -bail, which would end the shell at the first mistake.
    let host = Host::Shell.command(&directory.join("app.db"));
    command.arg(host.get_program()).args(host.get_args().filter(|argument| *argument != "-bail"));
    command.current_dir(directory);
    command
}

/// Runs the statements; gives what the shell says of mistakes.
fn sound(directory: &Path, sql: &str) -> String {
    let output = finish(shell(directory), sql);
    let log = fs::read_to_string(directory.join("log"))
        .expect("valgrind is installed (make test does that), and keeps a log");
    assert!(log.contains("ERROR SUMMARY: 0 errors"), "{log}");
    assert!(log.contains("All heap blocks were freed") || log.contains("definitely lost: 0 bytes"), "{log}");
    assert_ne!(output.status.code(), Some(99), "{log}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Each begins with the name of the function and a colon; in what is said some name others.
fn errors(said: &str) -> usize {
    let name = |character: char| character.is_ascii_lowercase() || character == '_';
    said.split("backup_").skip(1).filter(|rest| rest.trim_start_matches(name).starts_with(": ")).count()
}

#[test]
fn nothing_is_lost_and_nothing_read_that_is_not_there() {
    let layouts = if std::env::var_os("LIFEBOAT_SOAK").is_some() { &LAYOUTS[..] } else { &LAYOUTS[..1] };
    for layout in layouts {
        let directory = tempdir().unwrap();
        let key = quote(keygen());
        let said = sound(directory.path(), &format!("{layout}{}", SESSION.replace("{key}", &key)));
        assert_eq!(said, "", "{layout}");
        let mistakes: String = MISTAKES.map(|mistake| mistake.replace("{key}", &key) + ";\n").concat();
        let said = sound(directory.path(), &mistakes);
        assert_eq!(errors(&said), MISTAKES.len(), "{layout}: {said}");
    }
    let calls = SESSION.matches("backup_").count();
    println!(
        "valgrind: {} databases, {} calls that succeed and {} that fail: 0 invalid reads or writes, 0 bytes lost",
        layouts.len(),
        layouts.len() * calls,
        layouts.len() * MISTAKES.len()
    );
}

/// It would find something: a read behind the end, and memory that is lost.
#[test]
fn valgrind_sees() {
    let directory = tempdir().unwrap();
    let source = directory.path().join("wrong.c");
    let program = directory.path().join("wrong");
    for (code, found) in [("return c[1];", "Invalid read"), ("c = 0; return 0;", "definitely lost: 1 bytes")] {
        fs::write(
            &source,
            format!("#include <stdlib.h>\nint main(void) {{ volatile char *volatile c = malloc(1); {code} }}"),
        )
        .unwrap();
        assert!(Command::new("cc").args(["-O0", "-o"]).args([&program, &source]).status().unwrap().success());
        let output =
            Command::new("valgrind").args(["--error-exitcode=99", "--leak-check=full"]).arg(&program).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(99) && said.contains(found), "{code}: {said}");
    }
}
