//! All copies of one series, looked at side by side.

use super::domains::{DomainReport, Domains, Found, Reader, ReadingKey, check_exist, search, signers};
use super::report::{CopyReport, Standing, reasons};
use super::shelf::Shelf;
use super::wait::{Wait, side_by_side};
use crate::save::CopyStore;
use crate::series::{FIRST_PAGE, Look, look};
use crate::{StoreError, StoreErrorKind};
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::{Fork, Lines, Record, RecordRef, SealedPart, Standing as LineStanding};
use lifeboat_core::{AccessKey, Error, Result};
use std::collections::BTreeMap;

/// How many names the first list has. A save looks at few; a restore goes back to the last full bundle.
const PAGE: usize = 4 * FIRST_PAGE;
/// After this many rounds of reading, two ends count as unrelated.
const ROUNDS: usize = 400;

/// Which series is read.
#[derive(Clone, Copy, Debug)]
pub enum Domain<'a> {
    /// The series of a write key or a read key. For other keys, the only one in the stores that belongs to the key.
    Only,
    /// The series with this name. Only a recovery key knows names; for other keys it must be their own name.
    Named(&'a str),
    /// The series with this id.
    Id(DomainId),
}

/// The copies of one series, as they were seen.
pub struct Copies {
    pub(super) copies: Vec<CopyStore>,
    pub(super) reports: Vec<CopyReport>,
    /// None: no copy holds a record of the series.
    pub(super) shelf: Option<Shelf>,
    pub(super) ends: Ends,
    domain: Option<DomainId>,
    others: Domains,
    /// What the key is, and whose series there are instead: for an error, if only those were found.
    strangers: String,
}

/// The ends of the log, over all copies.
#[derive(Clone, Debug)]
pub(super) enum Ends {
    None,
    Newest(Record),
    Fork(Fork),
}

impl Copies {
    /// Looks at all copies of a series. Each is asked for one list and its newest record. If the domain is not given,
    /// each is also asked for one list for each series that it holds.
    ///
    /// If at least one copy answers, those that do not answer are reported. It is no error here if no copy holds the
    /// series: see [`Copies::is_empty`].
    ///
    /// # Errors
    /// Unreachable when no copy answers; misuse when there are no copies, or when the domain must be given: the text
    /// lists the domains of the key; wrong key when the domain does not belong to the key; interrupted.
    pub fn open(copies: Vec<CopyStore>, key: &ReadingKey, domain: Domain<'_>, wait: &Wait<'_>) -> Result<Self> {
        if copies.is_empty() {
            return Err(Error::misuse("no store is named; name at least one"));
        }
        let id = match (domain, key) {
            (Domain::Id(id), _) => Some(id),
            (_, ReadingKey::Access(access)) if access.own_domain().is_some() => access.own_domain(),
            (Domain::Named(name), ReadingKey::Access(AccessKey::Recovery(key))) => Some(key.domain_id(name)?),
            _ => None,
        };
        let Some(id) = id else { return Self::open_only(copies, key, wait) };
        let reader = match key {
            ReadingKey::Access(access) => access.keys(id).map(|_| key.reader(id))?,
            ReadingKey::Verify(_) => key.reader(id),
        };
        let reader = reader.ok_or_else(|| Error::wrong_key("the domain is not of this key; nothing was read"))?;
        let (domain, verify_key) = (reader.domain, reader.verify_key);
        let looks = side_by_side(wait, &copies, |copy, pace| {
            look(&*copy.store, domain, &verify_key, None, PAGE, &pace.next())
        })?;
        let mut opened = Self::judge(copies, reader, looks, wait)?;
        if opened.is_empty() {
            let found = search(&opened.copies, key, FIRST_PAGE, wait)?;
            let own = found.mine.iter().map(Found::report).filter(|report| report.domain_id != id);
            opened.others = Domains { own: own.collect(), foreign: found.others, failed: Vec::new() };
            opened.strangers = strangers(&opened.copies, key, &opened.others, wait)?;
        }
        Ok(opened)
    }

