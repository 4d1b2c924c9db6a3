//! A full backup.

use super::{BORG_STDIN, sql};
use crate::scene::Scene;
use crate::section::{Outcome, Section, What};
use crate::way::Way;

const WAL: &str = "Lifeboat, WAL mode";
const PIPELINE: &str = ".dump, zstd, age";
const VACUUM: &str = "VACUUM INTO (plain)";

const ABOUT: &str = "All but `VACUUM INTO` are encrypted. Lifeboat's seconds include the sync to the disk. litestream copies the pages, and adds tables of its own; \
    restic and borg keep the file as it lies there, which is a backup only while nobody writes, or a dump.";

/// `BENCH=export`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let export = |database, bundle| sql(database, &format!("backup_export_file('file:app.key', '{bundle}')"));
    let ways = vec![
        Way::new(WAL, export("app.db", "wal.bundle")).makes("wal.bundle"),
        Way::new("Lifeboat, rollback mode", export("rollback.db", "rollback.bundle")).makes("rollback.bundle"),
        Way::new(PIPELINE, "sqlite3 app.db .dump | zstd -q -3 | age -R recipient > dump.age").makes("dump.age"),
        Way::new(VACUUM, "sqlite3 app.db \"VACUUM INTO 'vacuum.db'\"").makes("vacuum.db"),
        Way::new("litestream 0.3.13, age", "litestream replicate -config litestream.yml -exec ./until-replicated")
            .after("rm -rf ls; mkdir ls; cp app.db ls/")
            .makes("ls/replica"),
        Way::new("restic", "restic -r restic/repo backup --quiet app.db")
            .after("rm -rf restic; restic -r restic/repo init")
            .makes("restic/repo"),
        Way::new("borg", "borg create --compression zstd,3 --chunker-params fixed,16384 borg/repo::full app.db")
            .after("rm -rf borg; mkdir borg; borg --error init --encryption repokey-blake2 borg/repo")
            .makes("borg/repo"),
        Way::new(
            "restic, of a .dump",
            "sqlite3 app.db .dump | restic -r restic/repo backup --quiet --stdin --stdin-filename app.sql",
        )
        .after("rm -rf restic; restic -r restic/repo init")
        .makes("restic/repo"),
        Way::new("borg, of a .dump", format!("sqlite3 app.db .dump | {BORG_STDIN}::full -"))
            .after("rm -rf borg; mkdir borg; borg --error init --encryption repokey-blake2 borg/repo")
            .makes("borg/repo"),
    ];
    let section = Section::of_ways("export", "Full backup", ways, &[], (scene, rounds));
    let work = "full export to a file, encrypted";
    let [own, pipeline, vacuum] = [WAL, PIPELINE, VACUUM].map(|name| section.way(name));
    let against = "`.dump` through `zstd -3` and `age`";
    let outcomes = vec![
        Outcome::ratio(work, (own, What::Seconds), (pipeline, against), 0.7),
        Outcome::ratio(work, (own, What::Bytes), (pipeline, against), 1.03),
        Outcome::memory(work, own, 64.0),
        Outcome::ratio(work, (own, What::Seconds), (vacuum, "`VACUUM INTO`, plain"), 1.0),
    ];
    Section { about: ABOUT, outcomes, ..section }
}
