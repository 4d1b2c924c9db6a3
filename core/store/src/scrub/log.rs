//! Reads the logs of all copies together, from the newest record down, a window of names at a time.

use super::catalog::{Catalog, bit};
use super::context::{Context, Seen};
use crate::read::wait::{Pace, Wait, side_by_side};
use crate::series::{named, read_record_of};
use crate::{Entry, LIST_MAX, Result as StoreResult, StoreError, StoreErrorKind};
use lifeboat_core::Result;
use lifeboat_core::log::name::{self, Name, Object};
use lifeboat_core::log::{Record, RecordRef};
use std::collections::VecDeque;

/// How many records are read at once.
const BATCH: usize = 256;
/// How many names in one log may be no records. A copy with more is hostile.
pub(super) const JUNK_MAX: u64 = 1000;

/// The list of one copy, as far as it was read.
struct Names {
    copy: usize,
    after: String,
    page: VecDeque<Entry>,
    is_whole: bool,
}

/// One name, and the copies that list it, each with its length there.
struct Listed {
    reference: RecordRef,
    holders: Vec<(usize, u64)>,
}

/// What the copies gave for one name.
#[derive(Default)]
struct Found {
    record: Option<Record>,
    sound: Vec<usize>,
    wrong: Vec<(usize, String)>,
    failed: Vec<(usize, StoreError)>,
    /// They were not asked.
    others: Vec<(usize, u64)>,
}

/// Reads all records that any copy lists. `all`: in each copy that lists it, and not only in one.
///
/// # Errors
/// Interrupted.
pub(crate) fn read(
    catalog: &mut Catalog,
    seen: &mut [Seen],
    context: &Context<'_>,
    all: bool,
    wait: &Wait<'_>,
) -> Result<()> {
    let prefix = name::log(catalog.domain);
    let mut lists: Vec<Names> = (0..seen.len())
        .filter(|copy| seen[*copy].is_used())
        .map(|copy| Names { copy, after: String::new(), page: VecDeque::new(), is_whole: false })
        .collect();
    loop {
        refill(&mut lists, seen, context, &prefix, wait)?;
        let batch = window(&mut lists, seen);
        if batch.is_empty() {
            if lists.iter().all(|list| list.is_whole && list.page.is_empty()) {
                return Ok(());
            }
            continue;
        }
        // The newest record of each copy is read there: all that comes next is built on it.
        let newest: Vec<_> = seen.iter().map(|seen| seen.newest.map_or(0, |newest| newest.number)).collect();
        let found = side_by_side(wait, &batch, |listed, pace| {
            let asks = |copy: usize| all || listed.reference.number >= newest[copy];
            find(listed, catalog, context, asks, pace)
        })?;
        for (listed, found) in batch.into_iter().zip(found) {
            note(catalog, seen, &listed, found);
        }
        lists.retain(|list| seen[list.copy].is_used());
    }
}

/// Gets the next names of each copy that has none left.
fn refill(
    lists: &mut Vec<Names>,
    seen: &mut [Seen],
    context: &Context<'_>,
    prefix: &str,
    wait: &Wait<'_>,
) -> Result<()> {
    let empty: Vec<_> = lists.iter_mut().filter(|list| list.page.is_empty() && !list.is_whole).collect();
    let asked: Vec<_> = empty.iter().map(|list| (list.copy, list.after.clone())).collect();
    let pages =
        side_by_side(wait, &asked, |(copy, after), pace| page(&*context.copies[*copy].store, prefix, after, pace))?;
    for (list, page) in empty.into_iter().zip(pages) {
        match page {
            Ok(page) => {
                list.is_whole = page.len() < LIST_MAX;
                list.after = page.last().map_or_else(String::new, |last| last.name.clone());
                list.page = page.into();
            }
            Err(error) => {
                list.is_whole = true;
                seen[list.copy].fail(error);
            }
        }
    }
    lists.retain(|list| seen[list.copy].is_used());
    Ok(())
}

