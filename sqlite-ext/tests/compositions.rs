//! One bundle out of a chain.

mod common;

use common::bench::{Bench, FIRST, SECOND, flip};
use common::*;
use rusqlite::params;
use serde_json::{Value, json};
use std::fs;

#[test]
fn chains_that_make_no_bundle() {
    let mut bench = Bench::new();
    bench.export("0", json!({}));
    bench.change(FIRST);
    bench.export("1", json!({"base": "0"}));
    bench.change(SECOND);
    bench.export("2", json!({"base": ["0", "1"]}));
    bench.export("fork", json!({"base": "0"}));
    let other = key(&bench.db);
    for sql in ["SELECT backup_compose(?1, ?2), ?3", "SELECT backup_compose_file(?1, ?2, ?3)"] {
        let compose = |bench: &Bench, names: &[&str], key: &str| {
            bench.plain(&error(&bench.db, sql, params![bench.chain(names), key, bench.path("new").to_str()]))
        };
        for (names, wanted) in [
            (&["1", "0"][..], "mismatch: bundle 2 of the chain does not follow: it is a full bundle"),
            (&["0", "2"], "mismatch: bundle 2 of the chain does not follow: it leads on from the state"),
            (&["0", "1", "fork"], "mismatch: bundle 3 of the chain does not follow: a fork"),
            (&["0", "1", "1"], "mismatch: bundle 3 of the chain does not follow: it is bundle 2 again"),
            (&["0", "missing"], "host: the bundle '"),
            (&[], "misuse: the array of bundles is empty"),
        ] {
            let found = compose(&bench, names, &bench.key);
            assert!(found.contains(wanted), "{names:?}: {found}");
        }
        assert!(compose(&bench, &["0", "1"], &other).contains("wrong key: "));
        let damaged = bench.read("1");
        flip(&bench.path("1"), 120);
        let found = compose(&bench, &["0", "1", "2"], &bench.key);
        assert!(found.contains("corrupt: bundle 2 of the chain") && found.ends_with("1')"), "{found}");
        fs::write(bench.path("1"), damaged).unwrap();
        bench.db.progress_handler(1, Some(|| true)).unwrap();
        assert!(compose(&bench, &["0", "1", "2"], &bench.key).contains("interrupt"));
        bench.db.progress_handler(0, None::<fn() -> bool>).unwrap();
    }
    assert_eq!(bench.names(), ["0", "1", "2", "fork"]);
}

