//! The mistakes that people make first: arguments in each other's place, a key without `file:`, a
//! mistyped key. Each is told with its remedy, and no key is shown.

mod common;

use common::*;
use rusqlite::{Connection, params};
use std::fs;
use tempfile::TempDir;

struct Scene {
    db: Connection,
    key: String,
    verify_key: String,
    directory: TempDir,
}

impl Scene {
    fn new() -> Self {
        let (db, directory) = (memory(), directory());
        db.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (1)").unwrap();
        let key = key(&db);
        let scene = Self { verify_key: one(&db, "SELECT backup_verify_key(?)", [&key]), db, key, directory };
        fs::write(scene.path("recovery.key"), &scene.key).unwrap();
        fs::write(scene.path("plain"), &scene.key).unwrap();
        json(&scene.db, "SELECT backup_export_file(?, ?)", params![scene.key, scene.path("app.bundle")]);
        scene
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// What a statement says in which `{key}`, `{verify}`, `{bare}` (the key without its prefix),
    /// `{here}` and `{state}` are replaced.
    #[track_caller]
    fn said(&self, sql: &str) -> String {
        let here = self.directory.path().display().to_string();
        let sql = sql.replace("{key}", &self.key).replace("{verify}", &self.verify_key).replace("{here}", &here);
        let said = error(&self.db, &sql.replace("{bare}", &self.key[12..]), []);
        let shown = said.to_ascii_lowercase();
        assert!(!shown.contains(&self.key[30..50]), "{sql}: {said}");
        said
    }
}

#[test]
fn arguments_in_each_others_place() {
    let scene = Scene::new();
    let forms = "give the text that backup_keygen() made, or 'file:PATH', or 'env:NAME'";
    let file = "for the key in a file, write 'file:PATH'";
    let order = "look at the order of the arguments";
    for (sql, wanted) in [
        // The key's file without `file:`.
        ("backup_export('{here}/recovery.key')", vec!["this is not a recovery key", file]),
        ("backup_export('recovery.key')", vec![file]),
        ("backup_verify_key('{here}/plain')", vec![file]),
        ("backup_export_file('{here}/recovery.key', '{here}/x.bundle')", vec![file, order]),
        ("backup_verify('{here}/app.bundle', '{here}/recovery.key')", vec![file]),
        ("backup_restore_file('{here}/app.bundle', '{here}/recovery.key', '{here}/x.db')", vec![file]),
        ("backup_export('secret')", vec![forms]),
        ("backup_export('')", vec!["the text is empty", forms]),
        ("backup_export(NULL)", vec!["the key is NULL", forms]),
        ("backup_export(12)", vec!["a number stands where the key belongs", forms]),
        // Something else in its place.
        ("backup_export('{\"domain\": \"x\"}')", vec!["the options come last", forms]),
        ("backup_verify('{here}/app.bundle', '{\"level\": \"hashes\"}')", vec!["the options come last", forms]),
        ("backup_compose('file:{here}/recovery.key', '[\"{here}/app.bundle\"]')", vec![order]),
        ("backup_compose('{here}/app.bundle', '[\"a\"]')", vec!["an array stands where the key belongs", order, forms]),
        ("backup_verify('{here}/app.bundle', x'00')", vec!["a BLOB stands where the key belongs", order, forms]),
        ("backup_export_file('{here}/x.bundle', 'file:{here}/recovery.key')", vec![file, order]),
        ("backup_export('{verify}')", vec!["this is not a recovery key: a verify key stands in its place"]),
        // The key where a path belongs.
        ("backup_verify('{key}')", vec!["a recovery key stands where the path of the bundle belongs", order]),
        ("backup_verify(' {key}', '{here}/app.bundle')", vec!["a recovery key stands where the path of the bundle"]),
        ("backup_verify('{verify}', '{here}/app.bundle')", vec!["a verify key stands where the path of the bundle"]),
        (
            "backup_info('file:{here}/recovery.key', '{here}/app.bundle')",
            vec!["recovery.key' holds a recovery key, and stands where a configuration of stores belongs", order],
        ),
        ("backup_restore('env:KEY', '{here}/app.bundle')", vec!["stands where the path of the bundle belongs", order]),
        ("backup_export_file('{key}', '{key}')", vec!["a recovery key stands where the path of the target belongs"]),
        ("backup_export_file('{key}', 'FILE:{here}/x')", vec!["stands where the path of the target belongs", order]),
        (
            "backup_export_file('{key}', '{\"replace\": true}')",
            vec!["a JSON object stands where the path of the target"],
        ),
        ("backup_export('{key}', '{\"base\": \"{key}\"}')", vec!["a recovery key stands where the path of the base"]),
        ("backup_export('{key}', '{\"ledger\": \"file:x\"}')", vec!["stands where the path of the ledger belongs"]),
        // Something else where options belong.
        ("backup_export('{key}', '{here}/app.bundle')", vec!["the options must be a JSON object such as", order]),
        ("backup_export('{key}', '{key}')", vec!["the options must be a JSON object such as", order]),
    ] {
        let found = scene.said(&format!("SELECT {sql}"));
        assert!(found.contains(": misuse: "), "{sql}: {found}");
        for wanted in wanted {
            assert!(found.contains(wanted), "{sql}: {found}");
        }
    }
    let tables = scene.said("SELECT * FROM backup_tables('{here}/app.bundle', '{here}/recovery.key')");
    assert!(tables.starts_with("backup_tables: misuse: ") && tables.contains(file), "{tables}");
    assert_eq!(names(scene.directory.path()), ["app.bundle", "plain", "recovery.key"]);
}

/// `file:` before a path is a key's file where a key stands, and a configuration where stores stand.
#[test]
fn a_configuration_and_a_key_in_each_others_place() {
    let scene = Scene::new();
    fs::create_dir(scene.path("copy")).unwrap();
    fs::write(scene.path("reserve.json"), "{\"copies\": {\"office\": \"dir:copy\"}}\n").unwrap();
    fs::write(scene.path("long.json"), format!("{{\"copies\": {{\"office\": \"dir:copy\"}}}}{}", " ".repeat(5000)))
        .unwrap();
    fs::write(scene.path("secret.json"), format!("{{\"copies\": {{\"office\": \"dir:{}\"}}}}", scene.key)).unwrap();
    fs::write(scene.path("verify.key"), &scene.verify_key).unwrap();
    let app = Connection::open(scene.path("app.db")).unwrap();
    app.execute_batch("CREATE TABLE t(x)").unwrap();
    let (order, holds) = ("look at the order of the arguments", "and stands where a configuration of stores belongs");
    let json = "/reserve.json': it holds JSON, as a configuration of stores does, and no key";
    for (sql, wanted) in [
        ("backup_save('file:{here}/reserve.json', 'file:{here}/recovery.key')", vec![json, order]),
        ("backup_scrub('file:{here}/reserve.json', 'file:{here}/reserve.json')", vec![json, order]),
        (
            "backup_restore('file:{here}/recovery.key', 'file:{here}/reserve.json')",
            vec!["holds a recovery key", holds, order],
        ),
        ("backup_verify('file:{here}/recovery.key', '{here}/app.bundle')", vec!["holds a recovery key", holds, order]),
        (
            "backup_scrub('file:{here}/recovery.key', 'file:{here}/recovery.key')",
            vec!["holds a recovery key", holds, order],
        ),
        ("backup_scrub('file:{here}/verify.key', 'file:{here}/verify.key')", vec!["holds a verify key", holds, order]),
        ("backup_save('file:{here}/long.json', 'file:{here}/reserve.json')", vec!["is longer than 4096 bytes", order]),
        ("backup_save('{key}', 'file:{here}/secret.json')", vec!["holds a recovery key; it is shared with others"]),
        (
            "backup_save('{key}', '{here}/reserve.json')",
            vec!["this is a path, not a store; write 'file:", "/reserve.json'"],
        ),
        ("backup_save('{key}', '[\"file:{here}/reserve.json\"]')", vec!["element 1 of the array", "stands alone"]),
        ("backup_save('{key}', '[\"file:{here}/recovery.key\", \"env:X\"]')", vec!["element 1 of the array: 'file:'"]),
        ("backup_verify('[\"file:{here}/recovery.key\"]', '{key}')", vec!["it is the file of a key", order]),
        ("backup_save('{key}', 'file:{here}/app.db')", vec!["is a database, not", order]),
        ("backup_save('{key}', 'file:{here}/app.bundle')", vec!["the configuration", "is not well-formed UTF-8 text"]),
        (
            "backup_save('{key}', 'file:{here}/reserve.json', '{\"minimum\": 2}')",
            vec!["`minimum` is 2, and there are 1"],
        ),
        ("backup_prune('file:{here}/reserve.json', '{key}')", vec!["`retention` in a shared configuration"]),
        (
            "backup_prune('file:{here}/reserve.json', '{key}', '{\"copy\": \"cellar\"}')",
            vec!["names no copy of the configuration; its copies are office"],
        ),
    ] {
        let found = scene.said(&format!("SELECT {sql}"));
        assert!(found.contains(": misuse: ") || found.contains(": host: "), "{sql}: {found}");
        for wanted in wanted {
            assert!(found.contains(wanted), "{sql}: {found}");
        }
    }
    let said = scene.said("SELECT * FROM backup_log('file:{here}/recovery.key', '{key}')");
    assert!(said.contains(holds), "{said}");
    assert_eq!(names(&scene.directory.path().join("copy")), [""; 0]);
}

#[test]
fn keys_are_read_as_people_write_them() {
    let scene = Scene::new();
    let groups: Vec<_> = scene.key.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
    let upper = scene.key.to_uppercase();
    for text in [groups.join(" "), groups.join("\n"), upper.clone(), format!("\u{feff}{} \r\n", groups.join("  "))] {
        fs::write(scene.path("typed"), &text).unwrap();
        for given in [text.clone(), format!("file:{}", scene.path("typed"))] {
            assert_eq!(one::<String>(&scene.db, "SELECT backup_verify_key(?)", [given]), scene.verify_key, "{text:?}");
        }
    }
    let groups: Vec<_> =
        scene.verify_key.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
    let verdict = "SELECT backup_verify(?, ?) ->> 'verdict'";
    for text in [groups.join(" "), scene.verify_key.to_uppercase()] {
        assert_eq!(one::<String>(&scene.db, verdict, params![scene.path("app.bundle"), text]), "authentic");
    }
}

#[test]
fn a_mistyped_key_is_told_as_such() {
    let scene = Scene::new();
    let with = |at: usize, character: &str| format!("{}{character}{}", &scene.key[..at], &scene.key[at + 1..]);
    let other = |at: usize| if &scene.key[at..=at] == "q" { "p" } else { "q" };
    for (text, why) in [
        (with(40, other(40)), "a character is wrong"),
        (with(40, "b"), "a character is wrong"),
        (with(40, ""), "characters are missing"),
        (with(40, "qq"), "there are too many characters"),
        (with(2, "t"), "a character of its beginning is wrong"),
    ] {
        fs::write(scene.path("typed"), &text).unwrap();
        let found = error(&scene.db, "SELECT backup_export(?)", [&text]);
        assert!(
            found.starts_with("backup_export: misuse: this is not a recovery key: ") && found.contains(why),
            "{found}"
        );
        let found = error(&scene.db, "SELECT backup_export('file:' || ?)", [scene.path("typed")]);
        assert!(found.contains("the key's file '") && found.contains("/typed': this is not a recovery key"), "{found}");
        assert!(found.contains(why), "{found}");
    }
}

/// The beginning of a key is mistyped: the error names each beginning that such a key can have.
#[test]
fn the_beginning_that_a_key_should_have_is_named() {
    let scene = Scene::new();
    let made = |function: &str| one::<String>(&scene.db, &format!("SELECT {function}(?)"), [&scene.key]);
    let (write, read) = (made("backup_write_key"), made("backup_read_key"));
    let any = "this is not a recovery key, write key or read key: it should start with \"lifeboatkey1\", \
               \"lifeboatwrite1\" or \"lifeboatread1\"";
    let alone = |kind: &str, beginning: &str| {
        format!("this is not a {kind}: a character of its beginning is wrong, which should be \"{beginning}\"; compare")
    };
    for (text, why) in [
        (scene.key.replacen("key", "kex", 1), alone("recovery key", "lifeboatkey1")),
        (write.replacen("write", "wrote", 1), alone("write key", "lifeboatwrite1")),
        (write.replacen("write", "writ", 1), alone("write key", "lifeboatwrite1")),
        (read.replacen("read", "raed", 1), alone("read key", "lifeboatread1")),
        ("swordfish".to_owned(), any.to_owned()),
    ] {
        let found = error(&scene.db, "SELECT backup_export(?)", [&text]);
        assert!(found.starts_with(&format!("backup_export: misuse: {why}")), "{found}");
        assert!(!found.contains(&text[text.len() - 30.min(text.len() / 2)..]), "{found}");
    }
    // A verify key will do here.
    let bundle = scene.path("app.bundle");
    let verify = |text: &str| error(&scene.db, "SELECT backup_verify(?, ?)", [bundle.as_str(), text]);
    let found = verify("swordfish");
    assert!(found.contains("this is not a recovery key, write key, read key or verify key: it should"), "{found}");
    assert!(found.contains("\"lifeboatread1\" or \"lifeboatverify1\""), "{found}");
    let found = verify(&scene.verify_key.replacen("verify", "verfiy", 1));
    assert!(found.contains(&alone("verify key", "lifeboatverify1")), "{found}");
}

#[test]
fn state_ids_may_come_in_groups() {
    let scene = Scene::new();
    let bundle = scene.path("app.bundle");
    let id: String = one(&scene.db, "SELECT backup_info(?) ->> 'state_id'", [&bundle]);
    let groups: Vec<_> = id.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
    let verify = "SELECT backup_verify(?, NULL, json_object('expect', ?)) ->> 'verdict'";
    for text in [groups.join(" "), groups.join(" ").to_uppercase(), format!("{}\n", groups.join("\n"))] {
        assert_eq!(one::<String>(&scene.db, verify, params![bundle, text]), "consistent");
    }
    for text in ["", "abcd", &id[1..], &format!("{id}a"), &id.replace(&id[..1], "g")] {
        let found = error(&scene.db, verify, params![bundle, text]);
        assert!(found.contains("must be a state id: 64 hexadecimal digits"), "{found}");
    }
}

/// A key that somebody puts where nobody expects one, without its prefix, in groups, with another
/// prefix.
#[test]
fn no_form_of_a_key_is_shown() {
    let scene = Scene::new();
    let (groups, bare) = (scene.key.as_bytes().chunks(4).map(|four| str::from_utf8(four).unwrap()), &scene.key[12..]);
    let groups = groups.collect::<Vec<_>>().join(" ");
    for form in [bare, &groups, &format!("lifebootkey1{bare}"), &format!("lifeboatshare1{bare}"), &bare.to_uppercase()]
    {
        for sql in [
            "SELECT backup_export('x' || ?1)",
            "SELECT backup_export(?2, json_object('domain', 'x', ?1, 1))",
            "SELECT backup_export(?2, json_object('tables', json_array(?1)))",
            "SELECT backup_export(?2, json_object('schema', ?1))",
            "SELECT backup_export(?2, json_object('where', json_object('t', ?1)))",
            "SELECT backup_export(?2, json_object('base', ?1))",
            "SELECT backup_verify(?1)",
            "SELECT backup_verify(json_array(?1, ?1), ?2)",
            "SELECT backup_export_file(?2, ?1 || '/x')",
            "SELECT backup_restore_file(?1, ?2, 'x')",
            "SELECT * FROM backup_rows(backup_export(?2), ?2, ?1)",
        ] {
            let mut statement = scene.db.prepare(sql).unwrap();
            let given = [form, &scene.key];
            let count = statement.parameter_count();
            let found = statement.query(rusqlite::params_from_iter(&given[..count]));
            let found = found.and_then(|mut rows| rows.next().map(drop)).expect_err(sql).to_string();
            let shown: String = found.to_lowercase().split_whitespace().collect();
            assert!(!shown.contains(&bare[20..40]), "{sql}: {found}");
        }
    }
    // A verify key is public.
    let found = error(
        &scene.db,
        "SELECT backup_export(?, json_object('tables', json_array(?)))",
        [&scene.key, &scene.verify_key],
    );
    assert!(found.contains(&scene.verify_key), "{found}");
}

#[test]
fn keys_never_stand_in_errors() {
    let (db, key, bundle) = sample();
    let directory = directory();
    let path = directory.path().join("a.bundle").display().to_string();
    let wrong = format!("{}{}", &key[..key.len() - 1], if key.ends_with('q') { 'p' } else { 'q' });
    let body = &key[20..50];
    let mut checked = 0;
    for sql in [
        "SELECT backup_export(?2)",
        "SELECT backup_export('file:' || ?1)",
        "SELECT backup_export('env:' || ?1)",
        "SELECT backup_export(' x' || ?1)",
        "SELECT backup_export(?1, ?1)",
        "SELECT backup_export(?1, json_object('domain', ?1, ?1, 1))",
        "SELECT backup_export(?1, json_object('compress', ?1))",
        "SELECT backup_export(?1, json_object('compress', json_object(?1, 'none')))",
        "SELECT backup_export(?1, json_object('schema', ?1))",
        "SELECT backup_export(?1, json_object('base', ?1))",
        "SELECT backup_export(?1, json_object('base', json_array('./' || ?1)))",
        "SELECT backup_export(?1, json_object('ledger', ?1, ?1, 1))",
        "SELECT backup_export(?1, json_object('tables', json_array(?1)))",
        "SELECT backup_export(?1, json_object('where', json_object('t', ?1)))",
        "SELECT backup_export(?1, json_object('where', json_object(?1, '1')))",
        "SELECT backup_estimate(?1, json_object('base', ?4 || ?1))",
        "SELECT backup_compose(?1, ?1)",
        "SELECT backup_compose_file(?3, ?1, ?1)",
        "SELECT backup_export_file(?4, ?1)",
        "SELECT backup_export_file(?1, ?4, json_object('ledger', '/none/' || ?1))",
        "SELECT backup_export_file(?1, ?1)",
        "SELECT backup_export_file(?1, '/none/' || ?1)",
        "SELECT backup_verify(?1, ?3)",
        "SELECT backup_verify(?1)",
        "SELECT backup_verify(?3, ?2)",
        "SELECT backup_verify('./' || ?1, ?1)",
        "SELECT backup_verify(?3, ?1, json_object('expect', ?1))",
        "SELECT backup_verify(?3, ?1, json_object('level', ?1))",
        "SELECT backup_info(?1, ?3)",
        "SELECT backup_info('[\"' || ?1 || '\"]', ?1)",
        "SELECT backup_restore(?1, ?3)",
        "SELECT backup_restore(?3, ?1)",
        "SELECT backup_restore_file(?3, ?1, ?1)",
        "SELECT backup_restore_file(?3, ?4, ?1)",
        "SELECT backup_verify_key(?2)",
        "SELECT backup_verify_key(?1, CAST(x'ff' AS TEXT) || ?1)",
        "SELECT * FROM backup_tables(?1, ?3)",
        "SELECT * FROM backup_tables(?3, ?2)",
        "SELECT * FROM backup_rows(?3, ?1, ?1)",
        "SELECT * FROM backup_rows(?1, ?3, 't')",
    ] {
        let all = params![key, wrong, bundle, path];
        let mut statement = db.prepare(sql).unwrap();
        for number in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(number, all[number - 1]).unwrap();
        }
        let found = statement.raw_query().next().map(|_| ()).expect_err(sql).to_string();
        assert!(!found.to_ascii_lowercase().contains(body), "{sql}: {found}");
        checked += 1;
    }
    assert_eq!(checked, 40);
    assert_eq!(names(directory.path()), [""; 0]);
    let hidden = db.query_row("SELECT recovery_key FROM backup_tables(?, ?)", params![bundle, key], |row| {
        row.get::<_, Option<String>>(0)
    });
    assert_eq!(hidden, Ok(None));
}
