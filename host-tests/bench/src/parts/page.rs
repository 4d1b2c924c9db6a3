//! Recovery in a browser, with the recovery page.

use std::fs;

use lifeboat_host_tests::packages;
use serde_json::Value;

use crate::scene::Scene;
use crate::section::{Outcome, Section};
use crate::way::{Spread, Way};

const ABOUT: &str = "The recovery page in headless Chromium: the bundle is chosen, checked, opened, and the database saved. The seconds include the start of the browser; memory is \
    that of all its processes, what they share counted for each.";

/// How long a page may not answer, in milliseconds, before a person notices.
const LONGEST: f64 = 200.0;

/// `BENCH=page`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    // The driver of the browser, as its tests have it.
    let link = format!("ln -s {} modules; ln -s \"$LIFEBOAT_BENCH/chromium.mjs\" .", packages::browser().display());
    scene.shell(&link);
    let line = "node chromium.mjs dist/lifeboat-recover.html app.bundle app.key chromium.db answers.jsonl";
    let ways = vec![Way::new("Lifeboat, page in Chromium", line).makes("chromium.db")];
    let section = Section::of_ways("page", ways, &["chromium.db"], (scene, rounds));

    let answers = fs::read_to_string(scene.path().join("answers.jsonl")).expect("each run has told");
    let longest = |page: &str| {
        let lines = answers.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
        Spread::of(lines.map(|answer| answer[page].as_f64().expect("a number")).collect())
    };
    let (page, idle) = (longest("page"), longest("idle"));
    let outcome = Outcome {
        work: "recovery in Chromium, ZKAP database",
        against: "-",
        goal: format!("no freeze: never deaf for more than {LONGEST} ms"),
        measured: format!(
            "{:.1} s; deaf for {} ms at most ({} to {}; an idle page {})",
            section.ways[0].seconds().median,
            page.median,
            page.least,
            page.most,
            idle.median
        ),
        is_met: page.median <= LONGEST,
    };
    Section { about: ABOUT, outcomes: vec![outcome], ..section }
}
