//! Checks all copies of series, and heals them from one another. For this, a verify key is enough.
//!
//! ```text
//! report    what a call found; levels
//! cursor    where a check goes on that ran out of time
//! series    the check of one series, step by step; context: what its steps share
//! catalog   what the records of all copies say, and which copy has what
//! log       reads the logs of all copies together
//! stock     lists bundles and floor statements
//! bundles   reads the bundles of all copies; object: one of them; last_reads: what was read when
//! heal      copies what is missing or damaged from the other copies; lane: into one copy
//! findings  makes the report on a series
//! events    what a check tells in the log of events
//! ```
//!
//! Nothing is remembered between calls but the cursor, which the caller keeps, and in a directory, if one is given, when
//! what was read. No record and no bundle is held: for each
//! record and its bundle about 200 bytes, and of bundles at most 16 pieces of 2 MiB at one time.

mod bundles;
pub(crate) mod catalog;
pub(crate) mod context;
mod cursor;
mod events;
mod findings;
mod heal;
mod lane;
mod last_reads;
pub(crate) mod log;
pub(crate) mod object;
mod report;
pub(crate) mod series;
mod stock;

pub use events::note_events;
pub use report::{
    Copied, CopyScrub, Damaged, FIRST, Findings, ForkEnd, Level, Lost, Missing, ScrubReport, SeriesReport, Unreachable,
};

use crate::Selector;
use crate::read::{Copies, CopyStore, Domain, ReadingKey, Wait, domains};
use crate::save::Files;
use catalog::COPIES_MAX;
use cursor::Cursor;
use last_reads::LastReads;
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::name;
use lifeboat_core::{AccessKey, Error, ErrorKind, Result};
use std::path::Path;
use std::time::{Duration, Instant};

/// A check of copies.
pub struct Scrub<'a> {
    /// The stores. At most 64.
    pub copies: Vec<CopyStore>,
    /// Whose series are checked.
    pub key: &'a ReadingKey,
    /// Only the series of this domain: its name, for a recovery key; its id, for a verify key.
    pub domain: Option<&'a str>,
    /// How deep the check goes.
    pub level: Level,
    /// Copies what is missing or damaged from a copy where it is sound.
    pub repair: bool,
    /// The repair also fills copies that hold nothing of a series.
    pub add: bool,
    /// About how long it may take. What was begun is finished: the list of one series, the bundles that are being read.
    pub time: Option<Duration>,
    /// Where a call before this one stopped: [`ScrubReport::cursor`].
    pub cursor: Option<&'a str>,
    /// A directory where it is remembered when what was read. It is made if it does not exist. With a cursor, that counts.
    pub local: Option<&'a Path>,
    /// The file system of that directory.
    pub files: &'a dyn Files,
    /// The time in seconds since 1970, by the clock of this checker.
    pub now: u64,
}

/// The series to check, and what else was seen while they were looked for.
struct Chosen {
    domains: Vec<DomainId>,
    foreign: Option<usize>,
    unreachable: Vec<Unreachable>,
}

