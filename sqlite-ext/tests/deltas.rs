//! Bundles that lead on from others: what they are, what is refused, what they would cost.

mod common;

use common::bench::{Bench, FIRST, SECOND, flip};
use common::*;
use rusqlite::params;
use serde_json::{Value, json};
use std::fs;

#[test]
fn a_delta_depends_on_the_two_states_alone() {
    let bench = Bench::new();
    bench.export("0", json!({"ledger": "ledger"}));
    bench.change(FIRST);
    let first = bench.export("1", json!({"base": "0"}));
    assert_eq!((&first["full"], &first["changed"]), (&json!(false), &json!(true)));
    assert_eq!(bench.blob(json!({"ledger": "ledger"})), bench.read("1"), "the ledger tells the same");
    assert_eq!(bench.blob(json!({"base": ["0"], "ledger": "none"})), bench.read("1"));
    let whole = bench.export("whole", json!({"ledger": "ledger of 1"}));
    assert_eq!(first["state_id"], whole["state_id"]);
    bench.change(SECOND);
    let second = bench.export("2", json!({"base": ["0", "1"]}));
    assert_eq!(second["base_id"], first["state_id"]);
    for options in [json!({"base": "whole"}), json!({"ledger": "ledger of 1"})] {
        assert_eq!(bench.blob(options.clone()), bench.read("2"), "{options}");
    }
    // All of the way, and each part of it.
    assert_eq!(bench.compose(&["0", "1", "2"]), bench.blob(json!({})));
    assert_eq!(bench.compose(&["0", "1"]), bench.read("whole"));
    assert_eq!(bench.compose(&["1", "2"]), bench.blob(json!({"base": "0"})));
    let copy = memory();
    json(&copy, "SELECT backup_restore(?, ?)", params![bench.compose(&["0", "1", "2"]), bench.key]);
    assert_eq!(one::<Vec<u8>>(&copy, "SELECT backup_export(?)", [&bench.key]), bench.blob(json!({})));
}

#[test]
fn nothing_changed_is_no_bundle() {
    let bench = Bench::new();
    let full = bench.export("0", json!({"ledger": "ledger"}));
    let ledger = bench.read("ledger");
    for options in [json!({"base": "0"}), json!({"ledger": "ledger"}), json!({"base": "0", "ledger": "new"})] {
        let none = bench.export("1", options);
        assert_eq!((&none["changed"], &none["bytes"], &none["chunks"]), (&json!(false), &json!(0), &json!(0)));
        assert_eq!((&none["changes"], &none["full"]), (&json!(0), &json!(false)));
        assert_eq!((&none["state_id"], &none["base_id"]), (&full["state_id"], &full["state_id"]));
        assert_eq!(none["items"], full["items"]);
    }
    assert_eq!(bench.names(), ["0", "ledger", "new"]);
    assert_eq!(bench.read("new"), ledger, "a ledger that was missing is written");
    let modified = || fs::metadata(bench.path("ledger")).unwrap().modified().unwrap();
    let before = modified();
    bench.export("1", json!({"base": "0", "ledger": "ledger"}));
    assert_eq!(modified(), before, "one that is right is left alone");
    bench.change(FIRST);
    bench.export("1", json!({"base": "0"}));
    bench.export("2", json!({"base": ["0", "1"], "ledger": "ledger"}));
    assert_ne!(bench.read("ledger"), ledger, "one of an older state is written anew");
    assert_eq!(bench.names(), ["0", "1", "ledger", "new"]);
    // As a BLOB, the change of nothing is a bundle, and fits in a chain.
    let empty = bench.blob(json!({"base": ["0", "1"]}));
    fs::write(bench.path("empty"), &empty).unwrap();
    assert!(empty.len() < 1000);
    assert_eq!(bench.compose(&["0", "1", "empty"]), bench.blob(json!({})));
}

