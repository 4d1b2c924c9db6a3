//! A bundle that lies in the tree: a golden one.

use std::fs;

use super::{Maker, all};
use crate::corpus::workspace;

pub(super) fn add(maker: &mut Maker) {
    let golden = fs::read(workspace().join("core/tests/golden/1-empty.bundle")).expect("a golden bundle");
    let file = maker.file("golden.bundle", &golden);
    maker.case("golden/empty", &[&file], all("ok"));
}
