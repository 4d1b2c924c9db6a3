//! Lists the bundles and floor statements of each copy, and compares them with what the records say.

use super::catalog::{Catalog, Id, bit};
use super::context::{Context, Seen};
use super::log::{JUNK_MAX, page};
use super::report::{FIRST, Findings};
use crate::read::wait::{Pace, Wait, side_by_side};
use crate::series::{FIRST_PAGE, named, read_record_of};
use crate::{LIST_MAX, Result as StoreResult, Store, StoreError, StoreErrorKind};
use lifeboat_core::Result;
use lifeboat_core::log::name::{self, Name, Object};
use lifeboat_core::log::{BundleHash, FLOOR_MAX, Floor};

/// The most bundles of one copy that no record names. A copy with more is hostile.
const ORPHANS_MAX: usize = 100_000;
/// The most floor statements of one copy.
const FLOORS_MAX: usize = 1000;
/// A list may not show yet what was put. So up to this many objects that it does not show are asked for by their names.
const ASKED_MAX: usize = 64;

/// What one copy lists.
#[derive(Default)]
struct Stock {
    has: Vec<u32>,
    /// Bundles with another length than the records say.
    wrong: Vec<(u32, u64)>,
    orphans: Vec<(BundleHash, u64)>,
    floors: Vec<Floor>,
    /// Floor statements that do not read, by their names.
    bad_floors: Vec<String>,
    junk: Findings<String>,
    /// The bundles of records that came meanwhile.
    late: Vec<BundleHash>,
}

/// Fills in which copy has which bundles, and chooses the floor that counts.
///
/// # Errors
/// Interrupted.
pub(super) fn read(catalog: &mut Catalog, seen: &mut [Seen], context: &Context<'_>, wait: &Wait<'_>) -> Result<()> {
    let copies: Vec<_> = (0..seen.len()).filter(|copy| seen[*copy].is_used()).collect();
    let stocks =
        side_by_side(wait, &copies, |copy, pace| stock(&*context.copies[*copy].store, catalog, context, pace))?;
    let mut bad_floors = Vec::new();
    for (copy, stock) in copies.into_iter().zip(stocks) {
        let stock = match stock {
            Ok(stock) => stock,
            Err(error) => {
                seen[copy].fail(error);
                continue;
            }
        };
        stock.has.into_iter().for_each(|id| catalog.bundle_mut(id).has |= bit(copy));
        for (id, length) in stock.wrong {
            let bundle = catalog.bundle_mut(id);
            bundle.bad |= bit(copy);
            seen[copy].wrong(Id::Bundle(id), format!("it has {length} bytes, and not {}", bundle.length), None);
        }
        for (hash, length) in stock.orphans {
            if catalog.late.contains(&hash) || stock.late.contains(&hash) {
                continue;
            }
            let name = || Name { domain_id: catalog.domain, object: Object::Bundle(hash) }.to_string();
            seen[copy].orphans.add(name);
            seen[copy].orphans.bytes += length;
            seen[copy].orphan_bundles.push((hash, length));
        }
        for floor in stock.floors {
            match catalog.floors.iter_mut().find(|(known, _)| *known == floor) {
                Some((_, has)) => *has |= bit(copy),
                None => catalog.floors.push((floor, bit(copy))),
            }
        }
        let junk = &mut seen[copy].junk;
        junk.count += stock.junk.count;
        junk.first.extend(stock.junk.first);
        junk.first.truncate(FIRST);
        bad_floors.extend(stock.bad_floors.into_iter().map(|name| (copy, name)));
    }
    bad_floors.into_iter().for_each(|(copy, name)| seen[copy].add_junk(&name));
    catalog.set_floor();
    Ok(())
}

fn stock(store: &dyn Store, catalog: &Catalog, context: &Context<'_>, pace: &Pace) -> StoreResult<Stock> {
    let (mut stock, domain) = (Stock::default(), catalog.domain);
    each(store, &name::bundles(domain), pace, |entry| {
        match Name::parse(&entry.name).map(|name| name.object) {
            Some(Object::Bundle(hash)) => match catalog.find_bundle(hash) {
                Some(id) if catalog.bundle(id).length == entry.length => stock.has.push(id),
                Some(id) => stock.wrong.push((id, entry.length)),
                None => stock.orphans.push((hash, entry.length)),
            },
            _ => stock.junk.add(|| entry.name.clone()),
        }
        let many = stock.orphans.len() > ORPHANS_MAX || stock.junk.count > JUNK_MAX;
        if many { Err(StoreError::corrupt("it holds too many bundles that no record names")) } else { Ok(()) }
    })?;
    let mut floors = Vec::new();
    each(store, &name::floors(domain), pace, |entry| {
        floors.push((entry.name.clone(), entry.length));
        if floors.len() > FLOORS_MAX { Err(StoreError::corrupt("it holds too many floor statements")) } else { Ok(()) }
    })?;
    for (name, length) in floors {
        match read_floor(store, &name, length, context, pace)? {
            Some(floor) => stock.floors.push(floor),
            None => stock.bad_floors.push(name),
        }
    }
    for (from, to) in [("", "bundles/"), ("bundles0", "floor/"), ("floor0", "log/"), ("log0", "~")] {
        let (prefix, to) = (format!("{domain}/"), format!("{domain}/{to}"));
        let after = if from.is_empty() { String::new() } else { format!("{domain}/{from}") };
        let page = store.list(&prefix, &after, FIRST, &pace.next())?;
        page.into_iter().filter(|entry| entry.name < to).for_each(|entry| stock.junk.add(|| entry.name));
    }
    // A save puts its bundles first. Its record may have come since the log was read.
    for entry in store.list(&name::log(domain), "", FIRST_PAGE, &pace.next())? {
        let Some((reference, length)) = named(&entry).filter(|(name, _)| name.number > catalog.top()) else { continue };
        let key = &context.reader.verify_key;
        if let Ok(record) = read_record_of(store, domain, key, reference, length, &pace.next()) {
            stock.late.extend(record.entry().bundles.iter().map(|bundle| bundle.sha256));
        }
    }
    Ok(stock)
}

