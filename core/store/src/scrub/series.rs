//! The check of one series, step by step.

use super::bundles;
use super::catalog::{Catalog, Id, Mask, bit};
use super::context::{Context, Seen};
use super::cursor::{Cursor, Phase};
use super::findings;
use super::last_reads::LastReads;
use super::report::{Findings, Level, SeriesReport};
use super::{Scrub, heal, log, stock};
use crate::read::wait::Wait;
use crate::read::{Copies, CopyReport, CopyStore, Domain, ReadingKey, Standing, Use};
use crate::{Selector, date_of};
use lifeboat_core::chain::Chain;
use lifeboat_core::keys::{DomainId, DomainKeys};
use lifeboat_core::log::{Record, RecordRef};
use lifeboat_core::stream::Discard;
use lifeboat_core::{AccessKey, Error, ErrorKind, Result};
use std::rc::Rc;
use std::time::Instant;

/// Checks one series from this place on. Gives the place to go on with, if the time is over. None: the stores no longer
/// hold the series.
///
/// # Errors
/// Interrupted; those of [`Copies::open`]. Unreachable when the copies that hold the series have gone away.
pub(super) fn check(
    scrub: &Scrub<'_>,
    from: Cursor,
    deadline: Option<Instant>,
    mut last_reads: Option<&mut LastReads<'_>>,
    wait: &Wait<'_>,
) -> Result<Option<(SeriesReport, Option<Cursor>)>> {
    let copies = Copies::open(scrub.copies.clone(), scrub.key, Domain::Id(from.domain), wait)?;
    // A copy may have answered when the series was looked for, and not now.
    copies.check_seen()?;
    let Some(reader) = scrub.key.reader(from.domain).filter(|_| !copies.is_empty()) else { return Ok(None) };
    let context = Context { copies: &scrub.copies, reader, deadline };
    let (mut catalog, mut seen) = take_stock(&copies, &context, scrub.level >= Level::Hashes, None, wait)?;
    let side_ends = catalog.side_ends();
    let puts_records = copies.fork().is_none() && side_ends.is_empty();
    let mut next = None;
    if scrub.repair {
        let to_heal = |copy: &usize| seen[*copy].is_used() && (scrub.add || seen[*copy].newest.is_some());
        let to_heal: Vec<_> = (0..seen.len()).filter(to_heal).collect();
        if !heal::advance(&mut catalog, &mut seen, &context, &to_heal, puts_records, wait)? {
            next = Some(from.at);
        }
    }
    let is_healed = next.is_none();
    let opens = match scrub.key {
        ReadingKey::Access(key) if scrub.level >= Level::Contents => Some(key),
        _ => None,
    };
    if let (None, Phase::Bundles(hash)) = (next, from.at)
        && scrub.level >= Level::Hashes
    {
        let last_reads = last_reads.as_deref_mut();
        let rest = bundles::read(&mut catalog, &mut seen, &context, hash, opens, scrub.repair, last_reads, wait)?;
        next = rest.map(Phase::Bundles);
    }
    if let (None, ReadingKey::Access(key), Level::Restore) = (next, scrub.key, scrub.level) {
        let first = if let Phase::Restore(copy) = from.at { copy } else { 0 };
        next = restore(scrub, &context, key, &mut seen, first, wait)?;
    }
    let mut bad = from.bad | still_bad(&catalog, &seen);
    let mut is_checked = next.is_none();
    let mut since = vec![None; seen.len()];
    if let Some(last_reads) = last_reads {
        let used = bundles::used(&context, &seen);
        for (copy, store) in &used {
            since[*copy] = last_reads.since(from.domain, store);
            bad |= if last_reads.is_bad(from.domain, store) { bit(*copy) } else { 0 };
        }
        // What an earlier call read counts.
        is_checked |= is_healed && scrub.level < Level::Restore && used.iter().all(|(copy, _)| since[*copy].is_some());
    }
    let mut report = findings::report(&catalog, &seen, &copies, scrub, &side_ends, is_checked, bad);
    for (line, since) in report.copies.iter_mut().zip(since) {
        line.since = since.map(date_of);
    }
    Ok(Some((report, next.map(|at| Cursor { domain: from.domain, at, bad }))))
}

