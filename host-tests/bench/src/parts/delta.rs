//! What is added to a backup after 100 tokens were spent.

use super::{BORG, BORG_DUMP, BORG_STDIN, LITESTREAM, RESTIC, RESTIC_DUMP, sql};
use crate::plot::Bar;
use crate::scene::Scene;
use crate::section::{Outcome, Section, What};
use crate::way::Way;

const OWN: &str = "Lifeboat, with a ledger";
const PEER: &str = "litestream 0.3.13, age";

const ABOUT: &str = "In one transaction, 10 tokens go to the error table, 110 are deleted, a voucher comes. Lifeboat writes the rows that changed; litestream sends the pages \
    while the application commits, so it has no seconds of its own; restic and borg read the file, or a dump, again and add what they do not have.";

/// `BENCH=delta`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let delta = |options| sql("spent.db", &format!("backup_export_file('file:app.key', 'delta.bundle', '{options}')"));
    let ways = vec![
        Way::new(OWN, delta(r#"{\"ledger\": \"app.ledger\"}"#))
            .after("cp before.ledger app.ledger")
            .makes("delta.bundle"),
        Way::new("Lifeboat, with the base", delta(r#"{\"base\": \"app.bundle\"}"#)).makes("delta.bundle"),
        Way::new(PEER, "litestream replicate -config litestream.yml -exec ./spend")
            .after(LITESTREAM)
            .adds("ls/replica", "ls-base/replica")
            .untimed(),
        Way::new("restic", "restic -r restic/repo backup --quiet spent.db")
            .after(RESTIC)
            .adds("restic/repo", "restic-base/repo"),
        Way::new("borg", "borg create --compression zstd,3 --chunker-params fixed,16384 borg/repo::spent spent.db")
            .after(BORG)
            .adds("borg/repo", "borg-base/repo"),
        Way::new(
            "restic, of a .dump",
            "sqlite3 spent.db .dump | restic -r restic/repo backup --quiet --stdin --stdin-filename app.sql",
        )
        .after(RESTIC_DUMP)
        .adds("restic/repo", "restic-dump/repo"),
        Way::new("borg, of a .dump", format!("sqlite3 spent.db .dump | {BORG_STDIN}::spent -"))
            .after(BORG_DUMP)
            .adds("borg/repo", "borg-dump/repo"),
    ];
    let section = Section::of_ways("delta", "After 100 tokens were spent", ways, &[], (scene, rounds));
    let (own, peer) = (section.way(OWN), (section.way(PEER), "litestream with age"));
    let outcome = Outcome::ratio("delta after spending 100 tokens", (own, What::Bytes), peer, 1.0 / 25.0);
    let bars = section.ways.iter().map(Bar::of_bytes).collect();
    let plot = ("bytes, each power of ten as long as the next", bars);
    Section { about: ABOUT, plot, outcomes: vec![outcome], ..section }
}
