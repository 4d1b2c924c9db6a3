//! The repair of one copy.

use super::catalog::{Catalog, Edge, Id, NONE, bit};
use super::context::{Context, time_for};
use super::report::Copied;
use crate::read::wait::Pace;
use crate::save::fits;
use crate::series::{ObjectSource, each_newer, read_record};
use crate::{Put, Store, StoreError, StoreErrorKind};
use lifeboat_core::log::{Record, RecordRef};
use std::collections::BTreeSet;

/// What was done, and what was not.
#[derive(Default)]
pub(super) struct Healed {
    pub records: Vec<u32>,
    pub bundles: BTreeSet<u32>,
    /// The indexes of floor statements.
    pub floors: Vec<usize>,
    /// Damaged objects that the store refuses to replace.
    pub kept: Vec<Id>,
    pub copied: Copied,
    /// The first reason why something could not be put.
    pub why: Option<String>,
    /// A record that came meanwhile and is of another line.
    pub fork: Option<RecordRef>,
    /// The time was over.
    pub is_late: bool,
}

/// The copy that is repaired, and where its objects come from.
pub(super) struct Lane<'a> {
    catalog: &'a Catalog,
    context: &'a Context<'a>,
    copy: usize,
    sources: Vec<usize>,
    pace: &'a Pace,
    pub healed: Healed,
}

/// Nothing more can be put.
struct Stop(StoreError);

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

/// What the copy holds by now.
struct Here {
    newest: Option<u32>,
    holds: Vec<bool>,
    /// The states that can be restored from it.
    paths: Vec<bool>,
}

/// What became of one bundle.
enum Bundle {
    Written,
    Existed,
    /// No other copy gives it, or the store refuses to replace a damaged one.
    No,
}

impl<'a> Lane<'a> {
    pub fn new(catalog: &'a Catalog, context: &'a Context<'a>, copy: usize, used: &[usize], pace: &'a Pace) -> Self {
        let sources = used.iter().copied().filter(|source| *source != copy).collect();
        Self { catalog, context, copy, sources, pace, healed: Healed::default() }
    }

