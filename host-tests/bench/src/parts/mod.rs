//! The parts of the benchmark, a file each.

mod component;
mod delta;
mod export;
mod large;
mod network;
mod page;
mod protect;
mod restore;
mod saves;
mod scrub;
mod verify;
mod writers;

use crate::scene::Scene;
use crate::section::Section;

/// Runs a part.
pub type Part = fn(&Scene, usize) -> Section;

/// All parts by their names, in the order of the report.
pub const PARTS: [(&str, Part); 12] = [
    ("export", export::run),
    ("delta", delta::run),
    ("saves", saves::run),
    ("network", network::run),
    ("restore", restore::run),
    ("verify", verify::run),
    ("scrub", scrub::run),
    ("component", component::run),
    ("page", page::run),
    ("large", large::run),
    ("writers", writers::run),
    ("protect", protect::run),
];

/// The shell that has the extension, with an SQL statement.
fn sql(database: &str, statement: &str) -> String {
    format!("sqlite3 -cmd '.load dist/liblifeboat' {database} \"SELECT {statement}\"")
}

// A full backup of each peer, as prepare.sh made it.
const BORG: &str = "rm -rf borg; cp -a borg-base borg";
const RESTIC: &str = "rm -rf restic; cp -a restic-base restic";
const BORG_DUMP: &str = "rm -rf borg; cp -a borg-dump borg";
const RESTIC_DUMP: &str = "rm -rf restic; cp -a restic-dump restic";
const SAVES: &str = "rm -rf saves; cp -a saves-base saves";
const LITESTREAM: &str = "rm -rf ls; cp -a ls-base ls";

/// What reads a dump of text: smaller pieces than usual, since few rows change.
const BORG_STDIN: &str = "borg create --compression zstd,3 --chunker-params buzhash,12,20,15,4095 borg/repo";
