//! Bundles that lie in the tree: the golden ones, which were written once and for all.

use std::fs;

use super::{Maker, all, sealed};
use crate::corpus::package;

/// A chain of golden bundles, and the outcome. What they hold no SQLite made: a database that cannot be is refused.
const GOLDEN: [(&str, &[&str], &str); 1] = [("empty", &["1-empty"], "ok")];

pub(super) fn add(maker: &mut Maker) {
    for (name, bundles, kind) in GOLDEN {
        let copy = |bundle: &&str| {
            let name = format!("{bundle}.bundle");
            let bytes = fs::read(package().join("../core/tests/golden").join(&name)).expect("a golden bundle");
            maker.file(&format!("golden-{name}"), &bytes)
        };
        let files: Vec<String> = bundles.iter().map(copy).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let outcome = if kind == "ok" { all(kind) } else { sealed(kind) };
        maker.case(&format!("golden/{name}"), &files, outcome);
    }
}
