//! Is a copy on this machine still good?

use super::sql;
use crate::scene::Scene;
use crate::section::{Outcome, Section, What};
use crate::way::Way;

const SCRUB: &str = "Lifeboat, level `hashes`";
const SUM: &str = "sha256sum --check";
const SMALL: &str = "small: Lifeboat";

/// At least 0.9 of the speed of `sha256sum`.
const TIME_MOST: f64 = 1.0 / 0.9;
/// So much more memory than for a small copy is flat, in MiB.
const MORE: f64 = 16.0;

const ABOUT: &str = "A copy in a directory: all of its objects are read, and have the hashes that the exporter signed. `sha256sum` reads the same files, \
    and compares them with a list. The small copy is that of a database of 1,000 rows.";

/// `BENCH=scrub`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    scene.shell("find saves-base/copy -type f -exec sha256sum {} + > copy.sums");
    let scrub = |copy: &str| {
        let options = r#"'{\"level\": \"hashes\"}'"#;
        sql(":memory:", &format!("backup_scrub('dir:saves-base/{copy}', 'file:verify.key', {options}) ->> 'sound'"))
    };
    let ways = vec![
        Way::new(SCRUB, scrub("copy")),
        Way::new(SUM, "sha256sum --check --quiet copy.sums"),
        Way::new(SMALL, scrub("small")),
    ];
    let section = Section::of_ways("scrub", ways, &[], (scene, rounds));
    let [own, sum, small] = [SCRUB, SUM, SMALL].map(|name| section.way(name));
    let more = own.mib() - small.mib();
    let outcomes = vec![
        Outcome::ratio("scrub of a local copy, all hashes", (own, What::Seconds), (sum, "`sha256sum`"), TIME_MOST),
        Outcome {
            work: "scrub of a local copy, all hashes",
            against: "a copy of 1,000 rows",
            goal: format!("memory flat: at most {MORE:.0} MiB more"),
            measured: format!("{more:.0} MiB more"),
            is_met: more <= MORE,
        },
    ];
    Section { about: ABOUT, outcomes, ..section }
}
