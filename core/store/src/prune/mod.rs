//! Deletes old states, and nothing that a kept one needs; or drops one copy (`DURABILITY.md`, "Pruning").
//!
//! ```text
//! keep      which states are kept
//! plan      what stays in one copy, and what goes
//! prove     proves by hashes that a copy holds what stays
//! refuse    what is not done without `force`
//! lane      deletes what goes in one copy; hold: the bytes of a bundle meanwhile
//! watch     looks at the log again after each bundle that was deleted
//! alone     whether another prune works on the same copy; there: whether all that stays is still there
//! whole     drops one copy; apart: whether it is a place of its own
//! orphans   bundles that no record names: when this place first saw them
//! report    what was done; events: what of it is told in the log of events
//! ```

mod alone;
mod apart;
mod events;
mod hold;
mod keep;
mod lane;
mod orphans;
mod plan;
mod prove;
mod refuse;
mod report;
mod there;
mod watch;
mod whole;

pub use events::note_events;
pub use keep::Keep;
pub use report::{Amount, CopyPrune, PruneReport};

use crate::Selector;
use crate::read::wait::{Wait, side_by_side};
use crate::read::{Copies, CopyStore, Domain, ReadingKey, Standing};
use crate::save::Files;
use crate::scrub::catalog::{COPIES_MAX, Catalog, Mask};
use crate::scrub::context::{Context, Seen};
use crate::scrub::series::take_stock;
use lane::Lane;
use lifeboat_core::keys::DomainKeys;
use lifeboat_core::log::{Floor, RecordRef};
use lifeboat_core::{AccessKey, Error, ErrorKind, Result};
use orphans::Orphans;
use plan::Plan;
use refuse::refusals;
use std::path::Path;
use whole::Whole;

/// What is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// All states but those that are kept.
    Keep(Keep),
    /// All of the series in the store with this name.
    Copy(&'a str),
}

/// One prune of one series.
pub struct Prune<'a> {
    /// The stores. At most 64.
    pub copies: Vec<CopyStore>,
    /// A recovery key or a write key: it signs the floor statement.
    pub key: &'a AccessKey,
    /// The domain of the series. None: that of a write key, or the only one of a recovery key.
    pub domain: Option<&'a str>,
    /// What goes.
    pub what: What<'a>,
    /// How many copies have to be proved sound: from 1 to their number.
    pub minimum: usize,
    /// Does it in spite of what stands in the way.
    pub force: bool,
    /// Reads, proves and reports the same, and deletes nothing.
    pub dry_run: bool,
    /// A directory where it is remembered when bundles that no record names were first seen. It is made if it does not
    /// exist. None: all of these stay.
    pub local: Option<&'a Path>,
    /// The file system of that directory.
    pub files: &'a dyn Files,
    /// The time in seconds since 1970, by the clock of this place.
    pub now: u64,
}

/// What was found of one copy.
struct Found {
    plan: Option<Plan>,
    report: CopyPrune,
}

impl Found {
    fn is_sound(&self) -> bool {
        self.plan.is_some() && self.report.why.is_none()
    }
}