    /// The only series in the stores that belongs to the key.
    fn open_only(copies: Vec<CopyStore>, key: &ReadingKey, wait: &Wait<'_>) -> Result<Self> {
        let mut found = search(&copies, key, PAGE, wait)?;
        if found.mine.len() > 1 {
            let own = found.mine.iter().map(|found| {
                let DomainReport { domain_id, newest, .. } = found.report();
                format!("{domain_id} with {newest} saves")
            });
            return Err(Error::misuse(format!(
                "the stores hold several series of this key; say which domain is meant, by its name with the option \
                 `domain` ({})",
                own.collect::<Vec<_>>().join("; ")
            )));
        }
        match found.mine.pop() {
            Some(Found { reader, mut looks }) => {
                let mut failed = found.failed;
                let looks = (0..copies.len()).map(|copy| match failed.remove(&copy) {
                    Some(error) => Err(error),
                    None => Ok(looks.remove(&copy).unwrap_or_default()),
                });
                let looks = looks.collect();
                Self::judge(copies, reader, looks, wait)
            }
            None => {
                let mut failed = found.failed;
                let of = |(copy, store): (usize, &CopyStore)| report(store, failed.remove(&copy).map_or(Ok(()), Err));
                let reports: Vec<_> = copies.iter().enumerate().map(of).collect();
                check_any_answers(&reports)?;
                let others = Domains { foreign: found.others, ..Domains::default() };
                let strangers = strangers(&copies, key, &others, wait)?;
                Ok(Self { copies, reports, shelf: None, ends: Ends::None, domain: None, others, strangers })
            }
        }
    }

    fn judge(
        copies: Vec<CopyStore>,
        reader: Reader,
        looks: Vec<Result<Look, StoreError>>,
        wait: &Wait<'_>,
    ) -> Result<Self> {
        let (mut reports, mut answers) = (Vec::new(), BTreeMap::new());
        for (place, (copy, look)) in copies.iter().zip(looks).enumerate() {
            let look = look.and_then(|look| match look.newest {
                None if look.junk > 0 => Err(StoreError::corrupt(format!(
                    "none of the names in its log is a record of this key, which {} signs",
                    reader.verify_key
                ))),
                _ => Ok(look),
            });
            reports.push(report(copy, look.as_ref().map(drop).map_err(Clone::clone)));
            if let Ok(look) = look {
                let report = &mut reports[place];
                (report.newest, report.junk) = (look.newest, look.junk);
                answers.insert(place, look);
            }
        }
        check_any_answers(&reports)?;
        let domain = Some(reader.domain);
        let others = Domains::default();
        let mut shelf = Shelf::new(reader, &copies, &answers);
        let ends = ends(&mut shelf, &answers, wait)?;
        let strangers = String::new();
        let mut opened = Self { copies, reports, shelf: None, ends, domain, others, strangers };
        opened.compare(&mut shelf, wait)?;
        opened.date(&shelf);
        opened.shelf = (!matches!(opened.ends, Ends::None)).then_some(shelf);
        Ok(opened)
    }

    /// Compares each copy with the newest record.
    fn compare(&mut self, shelf: &mut Shelf, wait: &Wait<'_>) -> Result<()> {
        let (top, heads) = match &self.ends {
            Ends::None => return Ok(()),
            Ends::Newest(top) => (Some(top), Vec::new()),
            Ends::Fork(fork) => (None, fork.heads.clone()),
        };
        let older = |report: &CopyReport| match (top, report.newest) {
            (Some(top), Some(newest)) => newest != top.reference(),
            _ => false,
        };
        let places: Vec<_> = (0..self.reports.len()).filter(|&place| older(&self.reports[place])).collect();
        // A list may not show yet what was put. So the newest record is asked for by its name.
        let late = match top {
            Some(top) if !places.is_empty() => {
                side_by_side(wait, &places, |place, pace| shelf.has(*place, top.reference(), pace))?
            }
            _ => Vec::new(),
        };
        let late: BTreeMap<_, _> = places.into_iter().zip(late).collect();
        for (place, report) in self.reports.iter_mut().enumerate().filter(|(_, report)| report.state.answered()) {
            let Some(newest) = report.newest else { continue };
            let has_top = matches!(late.get(&place), Some(Ok(true)));
            (report.state, report.why) = match top {
                None if heads.contains(&newest) => (Standing::Forked, Some(format!("it ends with {}", of(newest)))),
                None => (Standing::Behind, None),
                Some(top) if has_top || newest == top.reference() => {
                    report.newest = Some(top.reference());
                    (Standing::Current, None)
                }
                Some(top) => judge_older(newest, top),
            };
        }
        Ok(())
    }

