//! Makes the report on one series.

use super::Scrub;
use super::catalog::{Catalog, Entry, Id, Mask, bit};
use super::context::Seen;
use super::report::{CopyScrub, Damaged, FIRST, Findings, ForkEnd, Level, Lost, Missing, SeriesReport};
use super::stock::lacking;
use crate::date_text;
use crate::read::{Copies, Standing};
use lifeboat_core::log::{Record, RecordRef};

/// What the calls so far found of a series. `is_done`: all of it was checked. `bad`: the copies in which damage stays.
pub(super) fn report(
    catalog: &Catalog,
    seen: &[Seen],
    copies: &Copies,
    scrub: &Scrub<'_>,
    side_ends: &[u32],
    is_done: bool,
    bad: Mask,
) -> SeriesReport {
    let newest = copies.newest();
    let date = |record: &Record| copies.sealed(record).and_then(|sealed| sealed.date).map(date_text);
    let reports = copies.reports();
    let of_copies = seen.iter().enumerate().map(|(copy, of)| {
        let mut line = copy_line(catalog, of, copy, newest.map(Record::reference), scrub);
        line.complete &= is_done && bad & bit(copy) == 0;
        line.date = match (line.number, newest) {
            (Some(number), Some(newest)) if number == newest.entry().number => date(newest),
            (Some(_), _) if of.newest == reports[copy].newest => reports[copy].date.map(date_text),
            _ => None,
        };
        line
    });
    SeriesReport {
        domain_id: catalog.domain.to_string(),
        number: newest.map(|record| record.entry().number),
        record: newest.map(|record| record.reference().hash.to_string()),
        date: newest.and_then(date),
        floor: catalog.lowest,
        checked: is_done,
        copies: of_copies.collect(),
        forks: forks(catalog, copies, scrub, side_ends),
        lost: lost(catalog),
    }
}

fn copy_line(catalog: &Catalog, seen: &Seen, copy: usize, top: Option<RecordRef>, scrub: &Scrub<'_>) -> CopyScrub {
    let newest = catalog.newest_in(copy).filter(|_| seen.is_used());
    let number = newest.map(|id| catalog.entry(id).reference.number);
    let has_top = newest.is_some_and(|id| Some(catalog.entry(id).reference) == top);
    let (state, mut why) = match seen.failure() {
        Some((state, why)) => (state, Some(why)),
        None if has_top => (Standing::Current, None),
        // The repair brought it further, but not to the end.
        None if seen.copied.objects > 0 && seen.state != Standing::Forked => (Standing::Behind, seen.why.clone()),
        None if seen.state == Standing::Current => {
            (Standing::Behind, Some("its newest record is damaged, or went away".to_owned()))
        }
        None => (seen.state, seen.why.clone()),
    };
    if let Some(not_put) = &seen.not_put {
        why = Some(why.map_or_else(|| not_put.clone(), |why| format!("{why}; {not_put}")));
    }
    if let Some(fork) = seen.fork {
        why = Some(format!("number {} of another line came to it: {}", fork.number, fork.hash));
    }
    if state == Standing::Empty && !scrub.add {
        why = Some(format!(
            "{}; if it is the right store, fill it with the options `repair` and `add`",
            why.as_deref().unwrap_or("it holds no record of this series")
        ));
    }
    let mut line = CopyScrub {
        store: scrub.copies[copy].name.clone(),
        state,
        number,
        date: None,
        why,
        complete: false,
        restores: false,
        behind: behind(catalog, number),
        records: 0,
        bundles: 0,
        bytes: 0,
        free: seen.is_used().then(|| scrub.copies[copy].store.free()).flatten(),
        since: None,
        read: seen.read,
        missing: missing(catalog, seen, copy),
        damaged: damaged(catalog, seen, copy),
        orphans: seen.orphans.clone(),
        junk: seen.junk.clone(),
        copied: scrub.repair.then_some(seen.copied),
    };
    if !seen.is_used() {
        return line;
    }
    let is_here = |has: Mask| has & bit(copy) != 0;
    for entry in catalog.entries.iter().filter(|entry| is_here(entry.has)) {
        line.records += 1;
        line.bytes += u64::from(entry.length);
    }
    for bundle in catalog.bundles.iter().filter(|bundle| is_here(bundle.has)) {
        line.bundles += 1;
        line.bytes += bundle.length;
    }
    line.restores = newest.is_some_and(|id| catalog.paths_in(bit(copy))[id as usize]) && !seen.broken;
    let is_whole = line.missing.count == line.missing.repaired && line.damaged.count == line.damaged.repaired;
    // During a repair, an object that was sound at first may turn out to be damaged or gone.
    line.complete = has_top && is_whole && line.restores && seen.fork.is_none() && lacking(catalog, copy).is_empty();
    line
}

