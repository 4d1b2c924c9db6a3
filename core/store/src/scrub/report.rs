//! What a check found. It holds no secret, and stays small: of each kind of finding it has the number, and the first
//! ones.

use crate::CopyName;
use crate::read::Standing;
use serde::{Serialize, Serializer};

/// How many findings of one kind are named. The others are only counted.
pub const FIRST: usize = 20;

/// How deep the check goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Names and lengths. Each record is read and verified in one copy.
    #[default]
    List,
    /// All bytes of all objects are read, in each copy: bundles are hashed, records verified.
    Hashes,
    /// Each bundle is also opened, and all that it holds is checked. It needs a key that reads.
    Contents,
    /// The newest state of each copy is also put together from this copy alone. It needs a key that reads.
    Restore,
}

impl Level {
    /// All levels, the cheapest first.
    pub const ALL: [Self; 4] = [Self::List, Self::Hashes, Self::Contents, Self::Restore];

    /// The word in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Hashes => "hashes",
            Self::Contents => "contents",
            Self::Restore => "restore",
        }
    }

    /// The level of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

fn standing<S: Serializer>(standing: &Standing, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(standing.name())
}

/// What one call found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScrubReport {
    /// How deep it went.
    pub level: Level,
    /// All copies of all series are complete, and nothing is lost, as far as this check goes. False while it is not
    /// finished.
    pub sound: bool,
    /// False: the time was over before all was checked.
    pub finished: bool,
    /// Where the next call goes on. None: it is finished.
    pub cursor: Option<String>,
    /// The series of the key that this call looked at.
    pub series: Vec<SeriesReport>,
    /// How many series of other keys the stores hold. None: they were not counted, since the domain was given.
    pub foreign: Option<usize>,
    /// Stores that did not say which series they hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreachable: Vec<Unreachable>,
}

/// A store that did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    /// As the caller named it.
    #[serde(flatten)]
    pub store: CopyName,
    /// What it said.
    pub why: String,
}

/// One series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeriesReport {
    /// Its domain.
    pub domain_id: String,
    /// The newest record over all copies. None: the log forks.
    pub number: Option<u64>,
    /// Its hash.
    pub record: Option<String>,
    /// When it was saved. Only with a key that reads.
    pub date: Option<String>,
    /// The lowest number whose state must still exist.
    pub floor: u64,
    /// All of the series was checked by now, in this call and in those before it.
    pub checked: bool,
    /// One for each store, in the caller's order.
    pub copies: Vec<CopyScrub>,
    /// The ends of lines that no later record joins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forks: Vec<ForkEnd>,
    /// What no copy has any more.
    pub lost: Findings<Lost>,
}

/// One copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyScrub {
    /// The copy, as the caller named it.
    #[serde(flatten)]
    pub store: CopyName,
    /// How it stands beside the others, after the repair.
    #[serde(serialize_with = "standing")]
    pub state: Standing,
    /// Its newest record, after the repair.
    pub number: Option<u64>,
    /// When that was saved. Only with a key that reads.
    pub date: Option<String>,
    /// Why it is not current, or why a repair of it failed.
    pub why: Option<String>,
    /// It holds the newest record and lacks nothing, and nothing in it is known to be damaged.
    pub complete: bool,
    /// With the key, its newest state can be restored from this copy alone, as far as this level tells.
    pub restores: bool,
    /// How many records of the line it lacks at its end.
    pub behind: u64,
    /// Sound records.
    pub records: u64,
    /// Bundles of these.
    pub bundles: u64,
    /// The bytes of both.
    pub bytes: u64,
    /// How many bytes the store can still take, if it knows.
    pub free: Option<u64>,
    /// With what a checker remembers: since when all of its bundles were read, in this call or in those before it. Newer
    /// ones were put since then. None: not all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// How many bytes of bundles this call read in this copy.
    pub read: u64,
    /// Objects that records of any copy name, and that this copy lacks.
    pub missing: Findings<Missing>,
    /// Objects with wrong bytes.
    pub damaged: Findings<Damaged>,
    /// Bundles that no record names.
    pub orphans: Findings<String>,
    /// Names that belong to no object of the series.
    pub junk: Findings<String>,
    /// What the repair put into this copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copied: Option<Copied>,
}

/// Findings of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Findings<T> {
    /// How many there are.
    pub count: u64,
    /// How many of them were repaired.
    #[serde(skip_serializing_if = "is_zero")]
    pub repaired: u64,
    /// How many bytes they have, where that matters.
    #[serde(skip_serializing_if = "is_zero")]
    pub bytes: u64,
    /// The first ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<T>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<T> Default for Findings<T> {
    fn default() -> Self {
        Self { count: 0, repaired: 0, bytes: 0, first: Vec::new() }
    }
}

impl<T> Findings<T> {
    pub(super) fn add(&mut self, finding: impl FnOnce() -> T) {
        self.count += 1;
        if self.first.len() < FIRST {
            self.first.push(finding());
        }
    }
}

/// An object that a copy lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Its name.
    pub object: String,
    /// The number of the record that it is, or that names it.
    pub number: u64,
    /// The repair put it here.
    pub repaired: bool,
}

/// An object with wrong bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// Its name.
    pub object: String,
    /// What is wrong.
    pub why: String,
    /// The first damaged item of a bundle, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<u64>,
    /// Where that item begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// The repair replaced it.
    pub repaired: bool,
    /// The store refused to replace it, so it stays.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

/// The end of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForkEnd {
    /// The number of its record.
    pub number: u64,
    /// The hash of its record.
    pub record: String,
    /// False: a record that no copy has could join the lines.
    pub proven: bool,
    /// The copies that hold it.
    pub copies: Vec<String>,
}

/// An object that no copy has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// Its name.
    pub object: String,
    /// The number of the record that it is, or that names it.
    pub number: u64,
    /// How many states need it.
    pub states: u64,
    /// The numbers of the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<u64>,
}

/// What was put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Records, bundles and floor statements.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}
