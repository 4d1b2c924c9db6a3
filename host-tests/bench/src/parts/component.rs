//! Recovery in WebAssembly, in wasmtime.

use super::sql;
use crate::scene::Scene;
use crate::section::{Outcome, Section, What};
use crate::way::Way;

const OWN: &str = "Lifeboat, component in wasmtime";
const FIRST: &str = "Lifeboat, component in wasmtime, its first start";
const NATIVE: &str = "Lifeboat, native";

const ABOUT: &str = "The program of `examples/rust-host`, from its start to the whole file. At its first start it compiles the component, and keeps the code for the next.";

/// `BENCH=component`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let restore = "backup_restore_file('app.bundle', 'file:app.key', 'native.db')";
    let host = |out| format!("lifeboat-rust-host dist/lifeboat-recovery.wasm app.bundle app.key {out}");
    let ways = vec![
        Way::new(NATIVE, sql(":memory:", restore)).makes("native.db"),
        Way::new(FIRST, host("first.db")).after("rm -rf cache").makes("first.db"),
        Way::new(OWN, host("component.db")).makes("component.db"),
    ];
    let section = Section::of_ways("component", ways, &["component.db"], (scene, rounds));
    let [own, first, native] = [OWN, FIRST, NATIVE].map(|name| section.way(name));
    let work = "recovery in the component (wasmtime)";
    let outcome = Outcome::ratio(work, (own, What::Seconds), (native, "our native restore"), 3.0);
    let compiling = first.seconds().median / native.seconds().median;
    let measured = format!("{} ({compiling:.2} when it is compiled first)", outcome.measured);
    Section { about: ABOUT, outcomes: vec![Outcome { measured, ..outcome }], ..section }
}