#[test]
fn bases_that_do_not_fit_are_refused() {
    let bench = Bench::new();
    bench.export("0", json!({}));
    bench.change(FIRST);
    bench.export("1", json!({"base": "0"}));
    bench.change(SECOND);
    bench.export("2", json!({"base": ["0", "1"]}));
    bench.export("domain", json!({"domain": "wallet"}));
    bench.export("part", json!({"tables": ["people"]}));
    let other = key(&bench.db);
    json(&bench.db, "SELECT backup_export_file(?, ?)", params![other, bench.path("key").to_str()]);
    fs::write(bench.path("notes"), "notes".repeat(100)).unwrap();
    fs::copy(bench.path("0"), bench.path("damaged")).unwrap();
    flip(&bench.path("damaged"), 200);
    fs::write(bench.path("cut"), &bench.read("0")[..300]).unwrap();
    bench.change("DELETE FROM people");
    for (base, wanted) in [
        (json!("key"), "wrong key: the base: this recovery key did not make this bundle"),
        (json!("domain"), "mismatch: the base is of another domain"),
        (json!("part"), "mismatch: the base holds another selection"),
        (json!("notes"), "corrupt: the base: this is not a Lifeboat bundle"),
        (json!("cut"), "truncated: the base: the bundle ends at byte 300"),
        (json!("damaged"), "corrupt: the base: "),
        (json!("missing"), "host: the base: the bundle '"),
        (json!("1"), "mismatch: the base: this is a delta, sound by itself"),
        (json!(["0", "2"]), "mismatch: the base: bundle 2 of the chain does not follow"),
        (json!(["0", "2", "1"]), "mismatch: the base: bundle 2 of the chain does not follow: a wrong order"),
        (json!(["0", "1", "domain"]), "mismatch: the base: bundle 3 of the chain does not follow: it is of another"),
    ] {
        for options in [json!({"base": base}), json!({"base": base, "ledger": "ledger"})] {
            let found = bench.plain(&bench.export_error("new", options.clone()));
            assert!(found.starts_with(&format!("backup_export_file: {wanted}")), "{base}: {found}");
            assert!(bench.plain(&bench.blob_error(options)).starts_with(&format!("backup_export: {wanted}")));
        }
    }
    // Damage that shows when a chunk is read has its place, too.
    fs::copy(bench.path("1"), bench.path("late")).unwrap();
    flip(&bench.path("late"), 120);
    let found = bench.blob_error(json!({"base": ["0", "late"]}));
    assert!(found.contains("corrupt: the base: bundle 2 of the chain: ") && found.ends_with("late')"), "{found}");
    assert!(bench.names().iter().all(|name| !["new", "ledger"].contains(&name.as_str())), "nothing was written");
}

#[test]
fn files_that_an_export_would_destroy_are_refused() {
    let bench = Bench::new();
    bench.export("0", json!({"ledger": "ledger"}));
    fs::create_dir(bench.path("sub")).unwrap();
    bench.change(FIRST);
    let before = (bench.read("0"), bench.read("ledger"));
    for replace in [false, true] {
        let found = bench.export_error("sub/../0", json!({"base": "0", "replace": replace}));
        assert!(found.contains("misuse: '") && found.contains("which would be lost; give another path"), "{found}");
        let found = bench.export_error("sub/../ledger", json!({"ledger": "ledger", "replace": replace}));
        assert!(found.contains("is both the target and the ledger"), "{found}");
        let found = bench.export_error("new", json!({"ledger": "new", "replace": replace}));
        assert!(found.contains("is both the target and the ledger"), "{found}");
    }
    #[cfg(unix)]
    {
        fs::hard_link(bench.path("0"), bench.path("hard")).unwrap();
        std::os::unix::fs::symlink(bench.path("0"), bench.path("soft")).unwrap();
        for name in ["hard", "soft"] {
            let found = bench.export_error(name, json!({"base": "0", "replace": true}));
            assert!(found.contains("which would be lost; give another path"), "{found}");
        }
    }
    assert_eq!(before, (bench.read("0"), bench.read("ledger")));

    let path = bench.path("app.db");
    let app = open(&path);
    app.execute_batch("CREATE TABLE t(x)").unwrap();
    for options in [json!({"base": "app.db"}), json!({"ledger": "app.db"}), json!({"ledger": "app.db-journal"})] {
        for sql in [
            "SELECT backup_export(?1, ?2), ?3",
            "SELECT backup_estimate(?1, ?2), ?3",
            "SELECT backup_export_file(?1, ?3, ?2)",
        ] {
            let new = bench.path("new");
            let found = error(&app, sql, params![bench.key, bench.options(options.clone()), new.to_str()]);
            assert!(found.contains("is a database of this connection, or belongs to one"), "{found}");
        }
    }
}

#[test]
fn another_bundle_of_a_chain_is_not_replaced() {
    let bench = Bench::new();
    bench.export("0", json!({"ledger": "ledger"}));
    bench.change(FIRST);
    bench.export("1", json!({"base": "0"}));
    let (first, ledger) = (bench.read("1"), bench.read("ledger"));
    // As after a loss of power between the bundle and its ledger.
    let again = bench.export("1", json!({"base": "0", "ledger": "ledger"}));
    assert_eq!((&again["changed"], &again["changes"]), (&json!(false), &json!(2)));
    assert_ne!(bench.read("ledger"), ledger, "the ledger has come after it");
    fs::write(bench.path("ledger"), &ledger).unwrap();
    bench.change(SECOND);
    for options in [json!({"base": "0"}), json!({"ledger": "ledger"}), json!({"ledger": "new"})] {
        let found = bench.export_error("1", options);
        assert!(found.contains("misuse: '") && found.contains("from which later ones may lead on"), "{found}");
    }
    assert_eq!((bench.read("1"), bench.read("ledger")), (first, ledger));
    assert_eq!(bench.names(), ["0", "1", "ledger"], "no ledger without its bundle");
    bench.export("1", json!({"base": "0", "ledger": "ledger", "replace": true}));
    assert_eq!(bench.compose(&["0", "1"]), bench.blob(json!({})));
    fs::write(bench.path("notes"), "notes").unwrap();
    assert!(bench.export_error("notes", json!({"base": "0"})).contains("already exists and is not a bundle"));
}