    fn store(&self) -> &'a dyn Store {
        &*self.context.copies[self.copy].store
    }

    /// Replaces one damaged bundle.
    pub fn replace(&mut self, id: u32) {
        if let Err(Stop(error)) = self.put_bundle(id) {
            self.healed.why.get_or_insert(error.to_string());
        }
    }

    /// Puts all that the copy needs and another one has, in the order of the line.
    pub fn run(&mut self, puts_records: bool) {
        match self.advance(puts_records) {
            Ok(true) => {}
            Ok(false) => self.healed.is_late = true,
            Err(Stop(error)) => drop(self.healed.why.get_or_insert(error.to_string())),
        }
    }

    fn has(&self, id: u32) -> bool {
        self.catalog.entry(id).has & bit(self.copy) != 0
    }

    fn has_bundle(&self, id: u32) -> bool {
        self.catalog.bundle(id).has & bit(self.copy) != 0 || self.healed.bundles.contains(&id)
    }

    /// The time is over. Each call makes some progress.
    fn is_late(&self) -> bool {
        self.healed.copied.objects > 0 && self.context.is_late()
    }

    /// False: the time was over.
    fn advance(&mut self, puts_records: bool) -> Result<bool, Stop> {
        let (catalog, needed) = (self.catalog, self.catalog.needed_in(self.copy));
        let wants = |id: u32| puts_records && needed[id as usize] && catalog.entry(id).has != 0;
        let mut here = Here { newest: None, holds: vec![false; needed.len()], paths: vec![false; needed.len()] };
        for id in catalog.ascending().filter(|id| catalog.entry(*id).lines != 0 && self.has(*id)).collect::<Vec<_>>() {
            if self.is_late() {
                return Ok(false);
            }
            for bundle in catalog.bundles_of(id) {
                if needed[id as usize] || catalog.bundle(bundle).bad & bit(self.copy) != 0 {
                    self.put_bundle(bundle)?;
                }
            }
            self.arrived(id, &mut here);
        }
        let ended_with = here.newest.map_or(0, |id| catalog.entry(id).reference.number);
        let is_next = |id: &u32| catalog.entry(*id).reference.number > ended_with && wants(*id);
        for id in catalog.ascending().filter(is_next) {
            if self.is_late() {
                return Ok(false);
            }
            if self.put_next(id, &here)? {
                self.arrived(id, &mut here);
            }
        }
        if here.newest.is_some_and(|newest| catalog.entry(newest).reference.number > ended_with) {
            self.look_again(ended_with)?;
        }
        if !self.fill_gaps(&mut here, wants)? {
            return Ok(false);
        }
        for id in 0..u32::try_from(catalog.bundles.len()).unwrap_or(NONE) {
            if catalog.bundle(id).bad & bit(self.copy) != 0 {
                self.put_bundle(id)?;
            }
        }
        self.put_floor(here.newest)?;
        Ok(true)
    }

    /// Notes that the copy holds a record, the newest so far.
    fn arrived(&self, id: u32, here: &mut Here) {
        here.holds[id as usize] = true;
        here.paths[id as usize] = self.has_path(id, &here.paths);
        here.newest = Some(id);
    }

    /// Puts records that the copy lacks before its newest one. The highest number comes first: so each record that is
    /// here is named by another one, whenever this ends. False: the time was over.
    fn fill_gaps(&mut self, here: &mut Here, wants: impl Fn(u32) -> bool) -> Result<bool, Stop> {
        let catalog = self.catalog;
        // What can be restored here once the gaps are filled.
        let filled = catalog.paths(|id| match id {
            Id::Record(id) => here.holds[id as usize] || wants(id),
            Id::Bundle(id) => catalog.bundle(id).has != 0,
        });
        let mut named = vec![false; here.holds.len()];
        for id in catalog.ascending().rev() {
            if !here.holds[id as usize] {
                if !(named[id as usize] && filled[id as usize] && wants(id)) {
                    continue;
                }
                if self.is_late() {
                    return Ok(false);
                }
                let Some(record) = self.read(id)? else { continue };
                if !self.put_after_bundles(id, &record, &filled)? {
                    continue;
                }
                here.holds[id as usize] = true;
            }
            let bases = catalog.edges(id).iter().map(|edge| edge.base).filter(|base| *base != NONE);
            bases.chain(catalog.names(id)).for_each(|name| named[name as usize] = true);
        }
        Ok(true)
    }

    /// Whether the state of a record can be restored here, if those with a path can.
    fn has_path(&self, id: u32, paths: &[bool]) -> bool {
        self.catalog.edges(id).iter().any(|edge| {
            (edge.bundle == NONE || self.has_bundle(edge.bundle)) && (edge.base == NONE || paths[edge.base as usize])
        })
    }

    /// Puts a record after the newest one that is here, as a save would, if it may come next.
    fn put_next(&mut self, id: u32, here: &Here) -> Result<bool, Stop> {
        let Some(record) = self.read(id)? else { return Ok(false) };
        let entry = record.entry();
        let newest = here.newest.map(|newest| (self.catalog.entry(newest).reference, here.paths[newest as usize]));
        let may_come = match newest {
            Some((newest, has_path)) => {
                let is_mark = entry.is_mark() && has_path && entry.previous.contains(&newest);
                is_mark || fits(Some(newest), !has_path, &record)
            }
            None => fits(None, false, &record),
        };
        if may_come { self.put_after_bundles(id, &record, &here.paths) } else { Ok(false) }
    }

    /// Puts a record after its bundles. False: they do not lead to its state from one with a path.
    fn put_after_bundles(&mut self, id: u32, record: &Record, paths: &[bool]) -> Result<bool, Stop> {
        let leads = |edge: &Edge| edge.base == NONE || paths[edge.base as usize];
        if !self.catalog.edges(id).iter().any(leads) {
            return Ok(false);
        }
        let mut existed = Vec::new();
        for bundle in self.catalog.bundles_of(id) {
            if let Bundle::Existed = self.put_bundle(bundle)? {
                existed.push(bundle);
            }
        }
        if !self.has_path(id, paths) || !self.put_record(id, record)? {
            return Ok(false);
        }
        for bundle in existed {
            self.look_for(bundle)?;
        }
        Ok(true)
    }

    /// The record, from another copy.
    fn read(&self, id: u32) -> Result<Option<Record>, Stop> {
        let (entry, domain) = (self.catalog.entry(id), self.catalog.domain);
        for source in self.sources.iter().filter(|source| entry.has & bit(**source) != 0) {
            let store = &*self.context.copies[*source].store;
            let key = &self.context.reader.verify_key;
            match read_record(store, domain, key, entry.reference, &self.pace.next()) {
                Ok(record) => return Ok(Some(record)),
                Err(_) => self.check()?,
            }
        }
        Ok(None)
    }

    fn check(&self) -> Result<(), Stop> {
        Ok(self.pace.cancel.check()?)
    }

    fn put_record(&mut self, id: u32, record: &Record) -> Result<bool, Stop> {
        let (name, bytes, cancel) = (record.name().to_string(), record.bytes(), self.pace.next());
        let is_bad = self.catalog.entry(id).bad & bit(self.copy) != 0;
        let put = match is_bad {
            true => self.store().replace(&name, &bytes, &cancel),
            false => self.store().put(&name, &bytes, &cancel).map(drop),
        };
        match put {
            Err(error) if is_bad && error.kind() == StoreErrorKind::Refused => {
                self.healed.kept.push(Id::Record(id));
                return Ok(false);
            }
            put => put?,
        }
        self.healed.records.push(id);
        self.count(bytes.len() as u64);
        Ok(true)
    }

    fn count(&mut self, bytes: u64) {
        self.healed.copied.objects += 1;
        self.healed.copied.bytes += bytes;
    }

    /// Puts a bundle from another copy, unless it is here.
    fn put_bundle(&mut self, id: u32) -> Result<Bundle, Stop> {
        if self.has_bundle(id) {
            return Ok(Bundle::Existed);
        }
        let bundle = self.catalog.bundle(id);
        let name = self.catalog.name(Id::Bundle(id)).0;
        let is_bad = bundle.bad & bit(self.copy) != 0;
        let sources: Vec<_> = self.sources.iter().copied().filter(|source| bundle.has & bit(*source) != 0).collect();
        for source in sources {
            let time = time_for(bundle.length, self.pace.patience);
            let cancel = self.pace.cancel.within(time);
            let store = self.context.copies[source].store.clone();
            let content = ObjectSource::new(store, name.clone(), bundle.length, &self.pace.cancel).with_patience(time);
            // A put takes only bytes that have the hash of the name.
            let put = match is_bad {
                true => self.store().replace(&name, &content, &cancel).map(|()| Put::Written),
                false => self.store().put(&name, &content, &cancel),
            };
            match put {
                Ok(put) => {
                    self.healed.bundles.insert(id);
                    if put == Put::Existed {
                        return Ok(Bundle::Existed);
                    }
                    self.count(bundle.length);
                    return Ok(Bundle::Written);
                }
                Err(error) if is_bad && error.kind() == StoreErrorKind::Refused => {
                    self.healed.kept.push(Id::Bundle(id));
                    return Ok(Bundle::No);
                }
                // This source is not sound. Another one may be.
                Err(error) if matches!(error.kind(), StoreErrorKind::Source | StoreErrorKind::Corrupt) => {
                    self.check()?;
                }
                Err(error) => return Err(Stop(error)),
            }
        }
        Ok(Bundle::No)
    }

    /// Looks again for a bundle that was here before its record: a prune may have deleted it in between.
    fn look_for(&self, id: u32) -> Result<(), Stop> {
        let name = self.catalog.name(Id::Bundle(id)).0;
        match self.store().head(&name, &self.pace.next()) {
            Err(error) if error.kind() == StoreErrorKind::NotFound => self.put_anew(id),
            found => Ok(found.map(drop)?),
        }
    }

    fn put_anew(&self, id: u32) -> Result<(), Stop> {
        let (bundle, name) = (self.catalog.bundle(id), self.catalog.name(Id::Bundle(id)).0);
        let time = time_for(bundle.length, self.pace.patience);
        for source in self.sources.iter().filter(|source| bundle.has & bit(**source) != 0) {
            let store = self.context.copies[*source].store.clone();
            let content = ObjectSource::new(store, name.clone(), bundle.length, &self.pace.cancel).with_patience(time);
            if self.store().put(&name, &content, &self.pace.cancel.within(time)).is_ok() {
                return Ok(());
            }
            self.check()?;
        }
        Err(Stop(StoreError::not_found("a bundle went away while its record was put, and no other copy gives it")))
    }

    /// A save may have put a record meanwhile. If it is not on the line, the log forks.
    fn look_again(&mut self, before: u64) -> Result<(), Stop> {
        let (store, domain, key) = (self.store(), self.catalog.domain, &self.context.reader.verify_key);
        let mut others = Vec::new();
        let known = |other| self.catalog.find(other).is_some_and(|id| self.catalog.entry(id).lines != 0);
        each_newer(
            store,
            (domain, key),
            before,
            known,
            || self.pace.next(),
            |other| {
                others.push(other);
                Ok::<_, Stop>(())
            },
        )?;
        // The lowest number comes first: the next one may go on from it.
        let mut on_the_line = BTreeSet::new();
        for other in others.iter().rev() {
            let goes_on =
                other.entry().names().any(|name| on_the_line.contains(&name) || self.catalog.heads.contains(&name));
            match goes_on {
                true => drop(on_the_line.insert(other.reference())),
                false => self.healed.fork = Some(other.reference()),
            }
        }
        Ok(())
    }

    /// Puts the floor statement that counts, so that this copy alone tells what may be gone.
    fn put_floor(&mut self, newest: Option<u32>) -> Result<(), Stop> {
        let Some(newest) = newest.map(|id| self.catalog.entry(id).reference) else { return Ok(()) };
        for (place, (floor, has)) in self.catalog.floors.iter().enumerate() {
            let counts = floor.lowest() == self.catalog.lowest && floor.record().number <= newest.number;
            if !counts || has & bit(self.copy) != 0 {
                continue;
            }
            // What lies under its name, if anything does, is something else.
            self.store().replace(&floor.name().to_string(), &floor.bytes(), &self.pace.next())?;
            self.healed.floors.push(place);
            self.count(floor.bytes().len() as u64);
        }
        Ok(())
    }
}
