//! Each function once, right and wrong, in a `sqlite3` shell under valgrind: no byte is read that is not there or was never
//! written, and none is lost.

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

#[test]
#[ignore = "make soak installs valgrind"]
fn nothing_is_lost_and_nothing_read_that_is_not_there() {
    let directory = tempdir().unwrap();
    let key = quote(keygen());
    let host = Host::Shell.command(&directory.path().join("app.db"));
    let valgrind = || {
        let mut command = Command::new("valgrind");
        command.args(["--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite"]);
        command.args(["--errors-for-leak-kinds=definite", "--quiet"]).arg(host.get_program());
        command.current_dir(directory.path());
        command
    };
    let mut command = valgrind();
    command.args(host.get_args());
    let output = finish(command, &SESSION.replace("{key}", &key));
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    // Without -bail, which would end the shell at the first of them.
    let mut command = valgrind();
    command.args(host.get_args().filter(|argument| *argument != "-bail"));
    let mistakes: String = MISTAKES.map(|mistake| mistake.replace("{key}", &key) + ";\n").concat();
    let output = finish(command, &mistakes);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(99), "{said}");
    assert_eq!(said.matches("backup_").count(), MISTAKES.len(), "{said}");
}
