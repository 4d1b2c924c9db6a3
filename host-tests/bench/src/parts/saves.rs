//! What one save to a store takes, beside the same delta into a file, and beside the start of a shell.

use super::{SAVES, sql};
use crate::plot::Bar;
use crate::scene::Scene;
use crate::section::{Outcome, Section, What};
use crate::way::Way;

const SAVE: &str = "Lifeboat, saved to a directory";
const FILE: &str = "Lifeboat, a delta into a file";
const SMALL: &str = "small: saved to a directory";
const START: &str = "small: the shell alone";

const ABOUT: &str = "A save makes the delta, puts it and its record into the store, and syncs each of them and the local state. The small \
    database has 1,000 rows, one of which changed; the shell alone loads the extension and does nothing with it.";

/// `BENCH=saves`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let save = |database: &str, store: &str, local: &str| {
        sql(
            database,
            &format!("backup_save('file:app.key', 'dir:saves/{store}', '{{\\\"local\\\": \\\"saves/{local}\\\"}}')"),
        )
    };
    let file = |database: &str, ledger: &str| {
        sql(
            database,
            &format!("backup_export_file('file:app.key', 'delta.bundle', '{{\\\"ledger\\\": \\\"{ledger}\\\"}}')"),
        )
    };
    let ways = vec![
        Way::new(SAVE, save("spent.db", "copy", "local")).after(SAVES).adds("saves/copy", "saves-base/copy"),
        Way::new(FILE, file("spent.db", "app.ledger")).after("cp before.ledger app.ledger").makes("delta.bundle"),
        Way::new(SMALL, save("small.db", "small", "small-local")).after(SAVES).adds("saves/small", "saves-base/small"),
        Way::new("small: a delta into a file", file("small.db", "small.work"))
            .after("cp small.ledger small.work")
            .makes("delta.bundle"),
        Way::new(START, sql("small.db", "backup_version()")),
    ];
    let section = Section::of_ways("saves", "A save to a store", ways, &[], (scene, rounds));
    let file = (section.way(FILE), "the same delta into a file");
    let outcome =
        Outcome::ratio("save of 100 spent tokens to a directory", (section.way(SAVE), What::Seconds), file, 1.15);
    let bars = section.ways.iter().map(Bar::of_seconds).collect();
    let plot = ("seconds", bars);
    Section { about: ABOUT, plot, outcomes: vec![outcome], ..section }
}
