//! Each function in each host, and as many of them as are documented.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::host::{Host, dist, keygen, open, quote};
use lifeboat_host_tests::zkap::Size;
use serde_json::Value;
use tempfile::tempdir;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Z1 U10 U12: a host calls a function, with one SQL call for one purpose.
#[test]
fn each_in_each_host() {
    let database = corpus::zkap(Size::SMALL);
    for host in Host::ALL {
        let directory = tempdir().unwrap();
        let ask = |sql: String| host.ok(&database, &format!("SELECT {sql}"));
        let path = |name: &str| quote(directory.path().join(name));
        let version = json(&ask("backup_version()".into()));
        assert_eq!(version["sqlite"].as_str(), Some(ask("sqlite_version()".into()).as_str()), "{host:?}");
        let key = ask("backup_keygen()".into());
        assert!(key.starts_with("lifeboatkey1") && key.len() > 60, "a key of {} characters", key.len());
        let (key, bundle) = (quote(key), path("app.bundle"));
        let verify_key = ask(format!("backup_verify_key({key})"));
        assert!(verify_key.starts_with("lifeboatverify1"), "{verify_key}");
        assert_ne!(verify_key, ask(format!("backup_verify_key({key}, 'photos')")));

        let exported = json(&ask(format!("backup_export_file({key}, {bundle})")));
        let size = fs::metadata(directory.path().join("app.bundle")).unwrap().len();
        assert_eq!(
            (exported["bytes"].as_u64(), exported["verify_key"].as_str()),
            (Some(size), Some(verify_key.as_str()))
        );
        assert_eq!(ask(format!("length(backup_export({key}))")), size.to_string());
        let state = exported["state_id"].as_str().unwrap();
        for (arguments, verdict) in [
            (String::new(), "consistent"),
            (format!(", {}", quote(&verify_key)), "authentic"),
            (format!(", {key}"), "authentic"),
            (format!(", NULL, '{{\"level\": \"hashes\", \"expect\": \"{state}\"}}'"), "consistent"),
            (format!(", {key}, '{{\"level\": \"contents\", \"expect\": \"{state}\"}}'"), "authentic"),
            (format!(", {key}, '{{\"level\": \"restore\", \"expect\": \"{state}\"}}'"), "authentic"),
        ] {
            let report = json(&ask(format!("backup_verify({bundle}{arguments})")));
            assert_eq!(
                (report["verdict"].as_str(), report["state_id"].as_str()),
                (Some(verdict), Some(state)),
                "{report}"
            );
        }
        assert!(json(&ask(format!("backup_info({bundle})")))["tables"].is_null());
        assert_eq!(json(&ask(format!("backup_info({bundle}, {key})")))["tables"]["unblinded-tokens"], 512);
        let tables = ask(format!("name || ' ' || rows FROM backup_tables({bundle}, {key}) WHERE rows > 100"));
        assert_eq!(tables, "unblinded-tokens 512");
        assert_eq!(ask(format!("count(*) FROM backup_rows({bundle}, {key}, 'unblinded-tokens')")), "512");
        assert_eq!(ask(format!("row ->> 'version' FROM backup_rows({bundle}, {key}, 'version')")), "7");
        let restored = json(&ask(format!("backup_restore_file({bundle}, {key}, {})", path("copy.db"))));
        assert_eq!(restored["state_id"].as_str(), Some(state));
        let into_main = format!("SELECT backup_restore({bundle}, {key})");
        assert_eq!(json(&host.ok(Path::new(":memory:"), &into_main))["state_id"].as_str(), Some(state));
        assert_eq!(json(&ask(format!("backup_info(json_array({bundle}), {key})")))["state_id"].as_str(), Some(state));
    }
}

/// Z16 Z17: few functions, and the manual describes each of them once.
#[test]
fn as_documented() {
    let db = open(Path::new(":memory:"));
    let sql = "SELECT name FROM pragma_function_list WHERE name LIKE 'backup%' UNION
               SELECT name FROM pragma_module_list WHERE name LIKE 'backup%'";
    let mut statement = db.prepare(sql).unwrap();
    let there: BTreeSet<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let manual = corpus::workspace().join("sqlite-ext");
    let pages = fs::read_dir(manual.join("manual")).unwrap().map(|page| page.unwrap().path());
    let pages = pages.chain([manual.join("README.md")]).map(|page| fs::read_to_string(page).unwrap());
    let text: String = pages.collect();
    let headings: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## backup_")).collect();
    let documented: BTreeSet<String> = headings.iter().map(|name| format!("backup_{name}")).collect();
    assert_eq!((&there, there.len()), (&documented, headings.len()));
    assert!(there.len() <= 26, "{} functions are no longer few", there.len());
}

/// Z1: with TLS and S3 in it, too.
#[test]
fn the_file_is_small() {
    let bytes = fs::metadata(dist("liblifeboat.so")).unwrap().len();
    println!("the extension has {bytes} bytes");
    assert!(bytes <= 9_000_000, "{bytes} bytes");
}

/// A bundle is found where it was told, in paths with any characters.
#[test]
fn odd_paths() {
    let directory = tempdir().unwrap();
    let key = quote(keygen());
    let database = corpus::zkap(Size::SMALL);
    for name in
        ["with space", "quote's", "per%cent", "Größe 🛟", "-dash", "{brace}", "new\nline", "semi;colon", "?q=1#f"]
    {
        let (bundle, copy) = (directory.path().join(name), directory.path().join(format!("{name}.db")));
        let (bundle_text, copy_text) = (quote(&bundle), quote(&copy));
        Host::Shell.ok(&database, &format!("SELECT length(backup_export_file({key}, {bundle_text}))"));
        let restore = format!("SELECT length(backup_restore_file({bundle_text}, {key}, {copy_text}))");
        Host::Shell.ok(Path::new(":memory:"), &restore);
        assert!(bundle.exists() && copy.exists(), "{name}");
    }
}
