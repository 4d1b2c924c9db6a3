//! Ledgers: what they spare, what is refused, that none is ever ahead of its bundle.

mod common;

use common::bench::{Bench, FIRST, SECOND, flip};
use common::*;
use rusqlite::params;
use serde_json::{Value, json};
use std::fs;

#[test]
fn c3_a_ledger_alone() {
    let bench = Bench::new();
    let full = bench.export("0", json!({"ledger": "ledger"}));
    assert_eq!((&full["full"], &full["base_id"], &full["changes"]), (&json!(true), &Value::Null, &full["items"]));
    assert_eq!(bench.names(), ["0", "ledger"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(bench.path("ledger")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    bench.change(FIRST);
    let delta = bench.export("1", json!({"ledger": "ledger"}));
    assert_eq!((&delta["full"], &delta["base_id"], &delta["changes"]), (&json!(false), &full["state_id"], &json!(2)));
    assert_eq!(delta["bytes"], bench.read("1").len());
    assert_eq!(bench.compose(&["0", "1"]), bench.blob(json!({})));
    let ledger = bench.read("ledger");
    bench.export("other", json!({"ledger": "other ledger"}));
    assert_eq!(bench.read("other ledger"), ledger, "a ledger is a function of its state");
    bench.change(SECOND);
    let again = bench.export("2", json!({"ledger": "ledger"}));
    assert_eq!(again["base_id"], delta["state_id"]);
    assert_eq!(bench.compose(&["0", "1", "2"]), bench.blob(json!({})));
    let written = bench.read("ledger");
    bench.change("DELETE FROM people");
    bench.blob(json!({"ledger": "ledger"}));
    assert_eq!(bench.read("ledger"), written, "backup_export reads it only");
    assert!(bench.blob(json!({"ledger": "none"})) == bench.blob(json!({})), "no ledger: a full bundle");
    assert!(!bench.path("none").exists());
}

#[test]
fn the_same_full_bundle_again_writes_its_ledger() {
    let bench = Bench::new();
    bench.export("0", json!({}));
    let again = bench.export("0", json!({"ledger": "ledger"}));
    assert_eq!((&again["changed"], &again["full"]), (&json!(false), &json!(true)));
    assert_eq!(bench.names(), ["0", "ledger"]);
    bench.change(FIRST);
    bench.export("1", json!({"ledger": "ledger"}));
    assert_eq!(bench.compose(&["0", "1"]), bench.blob(json!({})));
}

#[test]
fn z14_with_base_and_ledger_a_ledger_may_be_anything() {
    let bench = Bench::new();
    bench.export("0", json!({"ledger": "old"}));
    bench.change(FIRST);
    bench.export("1", json!({"base": "0"}));
    bench.export("whole", json!({"ledger": "current"}));
    bench.change(SECOND);
    let wanted = bench.blob(json!({"base": "whole"}));
    let ledger_of = |name: &str| {
        fs::remove_file(bench.path("ledger")).ok();
        fs::copy(bench.path(name), bench.path("ledger")).ok();
    };
    let export = || {
        bench.export("2", json!({"base": ["0", "1"], "ledger": "ledger"}));
        let made = bench.read("2");
        fs::remove_file(bench.path("2")).unwrap();
        (made, bench.read("ledger"))
    };
    ledger_of("current");
    let (delta, ledger) = export();
    assert_eq!(delta, wanted);
    for name in ["missing", "old"] {
        ledger_of(name);
        assert!(export() == (wanted.clone(), ledger.clone()), "{name}");
    }
    // Its first bytes; a chunk, which is read late; the end; a ledger that was cut short, or is all zeros.
    let length = bench.read("current").len();
    for at in [0, 5, 20, 70, 200, length - 20] {
        ledger_of("current");
        flip(&bench.path("ledger"), at);
        assert!(export() == (wanted.clone(), ledger.clone()), "damaged at {at}");
    }
    for length in [0, 10, 75, length / 2, length - 1] {
        fs::write(bench.path("ledger"), &bench.read("current")[..length]).unwrap();
        assert!(export() == (wanted.clone(), ledger.clone()), "cut at {length}");
        fs::write(bench.path("ledger"), vec![0; length]).unwrap();
        assert!(export() == (wanted.clone(), ledger.clone()), "{length} zeros");
    }
    assert_eq!(bench.names(), ["0", "1", "current", "ledger", "old", "whole"]);
}

#[test]
fn a_damaged_ledger_alone_is_refused() {
    let bench = Bench::new();
    bench.export("0", json!({"ledger": "ledger"}));
    let ledger = bench.read("ledger");
    bench.change(FIRST);
    for at in [20, 200, ledger.len() - 20] {
        flip(&bench.path("ledger"), at);
        for found in
            [bench.export_error("1", json!({"ledger": "ledger"})), bench.blob_error(json!({"ledger": "ledger"}))]
        {
            assert!(found.contains(": corrupt: the ledger '") && found.contains("delete it: the next"), "{found}");
        }
        fs::write(bench.path("ledger"), &ledger).unwrap();
    }
    assert_eq!(bench.names(), ["0", "ledger"]);
    fs::remove_file(bench.path("ledger")).unwrap();
    assert_eq!(bench.export("1", json!({"ledger": "ledger"}))["full"], true, "as the remedy says");
}

#[test]
fn what_is_no_ledger_is_left_alone() {
    let bench = Bench::new();
    bench.export("0", json!({"ledger": "ledger"}));
    let other = key(&bench.db);
    let options = bench.options(json!({"ledger": "other key"}));
    json(&bench.db, "SELECT backup_export_file(?, ?, ?)", params![other, bench.path("x").to_str(), options]);
    bench.export("y", json!({"ledger": "other domain", "domain": "wallet"}));
    fs::write(bench.path("notes"), "notes".repeat(100)).unwrap();
    fs::write(bench.path("note"), "note").unwrap();
    let before: Vec<_> = bench.names().iter().map(|name| bench.read(name)).collect();
    for (name, why) in [
        ("other key", "it is a ledger of another key"),
        ("other domain", "it is a ledger of another domain of this key"),
        ("0", "this is a bundle, not a ledger"),
        ("notes", "not a Lifeboat ledger"),
        ("note", "not a Lifeboat ledger"),
    ] {
        for options in [json!({"ledger": name}), json!({"ledger": name, "base": "0"})] {
            let found = bench.export_error("1", options.clone());
            assert!(found.starts_with("backup_export_file: misuse: '") && found.contains(why), "{found}");
            assert!(bench.blob_error(options).contains(why));
        }
    }
    let found = bench.export_error("1", json!({"ledger": "."}));
    assert!(found.contains("is a directory, not a regular file"), "{found}");
    let found = bench.export_error("1", json!({"ledger": "none/ledger"}));
    assert!(found.starts_with("backup_export_file: host: cannot create a file beside"), "{found}");
    let after: Vec<_> = bench.names().iter().map(|name| bench.read(name)).collect();
    assert!(before == after, "nothing was touched");
}

#[test]
fn a_ledger_of_something_else_is_refused() {
    let bench = Bench::new();
    bench.export("0", json!({"ledger": "part", "tables": ["people"]}));
    let found = bench.export_error("1", json!({"ledger": "part"}));
    assert!(found.starts_with("backup_export_file: mismatch: the ledger '"), "{found}");
    assert!(found.contains("another selection") && found.contains("delete the ledger"), "{found}");
    let utf16 = memory();
    utf16.execute_batch("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(x)").unwrap();
    bench.export("whole", json!({"ledger": "ledger"}));
    let sql = "SELECT backup_export(?, ?)";
    let found = error(&utf16, sql, params![bench.key, bench.options(json!({"ledger": "ledger"}))]);
    assert!(found.contains("mismatch: the ledger '") && found.contains("another text encoding"), "{found}");
    let found = error(&utf16, sql, params![bench.key, bench.options(json!({"base": "whole"}))]);
    assert!(found.contains("mismatch: the base has another text encoding"), "{found}");
}

/// A file that comes while the state is read, when ours are in the making.
fn meanwhile(bench: &mut Bench, name: &str) {
    let (directory, path, ours) = (bench.directory.path().to_owned(), bench.path(name), format!(".{name}.lifeboat-"));
    let come = move || {
        if !path.exists() && names(&directory).iter().any(|name| name.starts_with(&ours)) {
            fs::write(&path, "theirs").unwrap();
        }
        false
    };
    bench.db.progress_handler(1, Some(come)).unwrap();
}

#[test]
fn the_ledger_is_never_ahead_of_the_bundle() {
    let mut bench = Bench::new();
    // The bundle finds no place: no ledger.
    meanwhile(&mut bench, "0");
    let found = bench.export_error("0", json!({"ledger": "ledger"}));
    assert!(found.contains("was made meanwhile by somebody else"), "{found}");
    assert_eq!(bench.names(), ["0"]);
    fs::remove_file(bench.path("0")).unwrap();
    // The ledger finds none: the bundle is complete, and the error says so.
    meanwhile(&mut bench, "ledger");
    let found = bench.export_error("0", json!({"ledger": "ledger"}));
    assert!(found.contains("the bundle is in its place, but not its ledger: "), "{found}");
    bench.db.progress_handler(0, None::<fn() -> bool>).unwrap();
    assert_eq!((bench.names(), bench.read("ledger")), (vec!["0".to_owned(), "ledger".to_owned()], b"theirs".to_vec()));
    assert_eq!(bench.read("0"), bench.blob(json!({})));
    // An interrupt leaves both as they were.
    fs::remove_file(bench.path("ledger")).unwrap();
    bench.export("0", json!({"ledger": "ledger"}));
    let ledger = bench.read("ledger");
    bench.change(FIRST);
    bench.db.progress_handler(1, Some(|| true)).unwrap();
    for options in [json!({"base": "0", "ledger": "ledger"}), json!({"ledger": "ledger"})] {
        let found = bench.export_error("1", options);
        assert!(found.contains("interrupt"), "{found}");
    }
    bench.db.progress_handler(0, None::<fn() -> bool>).unwrap();
    assert_eq!((bench.names(), bench.read("ledger")), (vec!["0".to_owned(), "ledger".to_owned()], ledger));
}

#[test]
fn c5_many_cycles_leave_one_small_ledger() {
    let bench = Bench::new();
    bench.export("0", json!({"ledger": "ledger"}));
    let mut chain = vec!["0".to_owned()];
    for cycle in 1..=40 {
        bench.change(&format!("UPDATE people SET weight = {cycle}; INSERT INTO empty VALUES ({cycle})"));
        let options = match cycle % 2 {
            0 => json!({"ledger": "ledger"}),
            _ => json!({"base": chain, "ledger": "ledger"}),
        };
        let name = cycle.to_string();
        assert_eq!(bench.export(&name, options)["changes"], 4);
        chain.push(name);
    }
    let mut all = [&chain[..], &["ledger".to_owned()]].concat();
    all.sort();
    assert_eq!(bench.names(), all);
    let names: Vec<_> = chain.iter().map(String::as_str).collect();
    assert_eq!(bench.compose(&names), bench.blob(json!({})));
    bench.export("whole", json!({"ledger": "fresh"}));
    assert_eq!(bench.read("ledger"), bench.read("fresh"));
}
