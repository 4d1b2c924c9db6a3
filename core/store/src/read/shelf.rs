//! The records of a series that were read, from any copy that has them.

use super::domains::Reader;
use super::wait::{MANY, Pace, Wait, at_most, found, side_by_side};
use crate::save::CopyStore;
use crate::series::{Look, named, read_record, read_record_of};
use crate::{LIST_MAX, Result as StoreResult, Store, StoreError, StoreErrorKind};
use lifeboat_core::Result;
use lifeboat_core::log::name::{self, Name, Object};
use lifeboat_core::log::{NUMBER_MAX, Record, RecordHash, RecordRef};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// How many records are read at once when they are asked for one after the other. At first these are only some of those that
/// were listed already, since few may be enough.
const BATCHES: [usize; 3] = [16, MANY, 64];
/// The spans of short cuts, the longest first.
const SPANS: [u64; 3] = [4096, 256, 16];
/// How many lists one step down may take. A copy that needs more counts as hostile.
const PAGES_MAX: usize = 4;

/// Records, names of records, and the copies that they come from.
pub(super) struct Shelf {
    pub(super) reader: Reader,
    copies: Vec<Shelved>,
    records: BTreeMap<RecordHash, (Record, usize)>,
    absent: BTreeSet<RecordHash>,
    /// Names that were listed: in which copies, and with what length.
    names: BTreeMap<RecordRef, Vec<(usize, u64)>>,
    /// Ranges of numbers that were listed in all copies, each from its highest to its lowest number.
    listed: Vec<(u64, u64)>,
    /// A record was seen that leads further back than to the record before it.
    has_short_cuts: bool,
}

/// A copy that answers.
struct Shelved {
    place: usize,
    store: Arc<dyn Store>,
    newest: u64,
    /// Why it is not asked any more: it stopped answering, or its list is not valid.
    failed: OnceLock<StoreError>,
}

impl Shelved {
    fn answers(&self) -> bool {
        self.failed.get().is_none()
    }

    /// What was asked for. A copy that does not answer is not asked again: each request would take all of the patience.
    fn answer<T>(&self, asked: StoreResult<T>) -> Option<T> {
        match asked {
            Ok(answer) => Some(answer),
            Err(error) => {
                if matches!(error.kind(), StoreErrorKind::Unreachable | StoreErrorKind::Absent) {
                    // Keep the first reason.
                    let _ = self.failed.set(error);
                }
                None
            }
        }
    }
}

/// What is read by one job.
struct Wanted {
    what: What,
    /// It may be needed next, if no full bundle is found before it.
    is_guess: bool,
}

enum What {
    /// This record, which these copies list with these lengths.
    Record(RecordRef, Vec<(usize, u64)>),
    /// Any record with this number.
    Number(u64),
}

impl Shelf {
    /// A shelf before any further read: it holds only what the looks show.
    pub(super) fn new(reader: Reader, copies: &[CopyStore], looks: &BTreeMap<usize, Look>) -> Self {
        let shelved = looks.iter().map(|(place, look)| Shelved {
            place: *place,
            store: copies[*place].store.clone(),
            newest: look.newest.map_or(0, |newest| newest.number),
            failed: OnceLock::new(),
        });
        let mut shelf = Self {
            reader,
            copies: shelved.collect(),
            records: BTreeMap::new(),
            absent: BTreeSet::new(),
            names: BTreeMap::new(),
            listed: Vec::new(),
            has_short_cuts: false,
        };
        for (place, look) in looks {
            look.records.iter().for_each(|record| shelf.add(record.clone(), *place));
            look.names.iter().for_each(|(name, length)| shelf.add_name(*name, *place, *length));
        }
        shelf.listed.extend(looks.values().map(|look| look.listed).max().map(|lowest| (NUMBER_MAX, lowest.max(1))));
        shelf
    }

    fn add(&mut self, record: Record, place: usize) {
        let entry = record.entry();
        let mut bases = entry.bundles.iter().filter_map(|bundle| bundle.base);
        self.has_short_cuts |= bases.any(|base| base.record.number + 1 < entry.number);
        self.records.entry(record.reference().hash).or_insert((record, place));
    }

    fn add_name(&mut self, name: RecordRef, place: usize, length: u64) {
        let copies = self.names.entry(name).or_default();
        if copies.iter().all(|(copy, _)| *copy != place) {
            copies.push((place, length));
        }
    }

    pub(super) fn get(&self, record: RecordRef) -> Option<&Record> {
        self.records.get(&record.hash).map(|(record, _)| record)
    }

    /// The copies that list this record, and the copy that it was read from.
    pub(super) fn copies_of(&self, record: RecordRef) -> Vec<usize> {
        let listed = self.names.get(&record).into_iter().flatten().map(|(place, _)| *place);
        let read = self.records.get(&record.hash).map(|(_, place)| *place);
        let copies: BTreeSet<_> = listed.chain(read).collect();
        copies.into_iter().collect()
    }