    fn date(&mut self, shelf: &Shelf) {
        for report in &mut self.reports {
            let record = report.newest.and_then(|newest| shelf.get(newest));
            report.date = record.and_then(|record| open_sealed(shelf, record)).and_then(|sealed| sealed.date);
        }
    }

    /// One for each copy, in the caller's order. A copy that failed after the first look is reported as it is now.
    pub fn reports(&self) -> Vec<CopyReport> {
        let mut reports = self.reports.clone();
        for (place, error) in self.shelf.iter().flat_map(Shelf::failed) {
            let CopyReport { state, why, .. } = report(&self.copies[place], Err(error.clone()));
            (reports[place].state, reports[place].why) = (state, why);
        }
        reports
    }

    /// No copy that answers holds a record of the series.
    pub fn is_empty(&self) -> bool {
        matches!(self.ends, Ends::None)
    }

    /// The reports, if the series begins: all copies answered, and none holds a record of it. None: the series exists.
    ///
    /// # Errors
    /// Those of [`check_seen`](Self::check_seen).
    pub fn begins_anew(&self) -> Result<Option<Vec<CopyReport>>> {
        if !self.is_empty() {
            return Ok(None);
        }
        self.check_seen().map_err(|error| error.with("nothing was begun"))?;
        Ok(Some(self.reports()))
    }

    /// Checks that an empty series is one that surely does not exist.
    ///
    /// # Errors
    /// Unreachable when a copy that does not answer may hold it; those of [`Copies::check_key`].
    pub fn check_seen(&self) -> Result<()> {
        if self.is_empty() && !self.all_answered() {
            return Err(Error::unreachable(format!(
                "no copy that answers holds a save, and one that does not answer may hold it ({})",
                self.reasons()
            )));
        }
        self.check_key()
    }

    /// # Errors
    /// Wrong key when the stores hold only series of other keys: that is what somebody with a mistyped key would see.
    pub fn check_key(&self) -> Result<()> {
        if self.is_empty() && self.others.foreign > 0 && self.others.own.is_empty() {
            return Err(self.wrong_key("give the right key, or other stores"));
        }
        Ok(())
    }

    /// The error of a key whose series nobody holds.
    pub(super) fn wrong_key(&self, end: &str) -> Error {
        let text = format!("the stores hold {} series, and none with a record of this key; {end}", self.others.foreign);
        Error::wrong_key(if self.strangers.is_empty() { text } else { format!("{text} ({})", self.strangers) })
    }

    /// Checks, if no copy holds a record, that each place is there. A path that was mistyped is none.
    ///
    /// # Errors
    /// Host, with the name of a store that is a directory which does not exist.
    pub fn check_exist(&self) -> Result<()> {
        if self.is_empty() { check_exist(&self.copies) } else { Ok(()) }
    }

    /// All copies answered.
    pub fn all_answered(&self) -> bool {
        self.reports.iter().all(|report| report.state.answered())
    }

    /// The domain of the series. None: it was not given, and no copy holds a series of the key.
    pub fn domain_id(&self) -> Option<DomainId> {
        self.domain
    }

    /// What else the stores hold. This is looked for only if the series was not found.
    pub fn others(&self) -> &Domains {
        &self.others
    }

    /// The newest record. None: there is none, or the log forks.
    pub fn newest(&self) -> Option<&Record> {
        match &self.ends {
            Ends::Newest(record) => Some(record),
            _ => None,
        }
    }

    /// The ends of a fork.
    pub fn fork(&self) -> Option<&Fork> {
        match &self.ends {
            Ends::Fork(fork) => Some(fork),
            _ => None,
        }
    }

    /// What a record says to holders of the key. None: there is no such key, or this version cannot read it.
    pub fn sealed(&self, record: &Record) -> Option<SealedPart> {
        self.shelf.as_ref().and_then(|shelf| open_sealed(shelf, record))
    }

