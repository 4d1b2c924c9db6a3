//! Reads the copies of a series for a host that lists names and reads bytes (`FORMAT.md`, "Log").
//!
//! ```text
//! listed  the names, in little memory
//! facts   what a caller asks, and what it is told
//! read    one object after the other, checked against its name
//! series  which series belong to the key, and the newest record of each copy
//! choose  which record is meant
//! path    the bundles that lead to its state, or else to the next older state
//! report  what was seen
//! ```
//!
//! All of it is one computation that stops where it needs an object (`Pause`) and goes on when the object has come.
//! It is begun anew each time, and what it found out is kept in [`Copies`].

mod choose;
mod facts;
mod listed;
mod path;
mod read;
mod report;
mod series;

pub use facts::{CopyReport, Damage, LeftOut, Plan, ReadingKey, Remarks, Saved, SeriesReport, Standing, Wanted, Which};

use super::name::{Name, Object};
use super::{BundleHash, Fork, Lines, Record, RecordHash};
use crate::error::{Error, Result};
use listed::COPIES_MAX;
use path::Search;
use read::Reading;
use series::Series;
use std::collections::BTreeMap;

/// How many damaged objects, and how many saves that are left out, are listed one by one.
pub const LISTED: usize = 100;
/// How many names one call takes.
pub const NAMES_MAX: usize = 10_000;
/// The most series in the copies.
const SERIES_MAX: usize = 1000;
/// The most saves that wait to be taken.
const SAVES_MAX: usize = 1000;
/// How many names of junk are kept, and how many of their characters.
const JUNK_MAX: usize = 20;
const JUNK_LENGTH: usize = 100;

/// The copies of a series, and the search for a state in them.
///
/// Call [`Copies::add_name`] with the names of all objects. Then, until [`Copies::next`] gives none, read what it gives,
/// and hand it over with [`Copies::push`], or say [`Copies::absent`]. [`Copies::plan`] then has the bundles.
///
/// What a copy says is believed only as far as a signature of the key proves it. It holds about 100 bytes for each
/// record that the copies list.
pub struct Copies {
    key: ReadingKey,
    domain: Option<String>,
    which: Which,
    /// How many copies there are.
    count: usize,
    series: BTreeMap<[u8; 16], Series>,
    remarks: Remarks,
    junk: [u64; COPIES_MAX],
    reading: Option<Reading>,
    /// Records that were read, a few.
    cache: BTreeMap<RecordHash, Record>,
    /// Bundles that were read and are sound, and where.
    sound: BTreeMap<BundleHash, usize>,
    begun: bool,
    chosen: Option<[u8; 16]>,
    lines: Lines,
    lines_read: usize,
    ends: Option<Ends>,
    meant: Option<Record>,
    cursor: choose::Cursor,
    saves: Vec<Saved>,
    search: Option<Search>,
    outcome: Option<Result<Option<Plan>>>,
}

/// The ends of the log, over all copies.
#[derive(Clone)]
enum Ends {
    Newest(Record),
    Fork(Fork),
}

/// Why the computation stops.
enum Pause {
    /// It needs this object. Of a bundle: so many bytes.
    Read(Wanted, Option<u64>),
    /// It cannot go on.
    Failed(Error),
}

impl From<Error> for Pause {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

type Stepped<T = ()> = Result<T, Pause>;

impl Copies {
    /// Begins. `domain`: the name of the domain, or its id with 32 digits, where the copies hold several series of the
    /// key. A name helps only with a recovery key.
    pub fn new(key: ReadingKey, domain: Option<String>, which: Which) -> Self {
        Self {
            key,
            domain,
            which,
            count: 0,
            series: BTreeMap::new(),
            remarks: Remarks::default(),
            junk: [0; COPIES_MAX],
            reading: None,
            cache: BTreeMap::new(),
            sound: BTreeMap::new(),
            begun: false,
            chosen: None,
            lines: Lines::new(),
            lines_read: 0,
            ends: None,
            meant: None,
            cursor: choose::Cursor::default(),
            saves: Vec::new(),
            search: None,
            outcome: None,
        }
    }

