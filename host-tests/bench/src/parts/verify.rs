//! Is the backup still good?

use super::{BORG, RUSTIC, sql};
use crate::scene::Scene;
use crate::section::{Outcome, Section, What};
use crate::way::Way;

const WITHOUT: &str = "Lifeboat, without the key";
const WITH: &str = "Lifeboat, with the key";
const SUM: &str = "sha256sum";
const RUSTIC_CHECK: &str = "rustic";

const ABOUT: &str = "Without the recovery key: that each byte is what the exporter wrote, nothing is missing, and who signed it; `sha256sum` reads the same bytes. With it: all \
    is opened and decoded, and adds up to the state. rustic and borg open all that they keep; the pipeline's file is opened and decompressed.";

/// `BENCH=verify`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let verify = |key| sql(":memory:", &format!("backup_verify('app.bundle', 'file:{key}')"));
    let ways = vec![
        Way::new(WITHOUT, verify("verify.key")),
        Way::new(SUM, "sha256sum app.bundle"),
        Way::new(WITH, verify("app.key")),
        Way::new("age, zstd", "age -d -i age.key app.age | zstd -q -t"),
        Way::new(RUSTIC_CHECK, "rustic -r rustic/repo check --read-data").after(RUSTIC),
        Way::new("borg", "borg check --verify-data borg/repo").after(BORG),
    ];
    let section = Section::of_ways("verify", ways, &[], (scene, rounds));
    let [without, with, sum, rustic] = [WITHOUT, WITH, SUM, RUSTIC_CHECK].map(|name| section.way(name));
    let outcomes = vec![
        Outcome::ratio("verify without key", (without, What::Seconds), (sum, "`sha256sum`"), 2.0),
        Outcome::ratio(
            "verify with key (opened, decoded, state id)",
            (with, What::Seconds),
            (rustic, "rustic `check --read-data`"),
            0.25,
        ),
    ];
    Section { about: ABOUT, outcomes, ..section }
}
