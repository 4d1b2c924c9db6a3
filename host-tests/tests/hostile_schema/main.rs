//! Hostile schemas in correctly sealed bundles, and in forged databases: nothing of them runs, and the outcome is a clear
//! refusal or an exact copy. On rusqlite's SQLite, on the system's, and in the component; [`texts`] lists each text with its
//! outcome.
//!
//! The bundles come from `lifeboat-core` itself, since whoever has the key can make any: the only test here that uses code of
//! Lifeboat's.

#[path = "../../../core/tests/support/evidence.rs"]
mod evidence;
mod hosts;
mod scene;
mod texts;
#[path = "../wasm/mod.rs"]
mod wasm;

use std::fs;
use std::path::Path;

use hosts::Host;
use lifeboat_host_tests::host::{load, quote};
use rusqlite::Connection;
use scene::{Scene, bundle, forge, key};
use texts::{Kind, Outcome, Text};

/// What became of a bundle: an exact copy, or a refusal in these words. The outer error: what must not be.
type Answer = Result<Result<(), String>, String>;

/// What a host says of a bundle, in each way to bring it back.
fn attack(host: &mut Host, text: &Text) -> Answer {
    let scene = Scene::new();
    let (key_text, path, copy) = (key().to_text(), scene.path("bundle"), scene.path("copy.db"));
    let bytes = bundle(&scene, text);
    fs::write(&path, &bytes).expect("write");
    let (key, bundle) = (quote(key_text.as_str()), quote(&path));
    let looks = [
        format!("SELECT count(*) FROM backup_tables({bundle}, {key})"),
        format!("SELECT count(*) FROM backup_rows({bundle}, {key}, 'a')"),
        format!("SELECT count(*) FROM backup_diff({bundle}, {bundle}, {key})"),
    ];
    let ways = [
        format!("SELECT backup_verify({bundle}, {key}, '{{\"level\": \"restore\"}}') ->> 'verdict'"),
        format!("SELECT backup_restore_file({bundle}, {key}, {}) ->> 'path'", quote(&copy)),
        format!("SELECT backup_restore({bundle}, {key}) ->> 'rows'"),
    ];
    let after = ["SELECT count(*) FROM sqlite_schema".to_owned(), format!("SELECT hex(backup_export({key}))")];
    let said = host.run(Path::new(":memory:"), &scene.path("other.db"), &[looks.as_slice(), &ways, &after].concat());
    if said.touched != 0 {
        return Err("a function of the application was called".to_owned());
    }
    scene.check()?;
    let answers = said.answers();
    let (looked, rest) = answers.split_at(looks.len());
    let (restored, after) = rest.split_at(ways.len());
    for message in looked.iter().chain(restored).filter_map(|answer| answer.err()) {
        require(is_clear(message), || message.to_owned())?;
    }
    let without_name = |message: &str| message.split_once(": ").map_or("", |(_, rest)| rest).to_owned();
    let mut refusals = restored.iter().filter_map(|answer| answer.err()).map(without_name);
    let Some(refusal) = refusals.next() else {
        let again = hex(&bytes);
        require(after[1] == Ok(&again), || format!("the restored database exports to {:?}", after[1].err()))?;
        check_copy(&scene, text, &copy)?;
        return Ok(Ok(()));
    };
    require(refusals.filter(|other| *other == refusal).count() == ways.len() - 1, || {
        format!("refused in two ways: {restored:?}")
    })?;
    require(!copy.exists(), || "a refused restore left a file".to_owned())?;
    require(after[0] == Ok("0"), || format!("a refused restore left rows of a schema: {:?}", after[0]))?;
    Ok(Err(refusal))
}

/// What the component says of it. It has no way out, so that only its answer is of interest.
fn recover(text: &Text) -> Answer {
    let scene = Scene::new();
    let mut file = Vec::new();
    let mut instance = wasm::Instance::new(512 << 20);
    let key = key().to_text();
    match instance.recover(&bundle(&scene, text), &key, wasm::PIECE, |piece| file.extend(piece)) {
        Ok(_) => {
            let copy = scene.path("copy.db");
            fs::write(&copy, file).expect("write");
            check_copy(&scene, text, &copy).map(Ok)
        }
        Err(error) => {
            let (kind, message) = wasm::case(&error);
            let refusal = format!("{}: {message}", kind.replace('-', " "));
            require(is_clear(&format!("backup_restore: {refusal}")) && file.is_empty(), || refusal.clone())?;
            Ok(Err(refusal))
        }
    }
}

fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn is_clear(message: &str) -> bool {
    let kinds = ["corrupt: ", "unsupported: ", "too big: "];
    let rest = message.split_once(": ").map_or("", |(_, rest)| rest);
    message.starts_with("backup_")
        && kinds.iter().any(|kind| rest.starts_with(kind))
        && !message.contains("internal error")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The copy has these very texts.
fn check_copy(scene: &Scene, text: &Text, copy: &Path) -> Result<(), String> {
    let db = Connection::open(copy).expect("open");
    // Not even a schema that SQLite distrusts, or does not understand, keeps anybody from its texts.
    db.execute_batch("PRAGMA writable_schema = on").expect("pragma");
    let sql = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || sql FROM sqlite_schema WHERE sql NOT NULL";
    let mut found: Vec<String> =
        db.prepare(sql).and_then(|mut s| s.query_map([], |row| row.get(0))?.collect()).expect("schema");
    let mut wanted: Vec<String> = scene
        .schema(text)
        .into_iter()
        .map(|(kind, name, table, sql)| format!("{} {name} {table} {sql}", kind.name()))
        .collect();
    found.sort();
    wanted.sort();
    require(found == wanted, || format!("the copy has {found:?}"))
}

/// Compares all answers with the table of texts, and prints how many there are of each kind.
fn compare(host: &str, outcome: impl Fn(&Text) -> &Outcome, mut answer: impl FnMut(&Text) -> Answer) {
    let (mut wrong, mut kept) = (Vec::new(), 0);
    for text in texts::all() {
        let (answer, expected) = (answer(text), outcome(text));
        kept += usize::from(matches!(answer, Ok(Ok(()))));
        match (&answer, expected) {
            (Ok(Ok(())), Outcome::Kept) => {}
            (Ok(Err(message)), Outcome::Refused(kind, words))
                if message.starts_with(&format!("{kind}: ")) && message.contains(words) => {}
            _ => wrong.push(format!("{host}: {}: {answer:?}, not {expected:?}", text.rows[0].3)),
        }
    }
    println!("{host}: {kept} kept, {} refused", texts::all().count() - kept);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    evidence::counted("hostile definitions", texts::all().count());
}

#[test]
fn sealed_bundles() {
    compare("the newer SQLite", |text| &text.new, |text| attack(&mut Host::New, text));
}

#[test]
fn sealed_bundles_and_the_older_sqlite() {
    let mut host = Host::old();
    compare("the older SQLite", |text| &text.old, |text| attack(&mut host, text));
}

#[test]
fn sealed_bundles_and_the_component() {
    compare("the component", |text| text.component.as_ref().unwrap_or(&text.new), recover);
}

/// The same texts in a database file, by way of `writable_schema`: the export refuses, or makes the very bundle that the core
/// makes, and nothing runs.
#[test]
fn forged_databases() {
    let mut wrong = Vec::new();
    for (name, host) in [("the newer SQLite", &mut Host::New), ("the older SQLite", &mut Host::old())] {
        let mut exported = 0;
        for text in texts::all() {
            let expected = if name == "the newer SQLite" { &text.new } else { &text.old };
            match export(host, text, expected) {
                Ok(is_exported) => exported += usize::from(is_exported),
                Err(what) => wrong.push(format!("{name}: {}: {what}", text.rows[0].3)),
            }
        }
        println!("{name}: {exported} exported, {} refused", texts::all().count() - exported);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a forged database is exported; what must not be.
fn export(host: &mut Host, text: &Text, expected: &Outcome) -> Result<bool, String> {
    let scene = Scene::new();
    forge(&scene, text);
    let key = quote(key().to_text().as_str());
    let sql = [
        format!("SELECT hex(backup_export({key}))"),
        format!("SELECT backup_verify(backup_export({key}), {key}, '{{\"level\": \"restore\"}}')"),
    ];
    let said = host.run(&scene.path("forged.db"), &scene.path("other.db"), &sql);
    require(said.touched == 0, || "a function of the application was called".to_owned())?;
    scene.check()?;
    let answers = said.answers();
    match (answers[0], expected) {
        // A forged record has no place for a stored column.
        (Ok(_), Outcome::Kept) if text.rows[0].3.contains("STORED") => Ok(true),
        (Ok(bundled), Outcome::Kept) if bundled == hex(&bundle(&scene, text)) => Ok(true),
        // Whether an expression can be computed for each row, and a collation is registered, the restore finds out.
        (Ok(_), Outcome::Refused(_, words))
            if (text.rows[0].0 == Kind::Index || words.contains("collation"))
                && answers[1].is_err_and(|message| message.contains(words)) =>
        {
            Ok(true)
        }
        (Ok(_), _) => Err(format!("exported, not {expected:?}")),
        // SQLite itself may refuse to read the schema; and what can be forged is not always what was meant.
        (Err(message), _) if message.starts_with("backup_") && !is_clear(message) => Err(message.to_owned()),
        (Err(_), _) => Ok(false),
    }
}

/// Where the extension is loaded, SQLite would not read such a schema.
#[test]
fn no_constraint_names_a_function_of_the_extension() {
    let db = load(Connection::open_in_memory().expect("memory is there"));
    let sql = "SELECT DISTINCT name FROM pragma_function_list WHERE name LIKE 'backup!_%' ESCAPE '!'";
    let names: Vec<String> =
        db.prepare(sql).and_then(|mut s| s.query_map([], |row| row.get(0))?.collect()).expect("names");
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let row = texts::t(format!("CREATE TABLE t(x CHECK ({name}(x)))").leak());
        let text = texts::refused(Vec::from([row]).leak(), 1, "unsupported", "unsafe use");
        let answer = attack(&mut Host::New, &text).expect("nothing happened");
        assert!(answer.as_ref().is_err_and(|message| message.contains("unsafe use of")), "{name}: {answer:?}");
    }
}

#[test]
fn there_are_many_texts_and_each_is_another() {
    let mut texts: Vec<_> = texts::all().map(|text| format!("{:?}", text.rows)).collect();
    let count = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), count);
    assert!(count >= 200, "{count}");
}
