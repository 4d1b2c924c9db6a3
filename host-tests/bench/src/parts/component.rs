//! Recovery in WebAssembly, in wasmtime.

use super::sql;
use crate::scene::Scene;
use crate::section::{Outcome, Section, What};
use crate::way::Way;
use lifeboat_host_tests::corpus;
use lifeboat_host_tests::zkap::Size;

const OWN: &str = "Lifeboat, component in wasmtime";
const SMALL: &str = "Lifeboat, component, 221 kB database";
const NATIVE: &str = "Lifeboat, native";

const ABOUT: &str = "The program of `examples/rust-host`, from its start to the whole file. Most of what it takes for the small database is the compilation of the component, \
    which a host that keeps the compiled code does once.";

/// `BENCH=component`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let small = corpus::zkap(Size::SMALL);
    scene.shell(&format!("cp {} small.db; chmod u+w small.db", small.display()));
    scene.shell(&sql("small.db", "backup_export_file('file:app.key', 'small.bundle')"));
    let host = "lifeboat-rust-host dist/lifeboat-recovery.wasm";
    let native = "backup_restore_file('app.bundle', 'file:app.key', 'native.db')";
    let ways = vec![
        Way::new(NATIVE, sql(":memory:", native)).makes("native.db"),
        Way::new(OWN, format!("{host} app.bundle app.key component.db")).makes("component.db"),
        Way::new(SMALL, format!("{host} small.bundle app.key small-component.db")).makes("small-component.db"),
    ];
    let title = "Recovery in the component";
    let section = Section::of_ways("component", title, ways, &["component.db"], (scene, rounds));
    let [own, small, native] = [OWN, SMALL, NATIVE].map(|name| section.way(name));
    let whole = Outcome::ratio(
        "recovery in the component (wasmtime)",
        (own, What::Seconds),
        (native, "our native restore"),
        3.0,
    );
    let compiled = (own.seconds().median - small.seconds().median) / native.seconds().median;
    let measured = format!("{} ({compiled:.2} less what the small one takes)", whole.measured);
    Section { about: ABOUT, outcomes: vec![Outcome { measured, ..whole }], ..section }
}
