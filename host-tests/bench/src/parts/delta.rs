//! What is added to a backup after 100 tokens were spent.

use lifeboat_host_tests::equal::assert_equal;

use super::{
    BORG, BORG_DUMP, BORG_FILE, BORG_STDIN, LITESTREAM, LITESTREAM_AGE, RUSTIC, RUSTIC_DUMP, RUSTIC_FILE, RUSTIC_STDIN,
    sql, transferred,
};
use crate::plot::Bar;
use crate::scene::Scene;
use crate::section::{Outcome, Section, What};
use crate::way::Way;

const OWN: &str = "Lifeboat, with a ledger";
const PEER: &str = "litestream 0.3.13, age";

const ABOUT: &str = "In one transaction, 10 tokens go to the error table, 110 are deleted, a voucher comes. Lifeboat writes the rows that changed. litestream runs beside the \
    application and sends the pages while it commits, so it has no seconds of its own; of 0.5 the bytes are those of its first level, without the compactions that later write \
    them again. sqlite3_rsync compares the pages of the replica, and its bytes are those that both ends sent. rustic and borg read the file, or a dump, again and add what \
    they do not have; without `--force`, rustic 0.11.4 does not read a second dump, and calls it unchanged.";

/// `BENCH=delta`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let delta = |options| sql("spent.db", &format!("backup_export_file('file:app.key', 'delta.bundle', '{options}')"));
    let ways = vec![
        Way::new(OWN, delta(r#"{\"ledger\": \"app.ledger\"}"#))
            .after("cp before.ledger app.ledger")
            .makes("delta.bundle"),
        Way::new("Lifeboat, with the base", delta(r#"{\"base\": \"app.bundle\"}"#)).makes("delta.bundle"),
        Way::new("sqlite3_rsync (plain)", "sqlite3_rsync spent.db replica.db -v > rsync.told")
            .after("cp replica-base.db replica.db")
            .tells("rsync.told", transferred),
        Way::new("litestream 0.5.17 (plain)", "litestream replicate -config litestream.yml -exec './spend ls'")
            .after(LITESTREAM)
            .adds("ls/replica/ltx/0", "ls-base/replica/ltx/0")
            .untimed(),
        Way::new(PEER, "litestream-0.3 replicate -config litestream-age.yml -exec './spend ls-age'")
            .after(LITESTREAM_AGE)
            .adds("ls-age/replica", "ls-age-base/replica")
            .untimed(),
        Way::new("rustic", format!("{RUSTIC_FILE} spent.db")).after(RUSTIC).adds("rustic/repo", "rustic-base/repo"),
        Way::new("borg", format!("{BORG_FILE}::spent spent.db")).after(BORG).adds("borg/repo", "borg-base/repo"),
        Way::new("rustic, of a .dump", format!("sqlite3 spent.db .dump | {RUSTIC_STDIN}"))
            .after(RUSTIC_DUMP)
            .adds("rustic/repo", "rustic-dump/repo"),
        Way::new("borg, of a .dump", format!("sqlite3 spent.db .dump | {BORG_STDIN}::spent -"))
            .after(BORG_DUMP)
            .adds("borg/repo", "borg-dump/repo"),
    ];
    let section = Section::of_ways("delta", ways, &[], (scene, rounds));
    assert_equal(&scene.path().join("spent.db"), &scene.path().join("replica.db"));
    let (own, peer) = (section.way(OWN), (section.way(PEER), "litestream with age"));
    let outcome = Outcome::ratio("delta after spending 100 tokens", (own, What::Bytes), peer, 1.0 / 25.0);
    let bars = section.ways.iter().map(Bar::of_bytes).collect();
    let plot = ("bytes, each power of ten as long as the next", bars);
    Section { about: ABOUT, plot, outcomes: vec![outcome], ..section }
}