    /// The record and the copies that have it, for texts.
    pub(super) fn describe(&self, record: RecordRef) -> String {
        let has = |report: &&CopyReport| report.newest == Some(record);
        let places: Vec<_> = self.reports.iter().filter(has).map(|report| report.place.to_string()).collect();
        let state = self.shelf.as_ref().and_then(|shelf| shelf.get(record)).map(|record| record.entry().state_id);
        let state = state.map_or(String::new(), |state| format!(", '#state={state}'"));
        match places.is_empty() {
            true => format!("{}{state}", of(record)),
            false => format!("{}{state} in {}", of(record), places.join(", ")),
        }
    }

    pub(super) fn reasons(&self) -> String {
        reasons(&self.reports())
    }
}

pub(super) fn open_sealed(shelf: &Shelf, record: &Record) -> Option<SealedPart> {
    // A sealed part of another revision must not stop a restore.
    shelf.reader.keys.as_ref().and_then(|keys| record.open(keys).ok())
}

pub(super) fn of(record: RecordRef) -> String {
    format!("number {}: {}", record.number, record.hash)
}

fn judge_older(newest: RecordRef, top: &Record) -> (Standing, Option<String>) {
    let top_number = top.entry().number;
    // When a record is made, it names the newest records of the copies that lag.
    if top.entry().previous.contains(&newest) {
        return (
            Standing::Behind,
            Some(format!("its newest is number {}, and the newest is {top_number}", newest.number)),
        );
    }
    let why = format!(
        "its newest is number {}; number {top_number} does not name it as one of a copy that lags: it held more, or \
         nobody saves to it any more",
        newest.number
    );
    (Standing::Withholds, Some(why))
}

/// The ends of the log, after reading the records that may join its lines.
fn ends(shelf: &mut Shelf, looks: &BTreeMap<usize, Look>, wait: &Wait<'_>) -> Result<Ends> {
    let mut lines = Lines::new();
    looks.values().flat_map(|look| &look.records).for_each(|record| lines.add(record));
    let mut round = 0;
    loop {
        let wanted = match lines.standing(1) {
            LineStanding::Empty => return Ok(Ends::None),
            LineStanding::Fork(fork) => return Ok(Ends::Fork(fork)),
            LineStanding::Newest(newest) => {
                let newest = shelf.get(newest).cloned();
                return Ok(newest.map_or(Ends::None, Ends::Newest));
            }
            LineStanding::Unread { read, .. } => read,
        };
        // The ends are so many records apart that nobody can say. Then it counts as a fork.
        if round < ROUNDS && wanted.iter().all(|wanted| shelf.get(*wanted).is_none()) {
            shelf.read_towards(&wanted, round, wait)?;
            round += 1;
        }
        let mut any = false;
        for record in wanted.iter().filter_map(|wanted| shelf.get(*wanted)) {
            lines.add(record);
            any = true;
        }
        if !any {
            lines.absent(wanted[0]);
        }
    }
}

/// What the key is, and whose series the stores hold, if none is of the key.
fn strangers(copies: &[CopyStore], key: &ReadingKey, others: &Domains, wait: &Wait<'_>) -> Result<String> {
    if others.foreign == 0 || !others.own.is_empty() {
        return Ok(String::new());
    }
    let signers = signers(copies, wait)?;
    let held = if signers.is_empty() { String::new() } else { format!("; they hold {signers}") };
    Ok(format!("this is {}{held}", key.describe()))
}

fn report(copy: &CopyStore, answer: Result<(), StoreError>) -> CopyReport {
    let (state, why) = match answer {
        Ok(()) if !copy.store.exists() => (Standing::Empty, Some("the directory does not exist".to_owned())),
        Ok(()) => (Standing::Empty, Some("it holds no record of this series".to_owned())),
        Err(error) => {
            let state = match error.kind() {
                StoreErrorKind::Absent => Standing::Absent,
                StoreErrorKind::Corrupt => Standing::Hostile,
                _ => Standing::Unreachable,
            };
            (state, Some(error.message().to_owned()))
        }
    };
    CopyReport { place: copy.name.clone(), state, newest: None, date: None, why, junk: 0 }
}

fn check_any_answers(reports: &[CopyReport]) -> Result<()> {
    if reports.iter().any(|report| report.state.answered()) {
        return Ok(());
    }
    let text = format!("no copy can be read ({})", reasons(reports));
    // If all copies that answer are wrong, it does not help to try again.
    let is_hostile = reports.iter().all(|report| report.state == Standing::Hostile);
    Err(if is_hostile { Error::corrupt(text) } else { Error::unreachable(text) })
}
