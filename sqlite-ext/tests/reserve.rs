//! The story of a reserve: an owner, five boxes with keepers, and what happens to them.

mod common;

use common::*;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const FIVE: [&str; 5] = ["basement", "office", "cabin", "parents", "friend"];

/// The boxes, and what the owner and the keepers have.
struct Reserve {
    directory: TempDir,
    /// The recovery key. Only the owner has it.
    key: String,
    /// The verify key. Each keeper has it.
    public: String,
}

/// The objects of a copy: their names, and their bytes.
type Objects = BTreeMap<PathBuf, Vec<u8>>;

impl Reserve {
    /// Makes the five boxes.
    fn new() -> Self {
        let directory = directory();
        let db = memory();
        let key = key(&db);
        let public = one(&db, "SELECT backup_verify_key(?)", [&key]);
        let reserve = Self { directory, key, public };
        FIVE.iter().for_each(|name| fs::create_dir(reserve.place(name)).unwrap());
        reserve.configure(&FIVE);
        reserve
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The box itself. Its copy is in a directory below.
    fn place(&self, name: &str) -> PathBuf {
        self.path(name)
    }

    fn copy(&self, name: &str) -> PathBuf {
        self.place(name).join("copy")
    }

    /// Writes the shared configuration. All machines get the same one.
    fn configure(&self, boxes: &[&str]) {
        let copies: Vec<_> = boxes.iter().map(|name| format!("\"{name}\": \"dir:{name}/copy\"")).collect();
        let shared =
            format!("{{\"copies\": {{{}}}, \"minimum\": 3, \"retention\": {{\"last\": 3}}}}", copies.join(", "));
        write_config(&self.path("reserve.json"), &shared);
    }

    /// The stores, as everybody names them.
    fn stores(&self) -> String {
        format!("file:{}", self.path("reserve.json").display())
    }

    fn save(&self, db: &Connection, options: Value) -> Value {
        json(db, "SELECT backup_save(?, ?, ?)", params![self.key, self.stores(), options.to_string()])
    }

    fn save_fails(&self, db: &Connection, options: Value) -> String {
        error(db, "SELECT backup_save(?, ?, ?)", params![self.key, self.stores(), options.to_string()])
    }

    /// What a keeper finds, who has the verify key alone. The only series.
    fn scrub(&self, options: Value) -> (Value, Value) {
        let parameters = params![self.stores(), self.public, options.to_string()];
        let report = json(&memory(), "SELECT backup_scrub(?, ?, ?)", parameters);
        (report.clone(), report["series"][0].clone())
    }

    fn prune(&self, options: Value) -> Value {
        json(&memory(), "SELECT backup_prune(?, ?, ?)", params![self.stores(), self.key, options.to_string()])
    }

    /// All objects of a copy.
    fn objects(&self, name: &str) -> Objects {
        let (mut found, mut left) = (Objects::new(), vec![self.copy(name)]);
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    left.push(entry.path());
                } else {
                    let below = entry.path().strip_prefix(self.copy(name)).unwrap().to_owned();
                    found.insert(below, fs::read(entry.path()).unwrap());
                }
            }
        }
        found
    }

    /// The bundles of a copy, the longest first.
    fn bundles(&self, name: &str) -> Vec<PathBuf> {
        let objects = self.objects(name);
        let mut bundles: Vec<_> =
            objects.iter().filter(|(path, _)| path.components().any(|part| part.as_os_str() == "bundles")).collect();
        bundles.sort_by_key(|(_, bytes)| std::cmp::Reverse(bytes.len()));
        bundles.into_iter().map(|(path, _)| self.copy(name).join(path)).collect()
    }

    /// The photos in the state that this names.
    fn photos(&self, stores: &str) -> Vec<String> {
        let db = memory();
        let mut statement = db.prepare("SELECT json(row) FROM backup_rows(?, ?, 'photo')").unwrap();
        let rows = statement.query_map([stores, &self.key], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}

fn write_config(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
}

fn bytes(objects: &Objects) -> usize {
    objects.values().map(Vec::len).sum()
}

fn of_copy<'a>(report: &'a Value, name: &str) -> &'a Value {
    let copies = report["copies"].as_array().unwrap();
    copies.iter().find(|copy| copy["copy"] == name).unwrap_or_else(|| panic!("{name}: {report}"))
}