impl Prune<'_> {
    /// Proves what would stay, and then deletes the rest.
    ///
    /// # Errors
    /// - Misuse: a key that signs nothing; no rule that keeps anything; a store that is not named; what needs `force`:
    ///   the text says why, and what to do.
    /// - Mismatch: the log forks. Host and wrong key when there is no such series. Unreachable when no copy answers.
    /// - Interrupted: what was deleted until then is not needed by what stays. Call again.
    ///
    /// What hinders the prune of one copy is no error, but stands in the report.
    pub fn run(&self, wait: &Wait<'_>) -> Result<PruneReport> {
        self.check()?;
        let reading = ReadingKey::Access(self.key.clone());
        let domain = self.domain.map_or(Domain::Only, Domain::Named);
        let mut copies = Copies::open(self.copies.clone(), &reading, domain, wait)?;
        // It has a newest record, and only one.
        let head = copies.select(&Selector::Newest, wait).map_err(unforked)?.reference();
        let domain = copies.domain_id().ok_or_else(|| Error::host("no copy holds a save"))?;
        let reader = reading.reader(domain).ok_or_else(|| Error::wrong_key("the domain is not of this key"))?;
        let keys = self.key.keys(domain)?;
        let context = Context { copies: &self.copies, reader, deadline: None };
        let (catalog, seen) = take_stock(&copies, &context, true, Some(self.key.keys(domain)?), wait)?;
        if let Some(end) = catalog.side_ends().first() {
            let end = catalog.entry(*end).reference;
            return Err(unforked(Error::mismatch(format!("number {} is of another line: {}", end.number, end.hash))));
        }
        let mut found = self.find(&catalog, &seen, head, &context, wait)?;
        let orphans = self.see_orphans(&catalog, &seen, &mut found)?;
        let dropped = match self.what {
            What::Keep(_) => None,
            What::Copy(name) => Some(self.place(name)?),
        };
        let refused = refusals(self, &catalog, &seen, &found, dropped);
        let sound = found.iter().filter(|found| found.is_sound()).count();
        if !refused.is_empty() && !self.force && !self.dry_run {
            return Err(Error::misuse(format!(
                "nothing was deleted: {}; the option `force` does it all the same",
                refused.join("; ")
            )));
        }
        if let Some(mut orphans) = orphans.filter(|_| !self.dry_run) {
            for (copy, plan) in found.iter().enumerate().filter_map(|(copy, found)| Some((copy, found.plan.as_ref()?)))
            {
                if let Ok(store) = self.copies[copy].store.id() {
                    orphans.forget(domain, &store, &plan.orphans);
                }
            }
            orphans.write()?;
        }
        let lowest = self.lowest(&catalog, &found);
        let done = match dropped {
            None => self.prune(&catalog, &context, &mut found, &keys, head, lowest, wait),
            Some(copy) => self.drop(&context, &mut found, copy, head, wait),
        };
        let done = done.map_err(|error| match error.kind() {
            ErrorKind::Interrupted if !self.dry_run => Error::interrupted(
                "the application interrupted the prune; what stays needs nothing of what was deleted, and the next \
                 prune goes on",
            ),
            _ => error,
        })?;
        Ok(PruneReport {
            domain_id: domain.to_string(),
            dry_run: self.dry_run,
            number: Some(head.number),
            floor: lowest,
            sound,
            minimum: self.minimum,
            done,
            refused,
            copies: found.into_iter().map(|found| found.report).collect(),
        })
    }

    fn check(&self) -> Result<()> {
        if matches!(self.key, AccessKey::Read(_)) {
            return Err(Error::misuse(
                "a read key signs nothing, and a prune signs what may be gone; give the recovery key or the write key",
            ));
        }
        if self.copies.is_empty() || self.copies.len() > COPIES_MAX {
            return Err(Error::misuse(format!("name from 1 to {COPIES_MAX} stores, and not {}", self.copies.len())));
        }
        if !(1..=self.copies.len()).contains(&self.minimum) {
            return Err(Error::misuse(format!(
                "the minimum is {}, and there are {} copies; it must be from 1 to that number",
                self.minimum,
                self.copies.len()
            )));
        }
        match &self.what {
            What::Keep(keep) if keep.is_empty() => {
                Err(Error::misuse("no rule keeps anything; say how many states to keep, such as {\"last\": 30}"))
            }
            What::Keep(_) => Ok(()),
            What::Copy(name) => self.place(name).map(drop),
        }
    }

    /// The copy with this name.
    fn place(&self, name: &str) -> Result<usize> {
        self.copies.iter().position(|copy| copy.name.is_called(name)).ok_or_else(|| {
            let names: Vec<_> = self.copies.iter().map(|copy| copy.name.to_string()).collect();
            Error::misuse(format!("the copy to drop is not one of the stores; name one of them: {}", names.join(", ")))
        })
    }

    /// Plans each copy that holds the newest record, and proves what would stay in it.
    fn find(
        &self,
        catalog: &Catalog,
        seen: &[Seen],
        head: RecordRef,
        context: &Context<'_>,
        wait: &Wait<'_>,
    ) -> Result<Vec<Found>> {
        let restorable = catalog.paths_in(Mask::MAX);
        let keep = match self.what {
            What::Keep(keep) => keep,
            // All that the others hold has to be sound.
            What::Copy(_) => Keep { last: u64::MAX, ..Keep::default() },
        };
        let mut all = Vec::new();
        for (copy, seen) in seen.iter().enumerate() {
            let mut report = CopyPrune { store: self.copies[copy].name.clone(), ..CopyPrune::default() };
            let newest = catalog.newest_in(copy).map(|id| catalog.entry(id).reference);
            let planned = match seen.failure() {
                Some((_, why)) => Err(why),
                None if !seen.is_used() => Err(seen.why.clone().unwrap_or_else(|| "it does not answer".to_owned())),
                None if seen.state == Standing::Empty => Err("it holds no record of this series".to_owned()),
                None if newest != Some(head) => Err(
                    "it does not hold the newest record; bring it up to date first, with a save, or with backup_scrub \
                         and the option `repair`"
                        .to_owned(),
                ),
                None => Plan::new(catalog, copy, &keep, &restorable),
            };
            let plan = match planned {
                Ok(plan) => {
                    let proof = prove::prove(&plan, catalog, context, wait)?;
                    (report.kept, report.needed) = (plan.kept, plan.needed);
                    (report.read, report.why) = (proof.read, proof.fails);
                    Some(plan)
                }
                Err(why) => {
                    report.why = Some(why);
                    None
                }
            };
            all.push(Found { plan, report });
        }
        Ok(all)
    }

    /// Counts the bundles that no record names, and plans that those go which this place saw a week ago.
    fn see_orphans(&self, catalog: &Catalog, seen: &[Seen], found: &mut [Found]) -> Result<Option<Orphans<'_>>> {
        for (seen, found) in seen.iter().zip(found.iter_mut()) {
            found.report.orphans = seen.orphan_bundles.len() as u64;
        }
        let Some(local) = self.local.filter(|_| matches!(self.what, What::Keep(_))) else { return Ok(None) };
        let mut orphans = Orphans::open(self.files, local, self.now)?;
        for (copy, found) in found.iter_mut().enumerate() {
            let (Some(plan), Ok(store)) = (&mut found.plan, self.copies[copy].store.id()) else { continue };
            plan.orphans = orphans.see(catalog.domain, &store, &seen[copy].orphan_bundles);
        }
        orphans.write().map(|()| Some(orphans))
    }

    /// The lowest number whose state must exist afterwards.
    fn lowest(&self, catalog: &Catalog, found: &[Found]) -> u64 {
        let pruned = found.iter().filter(|found| found.is_sound()).filter_map(|found| found.plan.as_ref());
        let lowest = pruned.filter(|plan| !plan.keeps_all()).map(|plan| plan.lowest).max();
        lowest.filter(|_| matches!(self.what, What::Keep(_))).unwrap_or(1).max(catalog.lowest)
    }

    /// Deletes what goes, one copy after the other. True: all of it is gone.
    #[allow(clippy::too_many_arguments, reason = "each is one thing that was found out before")]
    fn prune(
        &self,
        catalog: &Catalog,
        context: &Context<'_>,
        found: &mut [Found],
        keys: &DomainKeys,
        head: RecordRef,
        lowest: u64,
        wait: &Wait<'_>,
    ) -> Result<bool> {
        let floor = Floor::sign(keys, head, lowest)?;
        let used: Vec<_> = (0..found.len()).filter(|copy| found[*copy].plan.is_some()).collect();
        let mut done = found.iter().all(Found::is_sound);
        for found in found.iter_mut().filter(|found| found.is_sound()) {
            let Some(plan) = found.plan.as_ref().filter(|plan| !plan.is_empty()) else { continue };
            if self.dry_run {
                found.report.removed = Amount {
                    records: plan.gone.len() as u64,
                    bundles: plan.bundles.len() as u64,
                    others: plan.orphans.len() as u64,
                    bytes: plan.bytes(catalog),
                };
                done = false;
                continue;
            }
            let others = used.iter().copied().filter(|other| *other != plan.copy).collect();
            let lane = Lane { catalog, context, plan, floor: &floor, head, others };
            // One thread, so that the thread of the caller can watch for interrupts.
            let results = side_by_side(wait, &[()], |(), pace| lane.run(pace))?;
            for result in results {
                let report = &mut found.report;
                (report.removed, report.retained, report.put_back) = (result.removed, result.retained, result.put_back);
                done &= result.why.is_none() && result.retained == Amount::default();
                report.why = result.why;
            }
        }
        Ok(done)
    }

    /// Deletes all of one copy.
    fn drop(
        &self,
        context: &Context<'_>,
        found: &mut [Found],
        copy: usize,
        head: RecordRef,
        wait: &Wait<'_>,
    ) -> Result<bool> {
        let (store, domain) = (&*self.copies[copy].store, context.reader.domain);
        let whole = Whole { store, domain, key: context.reader.verify_key, head };
        let others = self.copies.iter().enumerate().filter(|(other, _)| *other != copy);
        let others: Vec<_> = others.map(|(_, other)| (&*other.store, other.name.to_string())).collect();
        let results = side_by_side(wait, &[()], |(), pace| {
            if self.dry_run {
                return whole.count(pace);
            }
            match apart::check(store, &others, domain, self.now, pace) {
                Ok(()) => whole.delete(pace),
                Err(error) => whole::Dropped { why: Some(error.message().to_owned()), ..whole::Dropped::default() },
            }
        })?;
        let mut done = !self.dry_run;
        for dropped in results {
            let report = &mut found[copy].report;
            (report.kept, report.needed) = (0, 0);
            (report.removed, report.retained) = (dropped.removed, dropped.retained);
            done &= dropped.why.is_none() && dropped.retained == Amount::default();
            report.why = dropped.why;
        }
        Ok(done)
    }
}

/// A fork is settled by a save, never by a prune.
fn unforked(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Mismatch => Error::mismatch(format!(
            "nothing is deleted while the log forks; settle that with the option `continue` of backup_save ({})",
            error.message()
        )),
        _ => error,
    }
}
