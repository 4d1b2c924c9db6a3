//! A shared configuration under a protection: it is read when the protection begins.

use crate::common::*;
use crate::scene::*;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn configure(scene: &Scene, boxes: &[&str], minimum: usize) {
    let copies: serde_json::Map<_, _> =
        boxes.iter().map(|name| ((*name).to_owned(), json!(format!("dir:{name}/copy")))).collect();
    write(scene, &json!({"copies": copies, "minimum": minimum}).to_string());
}

fn write(scene: &Scene, text: &str) {
    fs::write(scene.path("reserve.json"), text).unwrap();
    fs::set_permissions(scene.path("reserve.json"), fs::Permissions::from_mode(0o644)).unwrap();
}

#[test]
fn a_configuration_that_is_changed_meanwhile() {
    let scene = Scene::new("wal");
    ["one", "two", "three", "four"].iter().for_each(|name| fs::create_dir(scene.path(name)).unwrap());
    configure(&scene, &["one", "two", "three"], 2);
    let stores = format!("file:{}", scene.path("reserve.json").display());
    let db = scene.open();
    scene.protect_with(&db, &stores, json!({}));
    let reaches = |boxes: &[&str], rows: i64| {
        boxes.iter().for_each(|name| scene.wait_for_rows(&format!("{name}/copy"), rows));
        let now = wait_until_saved(&db);
        assert!(now["failed"].is_null(), "{now}");
        now["saved"]["done"].clone()
    };
    insert(&db, 1);
    assert_eq!(reaches(&["one", "two", "three"], 1), 3);
    // One box comes, one goes: the protection goes on as it began.
    configure(&scene, &["one", "two", "four"], 2);
    insert(&db, 1);
    assert_eq!(reaches(&["one", "two", "three"], 2), 3);
    assert_eq!(files_below(&scene.path("four")), [""; 0]);
    // Whoever asks for what stands there now is told the difference.
    let other = scene.open();
    let refused = |part: &str| {
        let error = scene.refused(&other, &stores, json!({}));
        assert!(
            error.starts_with("backup_protect: misuse: this database is protected already, in another way"),
            "{error}"
        );
        assert!(error.contains(part) && error.contains("backup_unprotect()"), "{error}");
    };
    refused("three/copy");
    configure(&scene, &["one", "two", "three"], 3);
    refused("there, the minimum is 2");
    let events = json!({"limits": {"saves": 9}});
    let copies = json!({"one": "dir:one/copy", "two": "dir:two/copy", "three": "dir:three/copy"});
    write(&scene, &json!({"copies": copies, "minimum": 2, "events": events}).to_string());
    refused("there, the settings of events are other ones");
    assert_eq!(status(&db)["holders"], 1);
    // A file that is no configuration hinders only who reads it.
    write(&scene, "{");
    insert(&db, 1);
    assert_eq!(reaches(&["one", "two", "three"], 3), 3);
    // It begins anew, with the new boxes. An empty one waits for a decision.
    configure(&scene, &["one", "two", "four"], 2);
    json(&db, "SELECT backup_unprotect()", []);
    scene.protect_with(&db, &stores, json!({}));
    insert(&db, 1);
    assert_eq!(reaches(&["one", "two"], 4), 2);
    let copies = json(&db, "SELECT backup_status()", [])["saved"]["copies"].clone();
    let four = copies.as_array().unwrap().iter().find(|copy| copy["copy"] == "four").unwrap();
    assert_eq!(four["state"], "new", "{copies}");
    assert!(four["why"].as_str().unwrap().contains("option `add`"), "{copies}");
    let added = json(&db, "SELECT backup_save(?, ?, '{\"add\": true}')", (&scene.key, &stores));
    assert_eq!(added["done"], 3, "{added}");
    insert(&db, 1);
    assert_eq!(reaches(&["one", "two", "four"], 5), 3);
    assert_eq!(scene.rows("three/copy"), Some(3), "it is left alone");
}