#[test]
fn selections_and_what_dangles() {
    let bench = Bench::new();
    bench.change(
        "CREATE TABLE orders(id INTEGER PRIMARY KEY, who REFERENCES people, at INTEGER);
         INSERT INTO orders VALUES (1, 1, 10), (2, 2, 20), (3, 7, 30);",
    );
    let options = json!({
        "tables": ["PEOPLE", "orders", "log"], "exclude": ["log"], "cache": ["people"],
        "where": {"orders": "at >= :now"}, "now": 20,
    });
    let part = bench.export("part", options.clone());
    assert_eq!(
        part["selection"],
        json!({"tables": ["log", "orders", "people"], "exclude": ["log"], "where": {"orders": "at >= :now"}, "cache": ["people"]})
    );
    assert_eq!(part["dangling"], json!([{"table": "orders", "parent": "people", "columns": ["who"], "rows": 2}]));
    // The trigger on people writes into the log.
    assert_eq!(part["carried_empty"], json!(["log"]));
    assert!(part.get("left_out").is_none(), "{part}");
    let orders = bench.export("orders", json!({"tables": ["orders"]}));
    assert_eq!(orders["carried_empty"], json!(["people", "log"]), "{orders}");
    bench.change("CREATE VIEW both AS SELECT * FROM orders, empty");
    assert_eq!(bench.export("orders2", json!({"tables": ["orders"]}))["left_out"], json!(["view \"both\""]));
    let copy = memory();
    json(&copy, "SELECT backup_restore(?, ?)", params![bench.read("part"), bench.key]);
    assert_eq!(one::<String>(&copy, "SELECT group_concat(id) FROM orders", []), "2,3");
    assert_eq!(one::<i64>(&copy, "SELECT count(*) FROM people", []), 0);

    // A delta of a selection: what has moved out of it with time, too.
    let mut later = options;
    later["now"] = json!(30);
    later["base"] = json!("part");
    let delta = bench.export("delta", later.clone());
    assert_eq!((&delta["changes"], &delta["full"]), (&json!(1), &json!(false)));
    later.as_object_mut().unwrap().remove("base");
    assert_eq!(bench.compose(&["part", "delta"]), bench.blob(later));
    let found = bench.export_error("x", json!({"base": "part"}));
    assert!(found.contains("another selection"), "{found}");
    for (options, wanted) in [
        (json!({"tables": ["nothing"]}), "misuse: the option `tables` names \"nothing\""),
        (json!({"where": {"people": "id > :now"}}), "now"),
        (json!({"where": {"people": "id >"}}), "people"),
        (json!({"cache": ["people"], "where": {"people": "1"}}), "both `where` and `cache`"),
    ] {
        let found = bench.blob_error(options);
        assert!(found.starts_with("backup_export: misuse: ") && found.contains(wanted), "{found}");
    }
}

