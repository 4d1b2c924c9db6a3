//! A database of 1,000 rows: there the start of each program counts.

use lifeboat_host_tests::equal::assert_equal;

use super::{BORG_EMPTY, BORG_FILE, RUSTIC_EMPTY, RUSTIC_FILE, SAVES, sql, transferred};
use crate::scene::Scene;
use crate::section::Section;
use crate::way::Way;

/// These runs are short and many things disturb them, so each round has several.
const RUNS: usize = 3;

const BORG: &str = "rm -rf borg; cp -a borg-small borg";
const RUSTIC: &str = "rm -rf rustic; cp -a rustic-small rustic";
const LITESTREAM: &str = "rm -rf ls-small; cp -a ls-small-base ls-small";

const ABOUT: &str = "A database of 1,000 rows of 100 letters, of which one row changed for a delta. The first lines do nothing but start the shell, without and with the extension: \
    that is part of each line of Lifeboat. A running litestream has no delta of its own here: what it sends for such a change stands under \"A store over a network\".";

/// `BENCH=small`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let file = |options: &str| sql("small.db", &format!("backup_export_file('file:app.key', 'one.bundle'{options})"));
    let ways = vec![
        Way::new("start: sqlite3", "sqlite3 small.db 'SELECT 1'"),
        Way::new("start: sqlite3, the extension loaded", sql("small.db", "backup_version()")),
        Way::new("full: Lifeboat", file("")).makes("one.bundle"),
        Way::new("full: .dump, zstd, age", "sqlite3 small.db .dump | zstd -q -3 | age -R recipient > small.dump.age")
            .makes("small.dump.age"),
        Way::new("full: sqlite3_rsync (plain)", "sqlite3_rsync small.db small-replica.db").makes("small-replica.db"),
        Way::new("full: litestream 0.5.17 (plain)", "litestream replicate -once -config litestream-small.yml")
            .after("rm -rf ls-small; mkdir ls-small; cp small.db ls-small/")
            .makes("ls-small/replica"),
        Way::new("full: rustic", format!("{RUSTIC_FILE} small.db")).after(RUSTIC_EMPTY).makes("rustic/repo"),
        Way::new("full: borg", format!("{BORG_FILE}::full small.db")).after(BORG_EMPTY).makes("borg/repo"),
        Way::new("delta: Lifeboat, into a file", file(r#", '{\"ledger\": \"small.work\"}'"#))
            .after("cp small.ledger small.work")
            .makes("one.bundle"),
        Way::new(
            "delta: Lifeboat, saved to a directory",
            sql("small.db", r#"backup_save('file:app.key', 'dir:saves/small', '{\"local\": \"saves/small-local\"}')"#),
        )
        .after(SAVES)
        .adds("saves/small", "saves-base/small"),
        Way::new("delta: sqlite3_rsync (plain)", "sqlite3_rsync small.db small-replica.db -v > rsync.told")
            .after("cp small-before.db small-replica.db")
            .tells("rsync.told", transferred),
        Way::new("delta: rustic", format!("{RUSTIC_FILE} small.db"))
            .after(RUSTIC)
            .adds("rustic/repo", "rustic-small/repo"),
        Way::new("delta: borg", format!("{BORG_FILE}::changed small.db"))
            .after(BORG)
            .adds("borg/repo", "borg-small/repo"),
        Way::new(
            "restore: Lifeboat",
            sql(":memory:", "backup_restore_file('small.bundle', 'file:app.key', 'small-lifeboat.db')"),
        )
        .makes("small-lifeboat.db"),
        Way::new("restore: age, zstd, sqlite3", "age -d -i age.key small.age | zstd -q -d | sqlite3 small-pipeline.db")
            .makes("small-pipeline.db"),
        Way::new("restore: sqlite3_rsync (plain)", "sqlite3_rsync small-before.db small-rsync.db")
            .makes("small-rsync.db"),
        Way::new(
            "restore: litestream 0.5.17 (plain)",
            "litestream restore -config litestream-small.yml -o small-litestream.db ls-small/small.db",
        )
        .after(LITESTREAM)
        .makes("small-litestream.db"),
        Way::new("restore: rustic", "rustic -r rustic/repo restore latest restored").after(RUSTIC).makes("restored"),
        Way::new("restore: borg", "borg extract --stdout borg/repo::full small.db > small-borg.db")
            .after(BORG)
            .makes("small-borg.db"),
    ];
    let section = Section::of_ways("small", ways, &[], (scene, rounds * RUNS)).in_milliseconds();
    for restored in ["small-lifeboat.db", "small-rsync.db", "restored/small.db", "small-borg.db"] {
        assert_equal(&scene.path().join("small-before.db"), &scene.path().join(restored));
    }
    Section { about: ABOUT, ..section }
}