    /// Takes the name of an object of a copy, relative to the directory of the copy: `<domain id>/log/…`. Other names
    /// are counted and passed over. Copies have the numbers from 0 on, at most 16.
    ///
    /// # Errors
    /// Misuse: the number of the copy is too high, or [`Copies::next`] was called. Too big: more than 1000 series.
    pub fn add_name(&mut self, copy: usize, name: &str) -> Result<()> {
        self.add_copy(copy)?;
        let Some(Name { domain_id, object }) = Name::parse(name) else {
            self.junk[copy] += 1;
            if self.remarks.junk.len() < JUNK_MAX {
                self.remarks.junk.push(name.chars().take(JUNK_LENGTH).flat_map(char::escape_debug).collect());
            }
            return Ok(());
        };
        if self.series.len() >= SERIES_MAX && !self.series.contains_key(&domain_id.0) {
            return Err(Error::too_big(format!(
                "the copies hold more than {SERIES_MAX} series; give fewer directories"
            )));
        }
        let series = self.series.entry(domain_id.0).or_default();
        match object {
            Object::Record(record) => series.records.add(record, copy),
            Object::Bundle(bundle) => series.bundles.add(bundle, copy),
            // Pruning has its own tools. Here it does not matter what may be gone, but what is there.
            Object::Floor { .. } => {}
        }
        Ok(())
    }

    /// There is this copy, though it may be empty.
    ///
    /// # Errors
    /// As [`Copies::add_name`].
    pub fn add_copy(&mut self, copy: usize) -> Result<()> {
        if self.begun {
            return Err(Error::misuse("add-names: next was called before; give all names first"));
        }
        if copy >= COPIES_MAX {
            return Err(Error::misuse(format!("add-names: at most {COPIES_MAX} copies are read together")));
        }
        self.count = self.count.max(copy + 1);
        Ok(())
    }

    /// The most bytes that are allocated when so many more names are added. It is for a caller that has little memory.
    pub fn growth(&self, count: usize) -> usize {
        self.series.values().map(|series| series.records.growth(count).max(series.bundles.growth(count))).sum()
    }

    /// The object that has to be read next. What was pushed of the one before it is complete. None: there is nothing
    /// more to read.
    ///
    /// # Errors
    /// Misuse: more than 1000 saves of the log wait to be taken ([`Copies::take_saves`]).
    #[allow(clippy::should_implement_trait)] // It can fail.
    pub fn next(&mut self) -> Result<Option<Wanted>> {
        if self.saves.len() > SAVES_MAX {
            return Err(Error::misuse("next: saves of the log wait; take them first"));
        }
        if !self.begun {
            self.begun = true;
            self.series.values_mut().for_each(Series::settle);
        }
        self.conclude();
        if self.outcome.is_some() {
            return Ok(None);
        }
        match self.run() {
            Ok(plan) => self.outcome = Some(Ok(plan)),
            Err(Pause::Failed(error)) => self.outcome = Some(Err(error)),
            Err(Pause::Read(wanted, length)) => {
                self.reading = Some(Reading::new(wanted, length));
                return Ok(Some(wanted));
            }
        }
        self.complete_remarks();
        Ok(None)
    }

    /// The saves of the log that were read since the last call, the newest first. With [`Which::Log`].
    pub fn take_saves(&mut self) -> Vec<Saved> {
        std::mem::take(&mut self.saves)
    }

    /// The bundles to the state that is meant. None: the log was asked for ([`Which::Log`]).
    ///
    /// # Errors
    /// - Misuse: something has to be read first. Or the copies hold several series of the key: the text has their domain
    ///   ids. Or a date is asked for with a verify key.
    /// - Wrong key: the copies hold series, but none of this key.
    /// - Host: there is no such save. The text tells what there is.
    /// - Mismatch: the log forks, and it is not said which end is meant. The text names them.
    /// - Corrupt: no path of sound bundles leads to any state that may be given. The text tells what is missing.
    pub fn plan(&self) -> Result<Option<Plan>> {
        match &self.outcome {
            Some(outcome) => outcome.clone(),
            None => Err(Error::misuse("plan: read what next gives, until it gives none")),
        }
    }

    /// What was seen in the copies, also where there is no plan.
    ///
    /// # Errors
    /// Misuse: something has to be read first.
    pub fn remarks(&self) -> Result<&Remarks> {
        match &self.outcome {
            Some(_) => Ok(&self.remarks),
            None => Err(Error::misuse("remarks: read what next gives, until it gives none")),
        }
    }

    fn run(&mut self) -> Stepped<Option<Plan>> {
        let domain = self.choose_series()?;
        self.find_ends(domain)?;
        if self.which == Which::Log {
            self.read_log(domain)?;
            return Ok(None);
        }
        let meant = self.choose_record(domain)?;
        self.find_path(domain, &meant).map(Some)
    }
}