/// Lists all objects under a prefix.
fn each(
    store: &dyn Store,
    prefix: &str,
    pace: &Pace,
    mut take: impl FnMut(&crate::Entry) -> StoreResult<()>,
) -> StoreResult<()> {
    let mut after = String::new();
    loop {
        let entries = page(store, prefix, &after, pace)?;
        entries.iter().try_for_each(&mut take)?;
        match entries.last() {
            Some(last) if entries.len() == LIST_MAX => after = last.name.clone(),
            _ => return Ok(()),
        }
    }
}

/// None: it is no authentic floor statement of this name.
fn read_floor(
    store: &dyn Store,
    name: &str,
    length: u64,
    context: &Context<'_>,
    pace: &Pace,
) -> StoreResult<Option<Floor>> {
    let parsed = Name::parse(name).filter(|name| matches!(name.object, Object::Floor { .. }));
    let length = usize::try_from(length).ok().filter(|length| *length <= FLOOR_MAX);
    let Some((parsed, length)) = parsed.zip(length) else { return Ok(None) };
    let mut bytes = vec![0; length];
    match store.get(name, 0, &mut bytes, &pace.next()) {
        Ok(()) => Ok(Floor::read_at(&parsed, &bytes, Some(&context.reader.verify_key)).ok()),
        Err(error) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Notes what each copy lacks. A few objects that a list does not show are asked for by their names.
///
/// # Errors
/// Interrupted.
pub(super) fn missing(catalog: &mut Catalog, seen: &mut [Seen], context: &Context<'_>, wait: &Wait<'_>) -> Result<()> {
    for copy in (0..seen.len()).filter(|copy| seen[*copy].is_used()).collect::<Vec<_>>() {
        let mut missing = lacking(catalog, copy);
        if !missing.is_empty() && missing.len() <= ASKED_MAX {
            let store = &*context.copies[copy].store;
            let asked: Vec<_> = missing.iter().map(|id| (*id, catalog.name(*id).0)).collect();
            let answers = side_by_side(wait, &asked, |(_, name), pace| store.head(name, &pace.next()))?;
            for ((id, _), answer) in asked.into_iter().zip(answers) {
                let length = match id {
                    Id::Record(id) => u64::from(catalog.entry(id).length),
                    Id::Bundle(id) => catalog.bundle(id).length,
                };
                match answer {
                    // An object that no copy lists was not verified.
                    Ok(found) if found == length && *catalog.copies(id).0 != 0 => *catalog.copies(id).0 |= bit(copy),
                    // Something else stands there, such as a directory. The reason is the remedy.
                    Err(error) if error.kind() == StoreErrorKind::Refused => {
                        *catalog.copies(id).1 |= bit(copy);
                        seen[copy].wrong(id, error.message().to_owned(), None);
                    }
                    _ => {}
                }
            }
            missing = lacking(catalog, copy);
        }
        seen[copy].missing = missing;
    }
    Ok(())
}

/// The objects that a copy should have, and does not.
pub(super) fn lacking(catalog: &Catalog, copy: usize) -> Vec<Id> {
    let needed = catalog.needed_in(copy);
    let mut bundles = vec![false; catalog.bundles.len()];
    let mut lacking = Vec::new();
    for id in catalog.ascending().filter(|id| needed[*id as usize]) {
        let entry = catalog.entry(id);
        if (entry.has | entry.bad) & bit(copy) == 0 {
            lacking.push(Id::Record(id));
        }
        for id in catalog.bundles_of(id) {
            let bundle = catalog.bundle(id);
            let is_new = !std::mem::replace(&mut bundles[id as usize], true);
            if (bundle.has | bundle.bad) & bit(copy) == 0 && is_new {
                lacking.push(Id::Bundle(id));
            }
        }
    }
    lacking
}