    /// The same, and then the other copies. Those that are further on come first.
    pub(super) fn copies_for(&self, record: RecordRef) -> Vec<usize> {
        let mut order = self.copies_of(record);
        let (after, before): (Vec<_>, Vec<_>) = self.copies.iter().partition(|copy| copy.newest >= record.number);
        let others = after.into_iter().chain(before).map(|copy| copy.place);
        order.extend(others.filter(|place| !order.contains(place)).collect::<Vec<_>>());
        order
    }

    /// Copies that failed since they were looked at.
    pub(super) fn failed(&self) -> impl Iterator<Item = (usize, &StoreError)> {
        self.copies.iter().filter_map(|copy| Some((copy.place, copy.failed.get()?)))
    }

    /// Reads these records, side by side. A record that no copy has counts as absent afterwards.
    ///
    /// # Errors
    /// Interrupted.
    pub(super) fn read(&mut self, records: &[RecordRef], wait: &Wait<'_>) -> Result<()> {
        let wanted = records.iter().map(|record| self.wanted(*record, false)).collect();
        self.read_wanted(wanted, wait)
    }

    fn wanted(&self, record: RecordRef, is_guess: bool) -> Wanted {
        let what = What::Record(record, self.names.get(&record).cloned().unwrap_or_default());
        Wanted { what, is_guess }
    }

    /// Reads the first of these records. At the same time, it reads some of the others, and some that will be needed
    /// next. `round`: how often it was called for the same purpose.
    ///
    /// # Errors
    /// Interrupted.
    pub(super) fn read_towards(&mut self, records: &[RecordRef], round: usize, wait: &Wait<'_>) -> Result<()> {
        let Some(first) = records.first().copied() else { return Ok(()) };
        let count = BATCHES[round.min(BATCHES.len() - 1)];
        // The first record leads furthest back. The others may never be needed.
        let mut batch = vec![self.wanted(first, false)];
        if self.has_short_cuts {
            let below = numbers_below(first.number).take(count - 1);
            batch.extend(below.filter_map(|number| self.guess(number, round == 0)));
        } else if round > 0 {
            let below = self.below(first, count - 1, wait)?;
            batch.extend(below.into_iter().map(|name| self.wanted(name, true)));
        }
        self.read_wanted(batch, wait)
    }

    /// A record with this number. None: it is not listed, and only what is listed is wanted.
    fn guess(&self, number: u64, only_listed: bool) -> Option<Wanted> {
        match self.names(number, number).as_slice() {
            [name] => Some(self.wanted(*name, true)),
            _ if only_listed => None,
            _ => Some(Wanted { what: What::Number(number), is_guess: true }),
        }
    }

    /// The names of at most `count` records that are older than this one, the newest first.
    fn below(&mut self, record: RecordRef, count: usize, wait: &Wait<'_>) -> Result<Vec<RecordRef>> {
        let mut lowest = self.list(record.number, wait)?;
        let mut names = self.names(record.number, lowest);
        names.retain(|name| *name < record);
        // Read first what was listed already.
        while names.is_empty() && lowest > 1 {
            let from = lowest - 1;
            lowest = self.list(from, wait)?;
            names.extend(self.names(from, lowest));
        }
        names.truncate(count);
        Ok(names)
    }

    fn read_wanted(&mut self, mut wanted: Vec<Wanted>, wait: &Wait<'_>) -> Result<()> {
        let numbers: BTreeSet<_> = self.records.values().map(|(record, _)| record.entry().number).collect();
        wanted.retain(|wanted| match &wanted.what {
            What::Record(record, _) => !self.records.contains_key(&record.hash) && !self.absent.contains(&record.hash),
            What::Number(number) => !numbers.contains(number),
        });
        if wanted.is_empty() {
            return Ok(());
        }
        let is_enough = AtomicBool::new(false);
        let results = at_most(MANY, wait, &wanted, |wanted, pace| {
            if wanted.is_guess && is_enough.load(Ordering::Relaxed) {
                return None;
            }
            let read = self.read_one(&wanted.what, pace);
            let bundles = read.iter().flat_map(|(record, ..)| &record.entry().bundles);
            if bundles.into_iter().any(|bundle| bundle.base.is_none()) {
                is_enough.store(true, Ordering::Relaxed);
            }
            Some(read)
        })?;
        for (wanted, result) in wanted.into_iter().zip(results) {
            match (wanted.what, result) {
                (_, Some(Some((record, place, length)))) => {
                    self.add_name(record.reference(), place, length);
                    self.add(record, place);
                }
                (What::Record(record, _), Some(None)) => drop(self.absent.insert(record.hash)),
                // It was only a guess.
                (What::Number(_), Some(None)) | (_, None) => {}
            }
        }
        Ok(())
    }

