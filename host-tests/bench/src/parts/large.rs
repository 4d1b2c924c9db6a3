//! 1 GB and 3.3 million rows beside the ZKAP database: time in proportion, memory flat.

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::zkap::Size;

use super::sql;
use crate::scene::Scene;
use crate::section::{Outcome, Section};
use crate::way::Way;

const ABOUT: &str = "The same ways, on a database with 5.8 times as many rows.";

/// How much more a row may take, and how much more memory is flat.
const MORE: f64 = 1.2;

/// `BENCH=large`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let copy = format!("cp {} large.db; chmod u+w large.db", corpus::zkap(Size::STRESS).display());
    scene.shell(&copy);
    scene.shell("sqlite3 large.db 'PRAGMA journal_mode = wal'");
    scene.shell(&sql("large.db", "backup_export_file('file:app.key', 'large.bundle')"));

    let export = |from: &str, to: &str| sql(from, &format!("backup_export_file('file:app.key', '{to}')"));
    let restore =
        |from: &str, to: &str| sql(":memory:", &format!("backup_restore_file('{from}', 'file:app.key', '{to}')"));
    let verify = |from: &str| sql(":memory:", &format!("backup_verify('{from}', 'file:app.key')"));
    let ways = vec![
        Way::new("Lifeboat, export 173 MB", export("app.db", "small-again.bundle")).makes("small-again.bundle"),
        Way::new("Lifeboat, export 1 GB", export("large.db", "large-again.bundle")).makes("large-again.bundle"),
        Way::new("Lifeboat, restore 173 MB", restore("app.bundle", "small-again.db")).makes("small-again.db"),
        Way::new("Lifeboat, restore 1 GB", restore("large.bundle", "large-again.db")).makes("large-again.db"),
        Way::new("Lifeboat, verify 173 MB", verify("app.bundle")),
        Way::new("Lifeboat, verify 1 GB", verify("large.bundle")),
    ];
    let section = Section::of_ways("large", ways, &["small-again.db"], (scene, rounds));
    let scale = rows(Size::STRESS) / rows(Size::ACCEPTANCE);
    let outcomes = section.ways.chunks(2).zip(["export of 1 GB", "restore of 1 GB", "verify 1 GB with key"]);
    let outcomes = outcomes.map(|(pair, work)| {
        let [small, large] = pair else { unreachable!("there are two of each") };
        let time = large.seconds().median / small.seconds().median / scale;
        let memory = large.mib() / small.mib();
        Outcome {
            work,
            against: "our own 173 MB run",
            goal: format!("time in proportion (within {MORE}), memory flat"),
            measured: format!("{time:.2} of its time a row, {memory:.2} of its memory"),
            is_met: time <= MORE && memory <= MORE,
        }
    });
    let outcomes = outcomes.collect();
    Section { about: ABOUT, outcomes, ..section }
}

fn rows(size: Size) -> f64 {
    (size.vouchers + size.groups + size.unblinded + size.invalid) as f64
}
