//! Deletes what goes in one copy (`DURABILITY.md`, "Pruning").

use super::alone::Alone;
use super::hold::Held;
use super::plan::Plan;
use super::report::Amount;
use super::there;
use super::watch::{Watch, steady};
use crate::read::wait::Pace;
use crate::scrub::catalog::{Catalog, Id, Mask, bit};
use crate::scrub::context::{Context, time_for};
use crate::series::ObjectSource;
use crate::{Result, Store, StoreError, StoreErrorKind};
use lifeboat_core::chain::Source;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{BundleHash, Floor, RecordRef};

/// What was done in one copy.
#[derive(Default)]
pub(super) struct Done {
    pub removed: Amount,
    pub retained: Amount,
    pub put_back: u64,
    /// Why not all was done.
    pub why: Option<String>,
}

/// A bundle that goes.
struct Going {
    name: String,
    hash: BundleHash,
    length: u64,
    /// The copies that have it.
    has: Mask,
}

/// What became of it.
enum Became {
    Gone,
    /// A new record names it.
    Needed,
    Retained,
}

/// The copy that is pruned.
pub(super) struct Lane<'a> {
    pub catalog: &'a Catalog,
    pub context: &'a Context<'a>,
    pub plan: &'a Plan,
    /// What is stated before anything goes.
    pub floor: &'a Floor,
    pub head: RecordRef,
    /// The other copies that answer.
    pub others: Vec<usize>,
}