fn states(report: &Value) -> Vec<(&str, &str)> {
    let copies = report["copies"].as_array().unwrap();
    copies.iter().map(|copy| (copy["copy"].as_str().unwrap(), copy["state"].as_str().unwrap())).collect()
}

fn take(db: &Connection, name: &str, bytes: i64) {
    db.execute("INSERT INTO photo VALUES (?, randomblob(?))", params![name, bytes]).unwrap();
}

fn names_of(db: &Connection) -> String {
    one(db, "SELECT group_concat(name, ' ' ORDER BY name) FROM photo", [])
}

#[test]
fn a_reserve_of_five_boxes() {
    let reserve = Reserve::new();
    let saved = the_owner_saves(&reserve);
    keepers_check_without_the_key(&reserve);
    let db = the_basement_floods(&reserve, &saved);
    a_new_box_gets_what_it_lacks_and_nothing_else(&reserve, &db);
    a_disk_rots_and_a_keeper_heals_it(&reserve);
    the_owner_deletes_the_wrong_photos(&reserve, &db);
    two_machines_save_and_the_owner_decides(&reserve, db);
    old_saves_go_and_not_too_many(&reserve);
}

/// The first saves, from the machine in the basement.
fn the_owner_saves(reserve: &Reserve) -> String {
    let db = open(&reserve.place("basement").join("photos.db"));
    db.execute_batch("CREATE TABLE photo(name TEXT PRIMARY KEY, jpeg BLOB)").unwrap();
    for (number, name) in (1..).zip(["ada", "bob", "cleo"]) {
        take(&db, name, 20_000);
        let summary = reserve.save(&db, json!({"date": format!("2026-11-0{number}T12:00:00Z")}));
        assert_eq!((&summary["number"], &summary["done"], &summary["minimum"]), (&json!(number), &json!(5), &json!(3)));
        assert_eq!(states(&summary), FIVE.map(|name| (name, "done")));
    }
    let copies = FIVE.map(|name| reserve.objects(name));
    assert!(copies.iter().all(|copy| *copy == copies[0]) && copies[0].len() >= 6);
    names_of(&db)
}

/// Each keeper names the same copies, and reaches the own one as a directory of the box.
fn keepers_check_without_the_key(reserve: &Reserve) {
    let db = memory();
    for name in FIVE {
        let own = reserve.copy(name);
        let local = json!({"shared": "../reserve.json", "here": {name: format!("dir:{}", own.display())}});
        write_config(&reserve.place(name).join("local.json"), &local.to_string());
        let stores = format!("file:{}", reserve.place(name).join("local.json").display());
        let options = json!({"level": "hashes", "repair": true}).to_string();
        let report = json(&db, "SELECT backup_scrub(?, ?, ?)", params![stores, reserve.public, options]);
        assert_eq!((&report["sound"], &report["series"][0]["number"]), (&json!(true), &json!(3)), "{report}");
        let copy = of_copy(&report["series"][0], name);
        assert_eq!(copy["store"], format!("dir:{}", own.display()));
        assert_eq!((&copy["complete"], &copy["copied"]["objects"]), (&json!(true), &json!(0)));
        // What the keeper has opens nothing, and saves nothing.
        let stores = stores.as_str();
        let said = error(&db, "SELECT * FROM backup_rows(?, ?, 'photo')", [stores, &reserve.public]);
        assert!(said.contains("a verify key stands in its place"), "{said}");
        let said = error(&db, "SELECT backup_prune(?, ?, '{\"keep\": {\"last\": 1}}')", [stores, &reserve.public]);
        assert!(said.contains("a verify key signs nothing"), "{said}");
    }
}