/// Reads what all copies hold of a series: records, bundles by name and length, floor statements. `all`: each record in
/// each copy that lists it. `opens`: reads the dates of records with these keys.
///
/// # Errors
/// Interrupted.
pub(crate) fn take_stock(
    copies: &Copies,
    context: &Context<'_>,
    all: bool,
    opens: Option<DomainKeys>,
    wait: &Wait<'_>,
) -> Result<(Catalog, Vec<Seen>)> {
    let heads: Vec<RecordRef> = match copies.fork() {
        Some(fork) => fork.heads.clone(),
        None => copies.newest().map(Record::reference).into_iter().collect(),
    };
    let mut seen: Vec<Seen> = copies.reports().into_iter().map(Seen::of).collect();
    let mut catalog = Catalog::new(context.reader.domain, heads);
    if let Some(keys) = opens {
        catalog.read_dates(keys);
    }
    log::read(&mut catalog, &mut seen, context, all, wait)?;
    catalog.join_lost();
    stock::read(&mut catalog, &mut seen, context, wait)?;
    stock::missing(&mut catalog, &mut seen, context, wait)?;
    Ok((catalog, seen))
}

/// The copies in which damage stays.
fn still_bad(catalog: &Catalog, seen: &[Seen]) -> Mask {
    let is_bad = |wrong: &super::context::Wrong, copy: usize| {
        let bad = match wrong.id {
            Id::Record(id) => catalog.entry(id).bad,
            Id::Bundle(id) => catalog.bundle(id).bad,
        };
        bad & bit(copy) != 0
    };
    let copies = (0..seen.len()).filter(|copy| {
        let seen = &seen[*copy];
        seen.broken || seen.more_damaged > 0 || seen.damaged.iter().any(|wrong| is_bad(wrong, *copy))
    });
    copies.map(bit).sum()
}

/// Puts the newest state of each copy together, from this copy alone. Gives the copy to go on with, if the time is over.
fn restore(
    scrub: &Scrub<'_>,
    context: &Context<'_>,
    key: &AccessKey,
    seen: &mut [Seen],
    first: u64,
    wait: &Wait<'_>,
) -> Result<Option<Phase>> {
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    let mut began = false;
    for (copy, seen) in seen.iter_mut().enumerate().skip(first) {
        if !seen.is_used() || seen.newest.is_none() {
            continue;
        }
        if began && context.is_late() {
            return Ok(Some(Phase::Restore(copy as u64)));
        }
        began = true;
        match restore_one(&scrub.copies[copy], scrub.key, key, context.reader.domain, wait) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                seen.broken = true;
                seen.not_put.get_or_insert(format!("its newest state cannot be restored: {error}"));
            }
        }
    }
    Ok(None)
}

fn restore_one(
    copy: &CopyStore,
    reading: &ReadingKey,
    key: &AccessKey,
    domain: DomainId,
    wait: &Wait<'_>,
) -> Result<()> {
    let mut copies = Copies::open(vec![copy.clone()], reading, Domain::Id(domain), wait)?;
    let record = copies.select(&Selector::Newest, wait)?;
    let bundles = copies.open_path(&record, Use::Whole, wait)?;
    let ask: Rc<dyn Fn() -> bool + '_> = Rc::new(|| (wait.interrupted)());
    let readers = bundles.readers().into_iter().map(|reader| reader.interruptible(ask.clone()));
    let chain = Chain::open(key.clone(), readers)?;
    let interrupt = || wait.check();
    chain.walk(key.clone(), Discard, interrupt)?;
    match chain.last().state_id {
        state if state == record.entry().state_id => Ok(()),
        state => Err(Error::corrupt(format!(
            "its bundles lead to the state {state}, and number {} is of {}",
            record.entry().number,
            record.entry().state_id
        ))),
    }
}

impl Seen {
    fn of(report: CopyReport) -> Self {
        let failed = None;
        Self {
            state: report.state,
            newest: report.newest.filter(|_| report.state != Standing::Empty),
            why: report.why,
            failed,
            junk: Findings::default(),
            orphans: Findings::default(),
            orphan_bundles: Vec::new(),
            damaged: Vec::new(),
            more_damaged: 0,
            missing: Vec::new(),
            copied: super::report::Copied::default(),
            read: 0,
            not_put: None,
            fork: None,
            broken: false,
        }
    }
}