/// One page of a list, whose names ascend.
///
/// # Errors
/// Corrupt when they do not; those of the store.
pub(crate) fn page(store: &dyn crate::Store, prefix: &str, after: &str, pace: &Pace) -> StoreResult<Vec<Entry>> {
    let page = store.list(prefix, after, LIST_MAX, &pace.next())?;
    let ascends = page.windows(2).all(|pair| pair[0].name < pair[1].name);
    let follows = page.first().is_none_or(|first| *first.name > *after) && page.len() <= LIST_MAX;
    if ascends && follows { Ok(page) } else { Err(StoreError::corrupt("its list is not in order")) }
}

/// The next names of all copies, as far as each copy's list is known.
fn window(lists: &mut [Names], seen: &mut [Seen]) -> Vec<Listed> {
    let mut batch: Vec<Listed> = Vec::new();
    while batch.len() < BATCH {
        if lists.iter().any(|list| list.page.is_empty() && !list.is_whole) {
            break;
        }
        let next = lists.iter().filter_map(|list| list.page.front()).map(|entry| &entry.name).min().cloned();
        let Some(next) = next else { break };
        let mut listed = None;
        for list in lists.iter_mut().filter(|list| list.page.front().is_some_and(|entry| entry.name == next)) {
            let Some(entry) = list.page.pop_front() else { continue };
            match named(&entry) {
                Some((reference, length)) => {
                    let listed = listed.get_or_insert_with(|| Listed { reference, holders: Vec::new() });
                    listed.holders.push((list.copy, length));
                }
                None => seen[list.copy].add_junk(&entry.name),
            }
        }
        batch.extend(listed);
    }
    batch
}

fn find(listed: &Listed, catalog: &Catalog, context: &Context<'_>, asks: impl Fn(usize) -> bool, pace: &Pace) -> Found {
    let (mut found, key) = (Found::default(), &context.reader.verify_key);
    // So that each copy gives some of them.
    let first = usize::try_from(listed.reference.number).unwrap_or(0) % listed.holders.len();
    let (after, before) = (&listed.holders[first..], &listed.holders[..first]);
    for (copy, length) in after.iter().chain(before) {
        if found.record.is_some() && !asks(*copy) {
            found.others.push((*copy, *length));
            continue;
        }
        let store = &*context.copies[*copy].store;
        match read_record_of(store, catalog.domain, key, listed.reference, *length, &pace.next()) {
            Ok(record) => {
                found.record = Some(record);
                found.sound.push(*copy);
            }
            Err(error) if error.kind() == StoreErrorKind::NotFound => {}
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {
                let name = Name { domain_id: catalog.domain, object: Object::Record(listed.reference) };
                let why = error.message();
                let why = why.strip_prefix(&format!("'{name}': ")).unwrap_or(why);
                found.wrong.push((*copy, why.to_owned()));
            }
            Err(error) => found.failed.push((*copy, error)),
        }
    }
    found
}

fn note(catalog: &mut Catalog, seen: &mut [Seen], listed: &Listed, mut found: Found) {
    found.failed.into_iter().for_each(|(copy, error)| seen[copy].fail(error));
    if let Some(record) = found.record.as_ref().filter(|record| record.reference().number > catalog.top()) {
        return catalog.late.extend(record.entry().bundles.iter().map(|bundle| bundle.sha256));
    }
    let id = match &found.record {
        Some(record) => Some(catalog.add(record)),
        // Another record proves that there is such a record.
        None => catalog.find(listed.reference),
    };
    let Some(id) = id else {
        let name = Name { domain_id: catalog.domain, object: Object::Record(listed.reference) }.to_string();
        return found.wrong.iter().for_each(|(copy, _)| seen[*copy].add_junk(&name));
    };
    if let Some(record) = &found.record {
        let length = record.bytes().len() as u64;
        for (copy, listed) in std::mem::take(&mut found.others) {
            match listed == length {
                true => found.sound.push(copy),
                false => found.wrong.push((copy, format!("it has {listed} bytes, and not {length}"))),
            }
        }
    }
    for copy in found.sound {
        catalog.entry_mut(id).has |= bit(copy);
    }
    for (copy, why) in found.wrong {
        catalog.entry_mut(id).bad |= bit(copy);
        seen[copy].wrong(super::catalog::Id::Record(id), why, None);
    }
}