/// The box in the basement is gone, with the machine that saved. The owner goes on elsewhere, from any one box.
fn the_basement_floods(reserve: &Reserve, saved: &str) -> Connection {
    fs::remove_dir_all(reserve.place("basement")).unwrap();
    // One box alone is enough.
    for name in &FIVE[1..] {
        let target = reserve.path("one box.db").display().to_string();
        let store = format!("dir:{}", reserve.copy(name).display());
        json(&memory(), "SELECT backup_restore_file(?, ?, ?)", [&store, &reserve.key, &target]);
        assert_eq!(names_of(&Connection::open(&target).unwrap()), saved, "{name}");
        fs::remove_file(target).unwrap();
    }
    let db = open(&reserve.path("photos.db"));
    let restored = json(&db, "SELECT backup_restore(?, ?, '{\"resume\": true}')", [&reserve.stores(), &reserve.key]);
    assert_eq!(of_copy(&restored["series"], "basement")["state"], "absent");
    assert_eq!(names_of(&db), saved);
    // The configuration still names the basement. Saves go on: the minimum is three.
    take(&db, "dora", 20_000);
    let summary = reserve.save(&db, json!({"date": "2026-11-04T12:00:00Z"}));
    assert_eq!((&summary["number"], &summary["done"]), (&json!(4), &json!(4)));
    let basement = of_copy(&summary, "basement");
    assert_eq!(basement["state"], "away", "{basement}");
    // It is taken out of the configuration, and nothing else is to be done.
    reserve.configure(&FIVE[1..]);
    let summary = reserve.save(&db, json!({}));
    assert_eq!((&summary["changed"], &summary["done"]), (&json!(false), &json!(4)));
    assert_eq!(reserve.scrub(json!({"level": "hashes"})).0["sound"], true);
    db
}

const NOW: [&str; 5] = ["office", "cabin", "parents", "friend", "attic"];