impl Lane<'_> {
    fn store(&self) -> &dyn Store {
        &*self.context.copies[self.plan.copy].store
    }

    /// Puts the floor statement, then deletes bundles, records, and the floor statements that no longer count.
    pub fn run(&self, pace: &Pace) -> Done {
        let mut done = Done::default();
        if let Err(error) = self.go(&mut done, pace) {
            done.why = Some(error.message().to_owned());
        }
        done
    }

    fn go(&self, done: &mut Done, pace: &Pace) -> Result<()> {
        let name = self.floor.name().to_string();
        self.store().put(&name, &self.floor.bytes(), &pace.next())?;
        let alone = Alone::new(self.store(), self.catalog, self.context.reader.verify_key, name);
        alone.check(pace)?;
        there::check(self.store(), self.catalog, self.plan, pace)?;
        let reader = &self.context.reader;
        let mut watch = Watch::new(self.store(), reader.domain, reader.verify_key, self.head);
        watch.look(pace)?;
        let mut retained = Vec::new();
        for id in self.plan.bundles.iter().copied() {
            pace.cancel.check()?;
            let (bundle, name) = (self.catalog.bundle(id), self.catalog.name(Id::Bundle(id)).0);
            let going = Going { name, hash: bundle.hash, length: bundle.length, has: bundle.has };
            let amount = match self.bundle(&going, &mut watch, &alone, done, pace)? {
                Became::Needed => continue,
                Became::Gone => &mut done.removed,
                Became::Retained => {
                    retained.push(id);
                    &mut done.retained
                }
            };
            amount.bundles += 1;
            amount.bytes += going.length;
        }
        for (hash, length) in self.plan.orphans.iter().copied() {
            pace.cancel.check()?;
            let name = Name { domain_id: self.catalog.domain, object: Object::Bundle(hash) }.to_string();
            let going = Going { name, hash, length, has: 0 };
            let amount = match self.bundle(&going, &mut watch, &alone, done, pace)? {
                Became::Needed => continue,
                Became::Gone => &mut done.removed,
                Became::Retained => &mut done.retained,
            };
            amount.others += 1;
            amount.bytes += length;
        }
        for id in self.plan.gone.iter().copied() {
            pace.cancel.check()?;
            let length = u64::from(self.catalog.entry(id).length);
            // As long as its record is there, the next prune finds a bundle that the store retains.
            let waits = self.catalog.bundles_of(id).any(|bundle| retained.contains(&bundle));
            if !waits && self.record(id, &alone, pace)? {
                done.removed.records += 1;
                done.removed.bytes += length;
            } else {
                done.retained.records += 1;
                done.retained.bytes += length;
            }
        }
        for (floor, has) in &self.catalog.floors {
            let is_older = floor.lowest() <= self.floor.lowest() && floor != self.floor;
            let is_ours = self.catalog.find(floor.record()).is_some_and(|id| self.catalog.entry(id).lines != 0);
            if is_older && is_ours && has & bit(self.plan.copy) != 0 {
                let amount = match self.delete(&floor.name().to_string(), pace)? {
                    true => &mut done.removed,
                    false => &mut done.retained,
                };
                amount.others += 1;
                amount.bytes += floor.bytes().len() as u64;
            }
        }
        Ok(())
    }

    /// False: the store retains it.
    fn delete(&self, name: &str, pace: &Pace) -> Result<bool> {
        match self.store().delete(name, &pace.next()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == StoreErrorKind::Refused => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes one record, and puts it back if another prune began meanwhile. False: the store retains it.
    fn record(&self, id: u32, alone: &Alone<'_>, pace: &Pace) -> Result<bool> {
        let name = self.catalog.name(Id::Record(id)).0;
        let held = match Held::read(self.store(), &name, u64::from(self.catalog.entry(id).length), pace) {
            Ok(held) => Some(held),
            Err(error) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => None,
            Err(error) => return Err(error),
        };
        let steady = steady(pace);
        let deleted = self.delete(&name, &steady);
        if deleted == Ok(false) {
            return Ok(false);
        }
        let looked = alone.check(&steady);
        if let (Err(_), Some(held)) = (&looked, held) {
            self.store().put(&name, &held, &steady.next())?;
        }
        looked.and(deleted)
    }

    /// Deletes one bundle, and puts it back if a new record names it.
    fn bundle(
        &self,
        bundle: &Going,
        watch: &mut Watch<'_>,
        alone: &Alone<'_>,
        done: &mut Done,
        pace: &Pace,
    ) -> Result<Became> {
        if watch.names(bundle.hash) {
            return Ok(Became::Needed);
        }
        let held = self.hold(bundle, pace)?;
        // Between the delete and the look nothing may stop it but a store that does not answer.
        let steady = steady(pace);
        let deleted = self.delete(&bundle.name, &steady);
        if deleted == Ok(false) {
            return Ok(Became::Retained);
        }
        // If nobody can say whether it is needed, it comes back, too.
        let looked = watch.look(&steady).and_then(|()| alone.check(&steady));
        if looked.is_err() || watch.names(bundle.hash) {
            self.put_back(bundle, held, &steady)?;
            done.put_back += 1;
            return looked.and(deleted).map(|_| Became::Needed);
        }
        deleted.map(|_| Became::Gone)
    }

    /// The bytes of a bundle, unless another copy gives them. None: they are not needed, or it is gone already.
    fn hold(&self, bundle: &Going, pace: &Pace) -> Result<Option<Held>> {
        let gives = |other: &usize| {
            let found = self.context.copies[*other].store.head(&bundle.name, &pace.next());
            bundle.has & bit(*other) != 0 && found == Ok(bundle.length)
        };
        if self.others.iter().any(gives) {
            return Ok(None);
        }
        match Held::read(self.store(), &bundle.name, bundle.length, pace) {
            Ok(held) => Ok(Some(held)),
            Err(error) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn put_back(&self, bundle: &Going, held: Option<Held>, pace: &Pace) -> Result<()> {
        let (name, length) = (&*bundle.name, bundle.length);
        let time = time_for(length, pace.patience);
        let held = held.map(|held| Box::new(held) as Box<dyn Source>);
        let of_others = self.others.iter().map(|other| {
            let store = self.context.copies[*other].store.clone();
            let source = ObjectSource::new(store, name.to_owned(), length, &pace.cancel).with_patience(time);
            Box::new(source) as Box<dyn Source>
        });
        let mut failed = None;
        for source in held.into_iter().chain(of_others) {
            match self.store().put(name, &source, &pace.cancel.within(time)) {
                Ok(_) => return Ok(()),
                Err(error) => failed = Some(error),
            }
        }
        // It may be there: its save puts it, too.
        if self.store().head(name, &pace.next()) == Ok(length) {
            return Ok(());
        }
        let why = failed.map_or_else(|| "no copy gives it".to_owned(), |error| error.message().to_owned());
        Err(StoreError::unreachable(format!(
            "a save needs '{name}' again, and it could not be put back ({why}); the next save leads round it, and \
             backup_scrub with the option `repair` puts it back"
        )))
    }
}