    fn read_one(&self, wanted: &What, pace: &Pace) -> Option<(Record, usize, u64)> {
        let Reader { domain, verify_key, .. } = &self.reader;
        let give = |record: Record, place| (record.bytes().len() as u64, place, record);
        let read = match wanted {
            What::Record(wanted, listed) => {
                let in_list = listed.iter().find_map(|(place, length)| {
                    let copy = self.copies.iter().find(|copy| copy.place == *place && copy.answers())?;
                    let record = read_record_of(&*copy.store, *domain, verify_key, *wanted, *length, &pace.next());
                    Some(give(copy.answer(record)?, *place))
                });
                in_list.or_else(|| {
                    let not_listed = |copy: &&Shelved| listed.iter().all(|(place, _)| *place != copy.place);
                    self.copies.iter().filter(not_listed).filter(|copy| copy.answers()).find_map(|copy| {
                        let record = read_record(&*copy.store, *domain, verify_key, *wanted, &pace.next());
                        Some(give(copy.answer(record)?, copy.place))
                    })
                })
            }
            What::Number(number) => self.reaching(*number).find_map(|copy| {
                let after = name::before(*domain, *number);
                let page = copy.answer(copy.store.list(&name::log(*domain), &after, 1, &pace.next()))?;
                let (name, length) = page.first().and_then(named).filter(|(name, _)| name.number == *number)?;
                let record = read_record_of(&*copy.store, *domain, verify_key, name, length, &pace.next());
                Some(give(copy.answer(record)?, copy.place))
            }),
        };
        read.map(|(length, place, record)| (record, place, length))
    }

    /// The copies that answer and end with this number or a higher one.
    fn reaching(&self, number: u64) -> impl Iterator<Item = &Shelved> {
        self.copies.iter().filter(move |copy| copy.newest >= number && copy.answers())
    }

    /// Whether this copy has the record under its name, although its list does not show it.
    pub(super) fn has(&self, place: usize, record: RecordRef, pace: &Pace) -> StoreResult<bool> {
        let Some(copy) = self.copies.iter().find(|copy| copy.place == place) else { return Ok(false) };
        let name = Name { domain_id: self.reader.domain, object: Object::Record(record) };
        match self.records.get(&record.hash) {
            Some((known, _)) => {
                let length = copy.store.head(&name.to_string(), &pace.next());
                Ok(found(length)? == Some(known.bytes().len() as u64))
            }
            None => Ok(false),
        }
    }

    /// Lists the records with this number and lower ones in all copies that answer, if they were not listed before. It
    /// gives the lowest number that was listed.
    ///
    /// # Errors
    /// Interrupted.
    pub(super) fn list(&mut self, from: u64, wait: &Wait<'_>) -> Result<u64> {
        if let Some((_, lowest)) =
            self.listed.iter().rev().find(|(highest, lowest)| (*lowest..=*highest).contains(&from))
        {
            return Ok(*lowest);
        }
        let domain = self.reader.domain;
        let asked: Vec<_> = self.copies.iter().filter(|copy| copy.answers()).collect();
        let pages = side_by_side(wait, &asked, |copy, pace| list_down(&*copy.store, domain, from, pace))?;
        let (mut lowest, mut listed) = (1, Vec::new());
        for (copy, page) in asked.into_iter().zip(pages) {
            match page {
                Ok((names, low)) => {
                    lowest = lowest.max(low);
                    listed.extend(names.into_iter().map(|(name, length)| (name, copy.place, length)));
                }
                // Keep the first reason.
                Err(error) => drop(copy.failed.set(error)),
            }
        }
        listed.into_iter().for_each(|(name, place, length)| self.add_name(name, place, length));
        self.listed.push((from, lowest.min(from)));
        Ok(lowest.min(from))
    }

    /// The names that were listed with these numbers, the newest first.
    pub(super) fn names(&self, from: u64, lowest: u64) -> Vec<RecordRef> {
        let (first, last) = (RecordHash([0; 32]), RecordHash([0xff; 32]));
        let range = RecordRef { number: lowest, hash: first }..=RecordRef { number: from, hash: last };
        self.names.range(range).rev().map(|(name, _)| *name).collect()
    }
}

/// The names from a number down, and the lowest number whose names were all listed.
fn list_down(
    store: &dyn Store,
    domain: lifeboat_core::keys::DomainId,
    from: u64,
    pace: &Pace,
) -> StoreResult<(Vec<(RecordRef, u64)>, u64)> {
    let (mut names, mut after) = (Vec::new(), name::before(domain, from));
    for _ in 0..PAGES_MAX {
        let page = store.list(&name::log(domain), &after, LIST_MAX, &pace.next())?;
        names.extend(page.iter().filter_map(named));
        match (page.last(), names.last()) {
            (Some(last), _) if page.len() < LIST_MAX || last.name <= after => return Ok((names, 1)),
            (None, _) => return Ok((names, 1)),
            // Another record with the last number may follow.
            (Some(_), Some((lowest, _))) if lowest.number < from => return Ok((names.clone(), lowest.number + 1)),
            (Some(last), _) => after = last.name.clone(),
        }
    }
    Err(StoreError::new(StoreErrorKind::Corrupt, "thousands of names in its log are no records"))
}

/// The numbers on the way back from this record, if all short cuts exist.
fn numbers_below(number: u64) -> impl Iterator<Item = u64> {
    let before = |number: &u64| {
        let span = SPANS.iter().find(|span| number.is_multiple_of(**span)).copied().unwrap_or(1);
        // What would lead to before the first record leads to that.
        (*number > 1).then(|| number.saturating_sub(span).max(1))
    };
    std::iter::successors(before(&number), before)
}
