//! Short cuts: bundles that a record carries in addition to its own. Each is composed from all bundles that lead to the
//! record's state from further back (`FORMAT.md`, "Paths"). So the path to any state stays short.
//!
//! If a short cut cannot be made, the save does without it: nothing depends on it.

use super::base::{holders, weight_of_path};
use super::exporter::Exporter;
use super::gather::attend_within;
use super::lane::FileSource;
use super::local::Local;
use super::memory::Weight;
use super::request::Save;
use super::situation::Situation;
use crate::Cancel;
use crate::series::{ObjectSource, Records};
use lifeboat_core::chain::Source;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{BaseRef, BundleRef, Entry, Path, Record, Step, short_cuts};
use lifeboat_core::{Error, Result};

/// Makes the short cuts of one record.
pub(super) struct ShortCuts<'a> {
    save: &'a Save<'a>,
    local: &'a Local<'a>,
    situation: &'a Situation<'a>,
    /// The record whose state the save's bundle leads from.
    from: &'a Record,
    /// The time limit for all short cuts together: that of one request that is not answered.
    cancel: Cancel,
    /// The records of the copy that they are made from.
    records: Option<Records<'a>>,
}

impl<'a> ShortCuts<'a> {
    pub(super) fn new(
        save: &'a Save<'a>,
        local: &'a Local<'a>,
        situation: &'a Situation<'a>,
        from: &'a Record,
    ) -> Self {
        Self { save, local, situation, from, cancel: save.cancel.within(save.patience), records: None }
    }

    /// Adds the short cuts that are due and that can be made, and keeps their bundles in the spool. The first bundle of
    /// the entry is the save's own.
    ///
    /// # Errors
    /// Interrupted.
    pub(super) fn add_to(&mut self, entry: &mut Entry, exporter: &mut dyn Exporter) -> Result<()> {
        if short_cuts(entry.number, 1).is_empty() {
            return Ok(());
        }
        for copy in holders(self.situation, self.from.reference()) {
            let made = self.add_from(copy, entry, exporter);
            self.save.check_interrupt()?;
            if made.is_ok() {
                break;
            }
        }
        Ok(())
    }

    /// The weight of the path to this record, if the record has a short cut. None: nothing better than the sum is
    /// known.
    ///
    /// # Errors
    /// Interrupted.
    pub(super) fn weight(&mut self, record: &Record) -> Result<Option<Weight>> {
        let Some(records) = self.records.as_mut().filter(|_| record.entry().bundles.len() > 1) else { return Ok(None) };
        let path = attend_within(&self.cancel, self.situation.interrupted, |cancel| records.path(None, record, cancel));
        self.save.check_interrupt()?;
        Ok(path.ok().map(|path| weight_of_path(&path)))
    }

    /// The same, with the bundles of one copy.
    fn add_from(&mut self, copy: usize, entry: &mut Entry, exporter: &mut dyn Exporter) -> Result<()> {
        let (save, from, interrupted) = (self.save, self.from, self.situation.interrupted);
        let (domain, key) = (save.keys.id(), save.keys.verify_key());
        let records = self.records.insert(Records::new(&*save.copies[copy].store, domain, key));
        let path = attend_within(&self.cancel, interrupted, |cancel| records.path(None, from, cancel))?;
        let last_full = path.steps.first().map_or(1, |step| step.record.number);
        for number in short_cuts(entry.number, last_full) {
            // Use the last short cut that was made: then there is less to read.
            let Some((last, Some(tail))) = entry.bundles.last().map(|last| (*last, last.base)) else { break };
            let Some(records) = self.records.as_mut() else { break };
            let way = attend_within(&self.cancel, interrupted, |cancel| {
                let base = records.back_to(from, number, cancel)?;
                let tail = records.get(tail.record, cancel)?;
                records.path(Some(&base), &tail, cancel).map(|path| (base, path))
            });
            let (base, path) = way?;
            // If the state came back, no short cut is needed.
            let is_made =
                entry.bundles.iter().any(|bundle| bundle.base.map(|base| base.record) == Some(base.reference()));
            if is_made || path.steps.is_empty() || base.entry().state_id == entry.state_id {
                continue;
            }
            let bundle = self.compose(copy, &base, &path, last, entry, exporter);
            if bundle.is_err() {
                // This removes what was written until then. If the file stays, the next save removes it.
                let _ = self.local.new_bundle();
            }
            let bundle = bundle?;
            if entry.bundles.iter().all(|other| other.sha256 != bundle.sha256) {
                entry.bundles.push(bundle);
            }
        }
        Ok(())
    }

    /// Composes the bundle that begins at the state of `base`: from a path of bundles in a copy, and the spooled bundle
    /// after them.
    fn compose(
        &self,
        copy: usize,
        base: &Record,
        path: &Path,
        last: BundleRef,
        entry: &Entry,
        exporter: &mut dyn Exporter,
    ) -> Result<BundleRef> {
        let mut deltas: Vec<Box<dyn Source + '_>> = Vec::new();
        for step in &path.steps {
            deltas.push(Box::new(self.stored(copy, step)));
        }
        deltas.push(Box::new(FileSource::open(self.local.bundle(last.sha256))?));
        let (from, to) = exporter.compose(deltas, &self.local.new_bundle()?)?;
        let state_id = base.entry().state_id;
        // Under the name, a copy may hold another bundle of the domain.
        if (from, to) != (Some(state_id), entry.state_id) {
            return Err(Error::corrupt("the bundles of a copy lead from or to other states than its records say"));
        }
        let (sha256, length) = self.local.keep_bundle()?;
        Ok(BundleRef { sha256, length, base: Some(BaseRef { record: base.reference(), state_id }) })
    }

    fn stored(&self, copy: usize, step: &Step) -> Stored<'_> {
        let name = Name { domain_id: self.save.keys.id(), object: Object::Bundle(step.bundle) }.to_string();
        let object = ObjectSource::new(self.save.copies[copy].store.clone(), name, step.length, &self.cancel);
        let object = object.small_at_once(step.bundle);
        Stored { object, cancel: &self.cancel, interrupted: self.situation.interrupted }
    }
}

/// A bundle of a copy. While a read waits, the application is asked whether it wants to stop.
struct Stored<'a> {
    object: ObjectSource,
    cancel: &'a Cancel,
    interrupted: &'a dyn Fn() -> bool,
}

impl Source for Stored<'_> {
    fn length(&self) -> Result<u64> {
        self.object.length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let object = &self.object;
        match object.held() {
            Some(_) => object.read(offset, buffer),
            None => attend_within(self.cancel, self.interrupted, |_| object.read(offset, buffer)),
        }
    }
}