/// A new box is empty. It is filled once somebody says so: a keeper can, without the key.
fn a_new_box_gets_what_it_lacks_and_nothing_else(reserve: &Reserve, db: &Connection) {
    fs::create_dir(reserve.place("attic")).unwrap();
    reserve.configure(&NOW);
    let summary = reserve.save(db, json!({}));
    let attic = of_copy(&summary, "attic");
    assert_eq!((attic["state"].as_str(), &summary["done"]), (Some("new"), &json!(4)));
    assert!(attic["why"].as_str().unwrap().contains("fill it with the option `add`"), "{attic}");
    let (report, series) = reserve.scrub(json!({"repair": true}));
    let attic = of_copy(&series, "attic");
    assert_eq!((&report["sound"], attic["state"].as_str()), (&json!(false), Some("empty")), "{report}");
    assert!(attic["why"].as_str().unwrap().contains("the options `repair` and `add`"), "{attic}");
    // Somebody has carried a part of it there on a stick.
    let all = reserve.objects("office");
    let carried: Vec<_> = all.iter().filter(|(path, _)| path.to_string_lossy().contains("bundles")).skip(1).collect();
    assert!(!carried.is_empty());
    for (path, bytes) in &carried {
        let path = reserve.copy("attic").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let before = NOW[..4].iter().map(|name| reserve.objects(name)).collect::<Vec<_>>();
    let (report, series) = reserve.scrub(json!({"repair": true, "add": true}));
    let copied = &of_copy(&series, "attic")["copied"];
    let lacked = bytes(&all) - carried.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    assert_eq!(report["sound"], true, "{report}");
    assert_eq!(copied, &json!({"objects": all.len() - carried.len(), "bytes": lacked}));
    assert!(reserve.objects("attic") == all, "the new copy has the objects of the others, and no other ones");
    assert!(NOW[..4].iter().zip(before).all(|(name, before)| reserve.objects(name) == before));
    let (_, series) = reserve.scrub(json!({"repair": true, "add": true, "level": "hashes"}));
    assert!(NOW.iter().all(|name| of_copy(&series, name)["copied"] == json!({"objects": 0, "bytes": 0})));
    // The next save counts it.
    take(db, "emil", 20_000);
    let summary = reserve.save(db, json!({"date": "2026-11-05T12:00:00Z"}));
    assert_eq!((&summary["number"], &summary["done"]), (&json!(5), &json!(5)));
}

/// Bits flip, files are cut, vanish, or hold something else: a keeper finds each, and heals it from another box.
fn a_disk_rots_and_a_keeper_heals_it(reserve: &Reserve) {
    let sound = reserve.objects("cabin");
    let bundles = reserve.bundles("cabin");
    let (flipped, cut, gone, junk) = (&bundles[0], &bundles[1], &bundles[2], &bundles[3]);
    let mut bytes = fs::read(flipped).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(flipped, bytes).unwrap();
    fs::write(cut, &fs::read(cut).unwrap()[..100]).unwrap();
    fs::remove_file(gone).unwrap();
    fs::write(junk, b"junk").unwrap();
    fs::write(reserve.copy("cabin").join("lost+found"), b"junk").unwrap();
    let (report, series) = reserve.scrub(json!({"level": "hashes"}));
    let cabin = of_copy(&series, "cabin");
    assert_eq!((&report["sound"], &cabin["complete"]), (&json!(false), &json!(false)));
    assert_eq!((&cabin["damaged"]["count"], &cabin["missing"]["count"]), (&json!(3), &json!(1)), "{cabin}");
    assert!(NOW.iter().all(|name| *name == "cabin" || of_copy(&series, name)["complete"] == true));
    // All of it is still readable meanwhile, over all boxes together.
    assert_eq!(reserve.photos(&reserve.stores()).len(), 5);
    let (report, series) = reserve.scrub(json!({"level": "hashes", "repair": true}));
    let cabin = of_copy(&series, "cabin");
    assert_eq!((&report["sound"], &cabin["copied"]["objects"]), (&json!(true), &json!(4)), "{report}");
    fs::remove_file(reserve.copy("cabin").join("lost+found")).unwrap();
    assert!(reserve.objects("cabin") == sound, "the copy is what it was");
}

/// A mistake is saved, too. Earlier saves are still there.
fn the_owner_deletes_the_wrong_photos(reserve: &Reserve, db: &Connection) {
    let before = names_of(db);
    db.execute("DELETE FROM photo WHERE name < 'd'", []).unwrap();
    assert_eq!(reserve.save(db, json!({"date": "2026-11-06T12:00:00Z"}))["number"], 6);
    let stores = reserve.stores();
    assert_eq!(reserve.photos(&stores).len(), 2);
    for selector in ["#seq=5", "#at=2026-11-05"] {
        let target = reserve.path("before.db").display().to_string();
        let chosen = format!("{stores}{selector}");
        json(&memory(), "SELECT backup_restore_file(?, ?, ?)", [&chosen, &reserve.key, &target]);
        assert_eq!(names_of(&Connection::open(&target).unwrap()), before, "{selector}");
        db.execute("ATTACH ? AS earlier", [&target]).unwrap();
        db.execute_batch("INSERT OR IGNORE INTO photo SELECT * FROM earlier.photo; DETACH earlier").unwrap();
        fs::remove_file(target).unwrap();
    }
    assert_eq!(names_of(db), before);
    assert_eq!(reserve.save(db, json!({"date": "2026-11-07T12:00:00Z"}))["number"], 7);
}

/// The network is cut in two, and a second machine saves on the other side. Both ends are named; the owner decides.
fn two_machines_save_and_the_owner_decides(reserve: &Reserve, db: Connection) {
    let second = open(&reserve.path("second.db"));
    json(&second, "SELECT backup_restore(?, ?, '{\"resume\": true}')", [&reserve.stores(), &reserve.key]);
    let away = |name: &str| reserve.path(&format!("{name}, away"));
    let cut = |names: &[&str]| names.iter().for_each(|name| fs::rename(reserve.place(name), away(name)).unwrap());
    let join = |names: &[&str]| names.iter().for_each(|name| fs::rename(away(name), reserve.place(name)).unwrap());
    let (west, east) = (&NOW[..2], &NOW[2..]);
    cut(east);
    take(&second, "zoe", 500);
    let said = reserve.save_fails(&second, json!({}));
    assert!(said.starts_with("backup_save: unreachable: saved in 2 of 5 copies, and the minimum is 3"), "{said}");
    assert!(said.contains("call again (") && said.contains("attic (dir:"), "{said}");
    join(east);
    cut(west);
    take(&db, "fritz", 500);
    assert_eq!(reserve.save(&db, json!({"date": "2026-11-08T12:00:00Z"}))["done"], 3);
    join(west);
    // Everybody sees it: a keeper, a reader, and both who save.
    let (report, series) = reserve.scrub(json!({"repair": true}));
    assert_eq!((&report["sound"], series["forks"].as_array().map(Vec::len)), (&json!(false), Some(2)), "{report}");
    let target = reserve.path("fork.db").display().to_string();
    let said = error(&memory(), "SELECT backup_restore_file(?, ?, ?)", [&reserve.stores(), &reserve.key, &target]);
    assert!(said.contains("mismatch") && said.contains("office (dir:") && said.contains("#state="), "{said}");
    for machine in [&db, &second] {
        let said = reserve.save_fails(machine, json!({}));
        assert!(said.starts_with("backup_save: mismatch: the log forks"), "{said}");
        assert!(said.contains("the option `continue`") && said.contains("attic (dir:"), "{said}");
    }
    let said = error(&memory(), "SELECT backup_prune(?, ?, '{\"dry_run\": false}')", [&reserve.stores(), &reserve.key]);
    assert!(said.contains("nothing is deleted while the log forks"), "{said}");
    // The owner goes on from the first machine, after its own save. What the second one saved is not lost.
    let end = |name: &str| {
        let ends = series["forks"].as_array().unwrap();
        let end = ends.iter().find(|end| end["copies"][0].as_str().unwrap().starts_with(name)).unwrap();
        end["record"].as_str().unwrap().to_owned()
    };
    let (own, other) = (end("parents"), end("office"));
    let summary = reserve.save(&db, json!({"continue": own, "date": "2026-11-09T12:00:00Z"}));
    assert!(summary["done"].as_u64() >= Some(3), "{summary}");
    let (report, _) = reserve.scrub(json!({"level": "hashes", "repair": true}));
    assert_eq!(report["sound"], true, "{report}");
    let state: String = one(
        &memory(),
        "SELECT state_id FROM backup_log(?, ?) WHERE record = ?",
        [&reserve.stores(), &reserve.key, &other],
    );
    let photos = reserve.photos(&format!("{}#state={state}", reserve.stores()));
    assert!(photos.iter().any(|row| row.contains("zoe")) && !photos.iter().any(|row| row.contains("fritz")));
    // The second machine is told that it is behind.
    let said = reserve.save_fails(&second, json!({}));
    assert!(said.contains("the copies hold saves that this database does not come from"), "{said}");
}

/// The configuration says what a prune keeps. It deletes nothing unasked, and not too much.
fn old_saves_go_and_not_too_many(reserve: &Reserve) {
    let report = reserve.prune(json!({}));
    assert_eq!((&report["dry_run"], &report["minimum"]), (&json!(true), &json!(3)));
    assert_eq!(of_copy(&report, "attic")["kept"], 3);
    assert!(report["refused"][0].as_str().unwrap().contains("more than half of the history would go"), "{report}");
    let said = error(&memory(), "SELECT backup_prune(?, ?, '{\"dry_run\": false}')", [&reserve.stores(), &reserve.key]);
    assert!(said.contains("more than half of the history would go") && said.contains("force"), "{said}");
    let report = reserve.prune(json!({"keep": {"last": 6}, "dry_run": false}));
    assert_eq!(report["done"], true, "{report}");
    // A box goes as a whole, by its name. Then it is taken out of the configuration.
    let report = reserve.prune(json!({"copy": "friend", "dry_run": false}));
    assert_eq!(report["done"], true, "{report}");
    assert!(reserve.objects("friend").is_empty());
    reserve.configure(&["office", "cabin", "parents", "attic"]);
    assert_eq!(reserve.scrub(json!({"level": "hashes"})).0["sound"], true);
}