impl Scrub<'_> {
    /// Checks the copies, and repairs them if that was asked for.
    ///
    /// # Errors
    /// - Misuse: a level that the key does not allow; `add` without `repair`; a wrong cursor; no store, or too many.
    /// - Wrong key when the stores hold only series of other keys. Host when they hold nothing. Unreachable when no
    ///   store answers.
    /// - Interrupted: what was repaired until then stays.
    ///
    /// What is wrong in a copy is no error, but stands in the report.
    pub fn run(&self, wait: &Wait<'_>) -> Result<ScrubReport> {
        let deadline = self.time.and_then(|time| Instant::now().checked_add(time));
        let cursor = self.check()?;
        let mut last_reads = self
            .local
            .filter(|_| self.cursor.is_none())
            .map(|local| LastReads::open(self.files, local, self.now))
            .transpose()?;
        let report = self.go(cursor, deadline, last_reads.as_mut(), wait).map_err(|error| match error.kind() {
            ErrorKind::Interrupted if self.repair => {
                Error::interrupted("the application interrupted the repair; what was put until then stays")
            }
            _ => error,
        });
        // What was read was read, however the call ends.
        let written = last_reads.as_ref().map(LastReads::write).transpose();
        let report = report?;
        written.map(|_| report)
    }

    fn check(&self) -> Result<Option<Cursor>> {
        if self.copies.is_empty() || self.copies.len() > COPIES_MAX {
            return Err(Error::misuse(format!("name from 1 to {COPIES_MAX} stores, and not {}", self.copies.len())));
        }
        if matches!(self.key, ReadingKey::Verify(_)) && !findings::needs_no_key(self.level) {
            return Err(Error::misuse(format!(
                "a verify key opens nothing, so the level '{}' is not for it; use 'list' or 'hashes', or give a key that \
                 reads",
                self.level.name()
            )));
        }
        if self.add && !self.repair {
            return Err(Error::misuse("the option `add` fills new copies by a repair; give the option `repair`, too"));
        }
        self.cursor.map(Cursor::parse).transpose()
    }

    fn go(
        &self,
        mut cursor: Option<Cursor>,
        deadline: Option<Instant>,
        mut last_reads: Option<&mut LastReads<'_>>,
        wait: &Wait<'_>,
    ) -> Result<ScrubReport> {
        let Chosen { mut domains, foreign, unreachable } = self.choose(wait)?;
        if let Some(last_reads) = &last_reads {
            let stores: Vec<_> = self.copies.iter().filter_map(|copy| copy.store.id().ok()).collect();
            domains.sort_by_key(|domain| (last_reads.oldest(*domain, &stores), domain.0));
        }
        let (mut reports, mut next) = (Vec::new(), None);
        for domain in domains {
            let from = match cursor {
                Some(cursor) if domain.0 < cursor.domain.0 => continue,
                Some(_) => cursor.take().filter(|cursor| cursor.domain == domain),
                None => None,
            };
            let from = from.unwrap_or_else(|| Cursor::start(domain));
            if !reports.is_empty() && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                next = Some(from);
                break;
            }
            if let Some((report, rest)) = series::check(self, from, deadline, last_reads.as_deref_mut(), wait)? {
                // With what is remembered, a series can be checked though the time is over.
                next = rest.filter(|_| last_reads.is_none() || !report.checked);
                reports.push(report);
                if next.is_some() {
                    break;
                }
            }
        }
        let sound = next.is_none() && unreachable.is_empty() && reports.iter().all(SeriesReport::is_sound);
        Ok(ScrubReport {
            level: self.level,
            sound,
            finished: next.is_none(),
            cursor: next.filter(|_| last_reads.is_none()).map(|cursor| cursor.to_string()),
            series: reports,
            foreign,
            unreachable,
        })
    }

    fn choose(&self, wait: &Wait<'_>) -> Result<Chosen> {
        if let Some(domain) = self.domain()? {
            let mut copies = Copies::open(self.copies.clone(), self.key, Domain::Id(domain), wait)?;
            if copies.is_empty() {
                copies.select(&Selector::Newest, wait)?;
            }
            return Ok(Chosen { domains: vec![domain], foreign: None, unreachable: Vec::new() });
        }
        let found = domains(&self.copies, self.key, wait)?;
        if found.own.is_empty() {
            // This gives the same error as a read: whether there are others, or who did not answer.
            Copies::open(self.copies.clone(), self.key, Domain::Only, wait)?.select(&Selector::Newest, wait)?;
            return Err(Error::host("the first series of this key came to the stores meanwhile; call again"));
        }
        let unreachable = found.failed.iter().map(|(copy, error)| Unreachable {
            store: self.copies[*copy].name.clone(),
            why: error.message().to_owned(),
        });
        let unreachable = unreachable.collect();
        let mut domains: Vec<_> = found.own.iter().map(|own| own.domain_id).collect();
        domains.sort_by_key(|domain| domain.0);
        Ok(Chosen { domains, foreign: Some(found.foreign), unreachable })
    }

    /// The domain that the caller named.
    fn domain(&self) -> Result<Option<DomainId>> {
        let Some(named) = self.domain else { return Ok(None) };
        match self.key {
            ReadingKey::Access(AccessKey::Recovery(key)) => key.domain_id(named).map(Some),
            ReadingKey::Access(key) => Ok(key.own_domain()),
            ReadingKey::Verify(_) => name::domain(named).map(Some).ok_or_else(|| {
                Error::misuse("a verify key knows no names of domains; give the id of the domain, as the report has it")
            }),
        }
    }
}
