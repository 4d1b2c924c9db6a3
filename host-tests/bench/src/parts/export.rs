//! A full backup.

use super::{BORG_EMPTY, BORG_FILE, BORG_STDIN, RUSTIC_EMPTY, RUSTIC_EMPTY_DUMP, RUSTIC_FILE, RUSTIC_STDIN, sql};
use crate::scene::Scene;
use crate::section::{Outcome, Section, What};
use crate::way::Way;

const WAL: &str = "Lifeboat, WAL mode";
const PIPELINE: &str = ".dump, zstd, age";
const VACUUM: &str = "VACUUM INTO (plain)";

const ABOUT: &str = "Those that say \"plain\" are not encrypted, all others are. Lifeboat's seconds include the sync to the disk. litestream copies the pages, and adds tables \
    of its own; sqlite3_rsync copies the pages into a database file; rustic and borg keep the file as it lies there, which is a backup only while nobody writes, or a dump. The repositories \
    of rustic were made with `--set-chunker fixed_size --set-chunk-size 16kiB` for the file, and with `--set-chunk-size 32kiB --set-chunk-min-size 4kiB --set-chunk-max-size 1MiB` for \
    the dump: with the pieces that it has by itself, it adds ten times as much after a change.";

/// `BENCH=export`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let export = |database, bundle| sql(database, &format!("backup_export_file('file:app.key', '{bundle}')"));
    let ways = vec![
        Way::new(WAL, export("app.db", "wal.bundle")).makes("wal.bundle"),
        Way::new("Lifeboat, rollback mode", export("rollback.db", "rollback.bundle")).makes("rollback.bundle"),
        Way::new(PIPELINE, "sqlite3 app.db .dump | zstd -q -3 | age -R recipient > dump.age").makes("dump.age"),
        Way::new(VACUUM, "sqlite3 app.db \"VACUUM INTO 'vacuum.db'\"").makes("vacuum.db"),
        Way::new("sqlite3_rsync (plain)", "sqlite3_rsync app.db replica.db").makes("replica.db"),
        Way::new("litestream 0.5.17 (plain)", "litestream replicate -once -config litestream.yml")
            .after("rm -rf ls; mkdir ls; cp app.db ls/")
            .makes("ls/replica"),
        Way::new(
            "litestream 0.3.13, age",
            "litestream-0.3 replicate -config litestream-age.yml -exec './until-replicated ls-age'",
        )
        .after("rm -rf ls-age; mkdir ls-age; cp app.db ls-age/")
        .makes("ls-age/replica"),
        Way::new("rustic", format!("{RUSTIC_FILE} app.db")).after(RUSTIC_EMPTY).makes("rustic/repo"),
        Way::new("borg", format!("{BORG_FILE}::full app.db")).after(BORG_EMPTY).makes("borg/repo"),
        Way::new("rustic, of a .dump", format!("sqlite3 app.db .dump | {RUSTIC_STDIN}"))
            .after(RUSTIC_EMPTY_DUMP)
            .makes("rustic/repo"),
        Way::new("borg, of a .dump", format!("sqlite3 app.db .dump | {BORG_STDIN}::full -"))
            .after(BORG_EMPTY)
            .makes("borg/repo"),
    ];
    let section = Section::of_ways("export", ways, &["replica.db"], (scene, rounds));
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
