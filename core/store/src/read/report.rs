//! What became of each copy.

use crate::CopyName;
use lifeboat_core::log::RecordRef;

/// One copy, as it was seen. This holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyReport {
    /// The copy, as the caller named it.
    pub place: CopyName,
    /// How it stands beside the others.
    pub state: Standing,
    /// Its newest authentic record.
    pub newest: Option<RecordRef>,
    /// When its newest record was saved, as the caller of that save said: milliseconds from 1970. Only with a key that
    /// reads.
    pub date: Option<i64>,
    /// Why it is not current.
    pub why: Option<String>,
    /// How many names in its log have no authentic record, as far as they were seen.
    pub junk: usize,
}

/// How a copy stands beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It holds the newest record.
    Current,
    /// It holds an older record of the same line.
    Behind,
    /// It holds no record of this series.
    Empty,
    /// The place is not there: a volume that is not connected, a bucket that does not exist.
    Absent,
    /// It did not answer, or refused.
    Unreachable,
    /// What it answered cannot be right.
    Hostile,
    /// A record of another copy proves that this one held more than it shows, if it is still saved to.
    Withholds,
    /// Its newest record is not on one line with that of another copy, or with another record of its own.
    Forked,
}

impl Standing {
    /// The word in texts and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Behind => "behind",
            Self::Empty => "empty",
            Self::Absent => "absent",
            Self::Unreachable => "unreachable",
            Self::Hostile => "hostile",
            Self::Withholds => "withholds",
            Self::Forked => "forked",
        }
    }

    /// The copy answered, so it can be read from.
    pub fn answered(self) -> bool {
        !matches!(self, Self::Absent | Self::Unreachable | Self::Hostile)
    }
}

/// Why copies are not current, in one line.
pub(super) fn reasons(reports: &[CopyReport]) -> String {
    let reasons = reports.iter().filter_map(|report| {
        let why = report.why.as_ref()?;
        Some(format!("{}: {}: {why}", report.place, report.state.name()))
    });
    reasons.collect::<Vec<_>>().join("; ")
}