#[test]
fn compositions_in_files() {
    let bench = Bench::new();
    bench.export("0", json!({}));
    bench.change(FIRST);
    bench.export("1", json!({"base": "0"}));
    bench.change(SECOND);
    let last = bench.export("2", json!({"base": ["0", "1"]}));
    let sql = "SELECT backup_compose_file(?, ?, ?, ?)";
    let compose = |names: &[&str], name: &str, options: &str| {
        json(&bench.db, sql, params![bench.chain(names), bench.key, bench.path(name).to_str(), options])
    };
    let refused = |names: &[&str], name: &str| {
        error(&bench.db, sql, params![bench.chain(names), bench.key, bench.path(name).to_str(), "{}"])
    };
    let delta = compose(&["1", "2"], "delta", "{}");
    assert_eq!(bench.read("delta"), bench.blob(json!({"base": "0"})));
    assert_eq!((&delta["full"], &delta["changed"]), (&json!(false), &json!(true)));
    assert_eq!((&delta["state_id"], &delta["items"]), (&last["state_id"], &last["items"]));
    assert_eq!(compose(&["1", "2"], "delta", "{}")["changed"], false);
    assert!(
        refused(&["0", "1"], "delta")
            .contains("already exists and is another bundle, from which later ones may lead on")
    );
    let full = compose(&["0", "delta"], "full", "{}");
    assert_eq!(
        (&full["full"], &full["base_id"], &full["bytes"]),
        (&json!(true), &Value::Null, &json!(bench.read("full").len()))
    );
    assert_eq!(bench.read("full"), bench.blob(json!({})));

    let none = r#"{"compress": {"PEOPLE": "none"}, "replace": true}"#;
    compose(&["0", "1", "2"], "full", none);
    assert_eq!(bench.read("full"), bench.blob(json!({"compress": {"people": "none"}})));
    compose(&["1", "2"], "delta", r#"{"compress": {"log": "none", "People": "none"}, "replace": true}"#);
    assert_eq!(bench.read("delta"), bench.blob(json!({"base": "0", "compress": {"people": "none"}})));
    let found = error(
        &bench.db,
        sql,
        params![bench.chain(&["0", "1"]), bench.key, bench.path("x").to_str(), r#"{"compress": {"peple": "none"}}"#],
    );
    assert!(found.contains("misuse: the option `compress` names \"peple\""), "{found}");

    // In the place of one of the chain only if it is asked for; never in that of another file.
    assert!(refused(&["0", "1", "2"], "0").contains("is another bundle"));
    compose(&["0", "1", "2"], "0", r#"{"replace": true}"#);
    assert_eq!(bench.read("0"), bench.blob(json!({})));
    fs::write(bench.path("notes"), "notes").unwrap();
    assert!(refused(&["0"], "notes").contains("already exists and is not a bundle"));
    assert_eq!(bench.compose(&["0"]), bench.read("0"), "a chain of one");
    let blob: Vec<u8> = one(&bench.db, "SELECT backup_compose(?, ?)", params![bench.read("0"), bench.key]);
    assert_eq!(blob, bench.read("0"));
    let sql = "SELECT backup_compose(?, ?, '{\"replace\": true}')";
    let found = error(&bench.db, sql, params![bench.read("0"), bench.key]);
    assert_eq!(found, "backup_compose: misuse: there is no option `replace`; known options: compress");
}

/// One count of chunks and of rows, whoever is asked.
#[test]
fn reports_agree_on_their_numbers() {
    let bench = Bench::new();
    let full = bench.export("0", json!({}));
    bench.change(FIRST);
    let delta = bench.export("1", json!({"base": "0"}));
    let verify = |names: &[&str], key: Option<&str>| {
        json(&bench.db, "SELECT backup_verify(?, ?, NULL)", params![bench.chain(names), key])
    };
    let info = |names: &[&str]| json(&bench.db, "SELECT backup_info(?, ?)", params![bench.chain(names), bench.key]);
    let chunks = |report: &serde_json::Value| report["chunks"].as_u64().unwrap();
    for (names, exported) in
        [(vec!["0"], chunks(&full)), (vec!["1"], chunks(&delta)), (vec!["0", "1"], chunks(&full) + chunks(&delta))]
    {
        assert_eq!(chunks(&verify(&names, None)), exported, "{names:?}");
        assert_eq!(chunks(&verify(&names, Some(&bench.key))), exported, "{names:?}");
        let info = info(&names);
        assert_eq!(chunks(&info), exported, "{names:?}");
        if names.len() > 1 {
            let each: Vec<_> = info["bundles"].as_array().unwrap().iter().map(chunks).collect();
            assert_eq!(each, [chunks(&full), chunks(&delta)]);
        }
    }
    let composed = |names: &[&str], to: &str| {
        json(
            &bench.db,
            "SELECT backup_compose_file(?1, ?2, ?3)",
            params![bench.chain(names), bench.key, bench.path(to).to_str()],
        )
    };
    let whole = composed(&["0", "1"], "whole");
    assert_eq!(chunks(&whole), chunks(&verify(&["whole"], None)));
    let rows = &info(&["0", "1"])["rows"];
    assert!(rows.as_u64().unwrap() > 3 && rows != &whole["items"], "{whole}");
    let estimate = json(&bench.db, "SELECT backup_estimate(?)", [&bench.key]);
    let restored = json(&memory(), "SELECT backup_restore(?, ?)", params![bench.chain(&["0", "1"]), bench.key]);
    for (what, report) in [("compose", &whole), ("export", &delta), ("estimate", &estimate), ("restore", &restored)] {
        assert_eq!(&report["rows"], rows, "{what}: {report}");
    }
    assert_eq!(verify(&["0", "1"], Some(&bench.key))["rows"], *rows);
    assert_eq!(composed(&["1"], "delta").get("rows"), None, "deltas alone do not tell");
}
