//! What one save to a store takes, beside the same delta into a file.

use super::{SAVES, sql};
use crate::scene::Scene;
use crate::section::{Outcome, Section, What};
use crate::way::Way;

const SAVE: &str = "Lifeboat, saved to a directory";
const FILE: &str = "Lifeboat, a delta into a file";

const ABOUT: &str =
    "A save makes the delta, puts it and its record into the store, and syncs each of them and the local state.";

/// `BENCH=saves`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let save = r#"backup_save('file:app.key', 'dir:saves/copy', '{\"local\": \"saves/local\"}')"#;
    let file = r#"backup_export_file('file:app.key', 'delta.bundle', '{\"ledger\": \"app.ledger\"}')"#;
    let ways = vec![
        Way::new(SAVE, sql("spent.db", save)).after(SAVES).adds("saves/copy", "saves-base/copy"),
        Way::new(FILE, sql("spent.db", file)).after("cp before.ledger app.ledger").makes("delta.bundle"),
    ];
    let section = Section::of_ways("saves", ways, &[], (scene, rounds));
    let file = (section.way(FILE), "the same delta into a file");
    let outcome =
        Outcome::ratio("save of 100 spent tokens to a directory", (section.way(SAVE), What::Seconds), file, 1.15);
    Section { about: ABOUT, outcomes: vec![outcome], ..section }
}