/// The rows that a delta needs are those of its own time.
#[test]
fn deltas_of_a_selection_with_its_parents() {
    let bench = Bench::new();
    bench.change(
        "CREATE TABLE teams(id INTEGER PRIMARY KEY, name);
         CREATE TABLE members(id INTEGER PRIMARY KEY, team REFERENCES teams, boss REFERENCES members);
         INSERT INTO teams VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd');
         INSERT INTO members VALUES (1, 1, NULL), (2, 2, 1), (3, 3, 1), (4, 4, 2);",
    );
    let options = |now: i64, more: serde_json::Value| {
        let mut options =
            json!({"tables": ["members"], "where": {"members": "id = :now"}, "now": now, "closure": true});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        options
    };
    let part = bench.export("part", options(2, json!({})));
    assert_eq!((&part["closure"], part.get("dangling")), (&json!(["members", "teams"]), None), "{part}");
    assert_eq!(part["selection"]["tables"], json!(["members", "teams"]));
    bench.change("UPDATE teams SET name = 'new' WHERE id IN (1, 3); UPDATE members SET team = NULL WHERE id = 2");
    let delta = bench.export("delta", options(4, json!({"base": "part"})));
    assert_eq!((&delta["full"], &delta["selection"]), (&json!(false), &part["selection"]));
    assert_eq!(bench.compose(&["part", "delta"]), bench.blob(options(4, json!({}))));
    let copy = memory();
    json(&copy, "SELECT backup_restore(?, ?)", params![bench.compose(&["part", "delta"]), bench.key]);
    assert_eq!(one::<String>(&copy, "SELECT group_concat(id) FROM members", []), "1,2,4");
    assert_eq!(one::<String>(&copy, "SELECT group_concat(id || name) FROM teams", []), "1new,4d");
    assert_eq!(one::<i64>(&copy, "SELECT count(*) FROM pragma_foreign_key_check", []), 0);
    let changes = "SELECT group_concat(table_name || ' ' || key || ' ' || change, ', ') FROM backup_diff(?, ?, ?)";
    let chain = json!([bench.path("part"), bench.path("delta")]).to_string();
    assert_eq!(
        one::<String>(&bench.db, changes, params![bench.read("part"), chain, bench.key]),
        "members 2 update, members 4 insert, teams 1 update, teams 2 delete, teams 4 insert"
    );
    // Without the closure, or with other foreign keys, it is another selection.
    let found = bench.export_error("x", json!({"tables": ["members", "teams"], "base": "part"}));
    assert!(found.contains("another selection"), "{found}");
    bench.change("CREATE TABLE aside(x REFERENCES teams)");
    bench.export("delta2", options(4, json!({"base": ["part", "delta"]})));
    bench.change("ALTER TABLE members ADD COLUMN second REFERENCES teams");
    let found = bench.export_error("x", options(4, json!({"base": "part"})));
    assert!(found.contains("another selection"), "{found}");
}

#[test]
fn deltas_stay_small_where_the_database_is_large() {
    let db = memory();
    db.execute_batch(
        "CREATE TABLE t(x UNIQUE, y); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 10000)
         INSERT INTO t SELECT i, hex(randomblob(40)) FROM c;",
    )
    .unwrap();
    let bench = Bench { key: key(&db), db, directory: directory() };
    let full = bench.export("0", json!({"ledger": "ledger"}));
    bench.change("DELETE FROM t WHERE x % 1000 = 1; INSERT INTO t VALUES (0, 'new')");
    let delta = bench.export("1", json!({"base": "0", "ledger": "ledger"}));
    assert_eq!(delta["changes"], 11);
    assert!(delta["bytes"].as_u64().unwrap() < 2000 && full["bytes"].as_u64().unwrap() > 400_000, "{delta}");
    // More writes than wait in memory: the table is read twice.
    bench.change("UPDATE t SET y = y || hex(zeroblob(500))");
    let large = bench.export("2", json!({"base": ["0", "1"], "ledger": "ledger"}));
    assert_eq!(large["changes"], 9_991);
    assert_eq!(bench.compose(&["0", "1", "2"]), bench.blob(json!({})));
    let estimated =
        json(&bench.db, "SELECT backup_estimate(?, ?)", params![bench.key, bench.options(json!({"base": ["0", "1"]}))]);
    assert_eq!((&estimated["bytes"], &estimated["rows"]), (&large["bytes"], &json!(9_991)));
}

#[test]
fn z26_an_estimate_is_exact() {
    let bench = Bench::new();
    let estimate =
        |options: Value| json(&bench.db, "SELECT backup_estimate(?, ?)", params![bench.key, bench.options(options)]);
    let check = |name: &str, options: Value| {
        let estimated = estimate(options.clone());
        let mut made = bench.export(name, options);
        made.as_object_mut().unwrap().remove("path");
        let rows = estimated["rows"].as_u64().unwrap();
        made["rows"] = json!(rows);
        assert_eq!(estimated, made);
        let length = fs::metadata(bench.path(name)).map_or(0, |file| file.len());
        assert_eq!(estimated["bytes"], length);
        rows
    };
    assert_eq!(check("0", json!({})), 10);
    assert_eq!(json(&bench.db, "SELECT backup_estimate(?)", [&bench.key])["rows"], 10);
    assert_eq!(check("nothing", json!({"base": "0"})), 10);
    bench.change(FIRST);
    assert_eq!(check("1", json!({"base": "0", "compress": "none"})), 9);
    assert_eq!(check("part", json!({"tables": ["people"], "where": {"people": "id < :now"}, "now": 2})), 1);
    estimate(json!({"ledger": "ledger"}));
    assert!(!bench.path("ledger").exists());
    let sql = "SELECT backup_estimate(?, '{\"replace\": true}')";
    assert!(error(&bench.db, sql, [&bench.key]).starts_with("backup_estimate: misuse: there is no option `replace`"));
}
