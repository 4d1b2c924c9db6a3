//! A database file from a full backup.

use super::{BORG, LITESTREAM, LITESTREAM_AGE, RUSTIC, sql};
use crate::scene::Scene;
use crate::section::{Outcome, Section, What};
use crate::way::Way;

const OWN: &str = "Lifeboat";
const PIPELINE: &str = "age, zstd, sqlite3";
const LITE: &str = "litestream 0.3.13, age";
const SQLITE: &str = "SQLite alone: VACUUM INTO, REINDEX (plain)";

const ABOUT: &str = "Lifeboat and the pipeline build the database anew from its rows; Lifeboat proves the state before the file appears, and syncs it. The others copy the \
    pages that they kept. SQLite alone copies the b-trees of an open plain database and sorts the \
    index of the largest table again: nothing is decrypted, decoded, proved or synced.";

const SORTED: &str = "sqlite3 app.db \"VACUUM INTO 'sqlite.db'; ATTACH 'sqlite.db' AS new; PRAGMA new.journal_mode = off; \
    PRAGMA new.synchronous = off; PRAGMA threads = 2; REINDEX new.'unblinded-tokens'\"";

/// `BENCH=restore`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let restore = "backup_restore_file('app.bundle', 'file:app.key', 'lifeboat.db')";
    let ways = vec![
        Way::new(OWN, sql(":memory:", restore)).makes("lifeboat.db"),
        Way::new(PIPELINE, "age -d -i age.key app.age | zstd -q -d | sqlite3 pipeline.db").makes("pipeline.db"),
        Way::new(SQLITE, SORTED).makes("sqlite.db"),
        Way::new("sqlite3_rsync (plain)", "sqlite3_rsync replica-base.db rsync.db").makes("rsync.db"),
        Way::new("litestream 0.5.17 (plain)", "litestream restore -config litestream.yml -o litestream.db ls/app.db")
            .after(LITESTREAM)
            .makes("litestream.db"),
        Way::new(LITE, "litestream-0.3 restore -config litestream-age.yml -o litestream-age.db ls-age/app.db")
            .after(LITESTREAM_AGE)
            .makes("litestream-age.db"),
        Way::new("rustic", "rustic -r rustic/repo restore latest restored").after(RUSTIC).makes("restored"),
        Way::new("borg", "borg extract --stdout borg/repo::full app.db > borg.db").after(BORG).makes("borg.db"),
    ];
    let section =
        Section::of_ways("restore", ways, &["lifeboat.db", "rsync.db", "restored/app.db", "borg.db"], (scene, rounds));
    let work = "restore to a file";
    let [own, pipeline, litestream] = [OWN, PIPELINE, LITE].map(|name| section.way(name));
    let outcomes = vec![
        Outcome::ratio(work, (own, What::Seconds), (pipeline, "`age -d` through `zstd -d` into `sqlite3`"), 0.25),
        Outcome::ratio(work, (own, What::Seconds), (litestream, "litestream 0.3.13 with age (page copy)"), 1.5),
    ];
    Section { about: ABOUT, outcomes, ..section }
}