fn behind(catalog: &Catalog, number: Option<u64>) -> u64 {
    let is_after = |entry: &&Entry| entry.lines != 0 && entry.reference.number > number.unwrap_or(0);
    catalog.entries.iter().filter(is_after).count() as u64
}

fn masks(catalog: &Catalog, id: Id) -> (Mask, Mask) {
    match id {
        Id::Record(id) => (catalog.entry(id).has, catalog.entry(id).bad),
        Id::Bundle(id) => (catalog.bundle(id).has, catalog.bundle(id).bad),
    }
}

fn missing(catalog: &Catalog, seen: &Seen, copy: usize) -> Findings<Missing> {
    let mut findings = Findings::default();
    for id in &seen.missing {
        let repaired = masks(catalog, *id).0 & bit(copy) != 0;
        findings.repaired += u64::from(repaired);
        findings.add(|| {
            let (object, number) = catalog.name(*id);
            Missing { object, number, repaired }
        });
    }
    findings
}

fn damaged(catalog: &Catalog, seen: &Seen, copy: usize) -> Findings<Damaged> {
    let mut findings = Findings::default();
    for wrong in &seen.damaged {
        let repaired = masks(catalog, wrong.id).1 & bit(copy) == 0;
        findings.repaired += u64::from(repaired);
        findings.add(|| Damaged {
            object: catalog.name(wrong.id).0,
            why: wrong.why.clone(),
            item: wrong.item.map(|(item, _)| item),
            byte: wrong.item.map(|(_, byte)| byte),
            repaired,
            kept: wrong.kept && !repaired,
        });
    }
    findings.count += seen.more_damaged;
    findings
}

fn forks(catalog: &Catalog, copies: &Copies, scrub: &Scrub<'_>, side_ends: &[u32]) -> Vec<ForkEnd> {
    let end = |reference: RecordRef, proven: bool| {
        let has = catalog.find(reference).map_or(0, |id| catalog.entry(id).has);
        let stores = scrub.copies.iter().enumerate().filter(|(copy, _)| has & bit(*copy) != 0);
        ForkEnd {
            number: reference.number,
            record: reference.hash.to_string(),
            proven,
            copies: stores.map(|(_, store)| store.name.to_string()).collect(),
        }
    };
    let heads: Vec<_> = match copies.fork() {
        Some(fork) => fork.heads.iter().map(|head| end(*head, fork.proven)).collect(),
        // The newest record is one of the ends.
        None => copies
            .newest()
            .filter(|_| !side_ends.is_empty())
            .map(|newest| end(newest.reference(), true))
            .into_iter()
            .collect(),
    };
    let known = |id: &&u32| !catalog.heads.contains(&catalog.entry(**id).reference);
    let sides = side_ends.iter().filter(known).map(|id| end(catalog.entry(*id).reference, true));
    heads.into_iter().chain(sides).take(FIRST).collect()
}

fn lost(catalog: &Catalog) -> Findings<Lost> {
    let mut findings = Findings::default();
    for id in catalog.lost() {
        findings.add(|| {
            let (object, number) = catalog.name(id);
            let states = catalog.states_that_need(id);
            let count = states.len() as u64;
            Lost { object, number, states: count, first: states.into_iter().take(FIRST).collect() }
        });
    }
    findings
}

impl SeriesReport {
    /// All copies are complete, nothing is lost, and the log does not fork.
    pub(super) fn is_sound(&self) -> bool {
        self.checked && self.forks.is_empty() && self.lost.count == 0 && self.copies.iter().all(|copy| copy.complete)
    }
}

/// Whether a verify key is enough for this level.
pub(super) fn needs_no_key(level: Level) -> bool {
    level <= Level::Hashes
}
