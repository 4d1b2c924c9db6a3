//! The parts of the benchmark, a file each.

mod component;
mod delta;
mod export;
mod large;
mod network;
mod page;
mod protect;
mod protector;
mod quick;
mod restore;
mod saves;
mod scrub;
mod small;
mod verify;
mod writers;

use crate::scene::Scene;
use crate::section::Section;

/// A part, before it is run.
pub struct Part {
    /// As `BENCH` names it.
    pub name: &'static str,
    /// Its heading in the report.
    pub title: &'static str,
    /// Runs it, in so many rounds.
    pub run: fn(&Scene, usize) -> Section,
}

/// All parts, in the order of the report.
pub const PARTS: [Part; 14] = [
    Part { name: "export", title: "Full backup", run: export::run },
    Part { name: "delta", title: "After 100 tokens were spent", run: delta::run },
    Part { name: "saves", title: "A save to a store", run: saves::run },
    Part { name: "network", title: "A store over a network", run: network::run },
    Part { name: "restore", title: "Restore", run: restore::run },
    Part { name: "small", title: "A small database", run: small::run },
    Part { name: "verify", title: "Verify", run: verify::run },
    Part { name: "scrub", title: "Scrub a copy", run: scrub::run },
    Part { name: "component", title: "Recovery in the component", run: component::run },
    Part { name: "page", title: "Recovery in a browser", run: page::run },
    Part { name: "large", title: "1 GB, 3.3 million rows", run: large::run },
    Part { name: "writers", title: "An application that writes all the time", run: writers::run },
    Part { name: "protect", title: "Backups that happen by themselves", run: protect::run },
    Part { name: "quick", title: "Saves that read only what can have changed", run: quick::run },
];

/// The part of this name.
pub fn named(name: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.name == name)
}

/// The shell that has the extension, with an SQL statement.
fn sql(database: &str, statement: &str) -> String {
    format!("sqlite3 -cmd '.load dist/liblifeboat' {database} \"SELECT {statement}\"")
}

// A full backup of each peer, as prepare.sh made it.
const BORG: &str = "rm -rf borg; cp -a borg-base borg";
const RUSTIC: &str = "rm -rf rustic; cp -a rustic-base rustic";
const BORG_DUMP: &str = "rm -rf borg; cp -a borg-dump borg";
const RUSTIC_DUMP: &str = "rm -rf rustic; cp -a rustic-dump rustic";
const SAVES: &str = "rm -rf saves; cp -a saves-base saves";
const LITESTREAM: &str = "rm -rf ls; cp -a ls-base ls";
const LITESTREAM_AGE: &str = "rm -rf ls-age; cp -a ls-age-base ls-age";

// Nothing but an empty repository.
const BORG_EMPTY: &str = "rm -rf borg; mkdir borg; borg --error init --encryption repokey-blake2 borg/repo";
const RUSTIC_EMPTY: &str = "./rustic-init file";
const RUSTIC_EMPTY_DUMP: &str = "./rustic-init dump";

/// What reads a file that is a database: pieces that are whole pages.
const BORG_FILE: &str = "borg create --compression zstd,3 --chunker-params fixed,16384 borg/repo";
/// What reads a dump of text: smaller pieces than usual, since few rows change.
const BORG_STDIN: &str = "borg create --compression zstd,3 --chunker-params buzhash,12,20,15,4095 borg/repo";
/// What reads files.
const RUSTIC_FILE: &str = "rustic -r rustic/repo backup";
/// What reads a dump. Without `--force`, rustic 0.11.4 takes a second dump for the first one, unread, and calls it unchanged.
const RUSTIC_STDIN: &str = "rustic -r rustic/repo backup --force --stdin-filename app.sql -";

/// The bytes that both ends of sqlite3_rsync sent, of its line `sent 86,343 bytes, received 14,871 bytes, 911,837.84 bytes/sec`.
fn transferred(told: &str) -> Option<u64> {
    let line = told.lines().find_map(|line| line.strip_prefix("sent "))?;
    let (sent, rest) = line.split_once(" bytes, received ")?;
    let (received, _) = rest.split_once(" bytes")?;
    let number = |text: &str| text.replace(',', "").parse::<u64>().ok();
    number(sent)?.checked_add(number(received)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_both_ends_sent_is_added() {
        let told = "sent 86,343 bytes, received 14,871 bytes, 911,837.84 bytes/sec\ntotal size 11,108,352  speedup is 109.75\n";
        assert_eq!(transferred(told), Some(101_214));
        assert_eq!(transferred("sent 11 bytes, received 22 bytes, 1.0 bytes/sec\n"), Some(33));
        for strange in ["", "total size 11,108,352", "sent 5 bytes", "sent many bytes, received 2 bytes"] {
            assert_eq!(transferred(strange), None, "{strange}");
        }
    }

    #[test]
    fn each_part_has_a_name_and_a_title_of_its_own() {
        let names: BTreeSet<_> = PARTS.iter().map(|part| part.name).collect();
        let titles: BTreeSet<_> = PARTS.iter().map(|part| part.title).collect();
        assert_eq!([names.len(), titles.len()], [PARTS.len(); 2]);
        assert!(named("small").is_some_and(|part| part.title == "A small database") && named("none").is_none());
    }
}
