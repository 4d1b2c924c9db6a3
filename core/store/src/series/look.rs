//! What one list shows of a copy.

use crate::{Cancel, Entry, LIST_MAX, Result, Store, StoreError, StoreErrorKind};
use lifeboat_core::keys::{DomainId, VerifyKey};
use lifeboat_core::log::name::{self, Name, Object};
use lifeboat_core::log::{FLOOR_MAX, Floor, NUMBER_MAX, RECORD_MAX, Record, RecordHash, RecordRef};

/// How many names the first list has: the newest record, the remembered one, and some that came between.
pub(crate) const FIRST_PAGE: usize = 8;
/// How many names may be newer than the newest authentic record, or than the remembered one. A copy with more is
/// hostile, or so far ahead that a save is not the place to find out.
const NEWER_MAX: usize = 1000;

/// What a copy shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Look {
    /// The authentic records that were read: all that are newer than the remembered one, and those with the same
    /// number.
    pub(crate) records: Vec<Record>,
    /// The newest authentic record.
    pub(crate) newest: Option<RecordRef>,
    /// The copy has the remembered record.
    pub(crate) has_remembered: bool,
    /// Two records with the same number were seen.
    pub(crate) is_forked: bool,
    /// How many names have no authentic record.
    pub(crate) junk: usize,
    /// The records whose names were listed, authentic or not, the newest first; each with its length.
    pub(crate) names: Vec<(RecordRef, u64)>,
    /// All records with this number or a higher one were listed. Some with lower numbers may have been.
    pub(crate) listed: u64,
}

/// What is remembered of a copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remembered {
    /// The record that it ended with.
    pub(crate) record: RecordRef,
    /// The length of that record. An object of another length is damaged. None: it is not known, so the record is read.
    pub(crate) length: Option<u64>,
}

/// Lists the log from the newest record down to the remembered one. `first_page`: how many names the first list has.
/// If the length of the remembered record is known, that record is not read again.
///
/// # Errors
/// Those of the store; corrupt when there is more junk than can be looked at.
pub(crate) fn look(
    store: &dyn Store,
    domain: DomainId,
    key: &VerifyKey,
    remembered: Option<Remembered>,
    first_page: usize,
    cancel: &Cancel,
) -> Result<Look> {
    let mut look = Look::default();
    let prefix = name::log(domain);
    let (mut after, mut limit, mut numbers) = (String::new(), first_page, Vec::new());
    'pages: loop {
        let page = store.list(&prefix, &after, limit, cancel)?;
        let is_last = page.len() < limit;
        look.names.extend(page.iter().filter_map(named));
        look.listed = match look.names.last() {
            _ if is_last => 1,
            // Another record with this number may follow.
            Some((lowest, _)) => lowest.number + 1,
            None => NUMBER_MAX,
        };
        for entry in &page {
            let Some((reference, length)) = named(entry) else {
                look.junk += 1;
                continue;
            };
            // The number must be the same, too: anybody can make up a name.
            let is_remembered = remembered.is_some_and(|remembered| remembered.record == reference);
            let known = is_remembered && remembered.is_some_and(|remembered| remembered.length == Some(length));
            let is_older = match remembered {
                Some(remembered) => reference.number < remembered.record.number,
                // Without a memory, one page is enough. It shows the newest record, and numbers that were given twice.
                None => look.newest.is_some() && numbers.last() != Some(&reference.number),
            };
            if is_older && look.newest.is_some() {
                break 'pages;
            }
            if !known {
                match read_record_of(store, domain, key, reference, length, cancel) {
                    Ok(record) => look.records.push(record),
                    Err(error) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => {
                        look.junk += 1;
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            look.has_remembered |= is_remembered;
            look.is_forked |= numbers.contains(&reference.number);
            numbers.push(reference.number);
            look.newest = look.newest.or(Some(reference));
            if numbers.len() + look.junk > NEWER_MAX {
                return Err(StoreError::corrupt(format!(
                    "more than {NEWER_MAX} records or other names are newer than the record that is remembered"
                )));
            }
        }
        match page.last() {
            Some(last) if !is_last => after = last.name.clone(),
            _ => break,
        }
        limit = crate::LIST_MAX;
        if look.junk > NEWER_MAX {
            return Err(StoreError::corrupt(format!("more than {NEWER_MAX} names in its log are no records")));
        }
    }
    // A list may not show yet what was put. So the remembered record is asked for by its name.
    if let Some(Remembered { record, length: own }) = remembered.filter(|_| !look.has_remembered) {
        let name = Name { domain_id: domain, object: Object::Record(record) };
        let found = store.head(&name.to_string(), cancel).and_then(|length| match own {
            Some(own) => Ok(own == length),
            None => read_record_of(store, domain, key, record, length, cancel).map(|_| true),
        });
        match found {
            Ok(true) => {
                look.has_remembered = true;
                if look.newest.is_none_or(|newest| newest.number < record.number) {
                    look.newest = Some(record);
                }
            }
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                let is_newer = look.newest.is_some_and(|newest| newest.number > record.number);
                look.has_remembered = is_newer && is_pruned(store, domain, key, record.number, cancel)?;
            }
            // It is damaged.
            Ok(false) => {}
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {}
            Err(error) => return Err(error),
        }
    }
    Ok(look)
}

/// Whether a floor statement says that records with this number may be gone.
///
/// # Errors
/// Those of the store.
pub(crate) fn is_pruned(
    store: &dyn Store,
    domain: DomainId,
    key: &VerifyKey,
    number: u64,
    cancel: &Cancel,
) -> Result<bool> {
    for entry in store.list(&name::floors(domain), "", FIRST_PAGE, cancel)? {
        let length = usize::try_from(entry.length).unwrap_or(usize::MAX);
        let is_floor = Name::parse(&entry.name).is_some_and(|name| matches!(name.object, Object::Floor { .. }));
        if !is_floor || length > FLOOR_MAX {
            continue;
        }
        let mut bytes = vec![0; length];
        match store.get(&entry.name, 0, &mut bytes, cancel) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => continue,
            Err(error) => return Err(error),
        }
        let floor = Floor::read(&bytes, Some(key)).ok().filter(|floor| floor.domain_id() == domain);
        if floor.is_some_and(|floor| floor.lowest() > number) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The record that an object of a list is, by its name, and its length. None: the object is junk.
pub(crate) fn named(entry: &Entry) -> Option<(RecordRef, u64)> {
    match Name::parse(&entry.name)?.object {
        Object::Record(reference) => Some((reference, entry.length)),
        _ => None,
    }
}

/// Reads the records of a copy with a number above `before`, the newest first, and hands each to `take`. Records that are
/// `known` are left out, and so is what is no record. `next`: the time limit for the next request. Gives the first record of
/// the list that is not newer.
///
/// # Errors
/// Those of the store and of `take`.
pub(crate) fn each_newer<E: From<StoreError>>(
    store: &dyn Store,
    (domain, key): (DomainId, &VerifyKey),
    before: u64,
    known: impl Fn(RecordRef) -> bool,
    next: impl Fn() -> Cancel,
    mut take: impl FnMut(Record) -> Result<(), E>,
) -> Result<Option<RecordRef>, E> {
    let (mut after, mut limit) = (String::new(), FIRST_PAGE);
    loop {
        let page = store.list(&name::log(domain), &after, limit, &next())?;
        for entry in &page {
            let Some((record, length)) = named(entry) else { continue };
            if record.number <= before {
                return Ok(Some(record));
            }
            if known(record) {
                continue;
            }
            match read_record_of(store, domain, key, record, length, &next()) {
                Ok(record) => take(record)?,
                Err(error) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match page.last() {
            Some(last) if page.len() == limit && last.name > after => after = last.name.clone(),
            _ => return Ok(None),
        }
        limit = LIST_MAX;
    }
}

/// Reads and checks one record.
///
/// # Errors
/// Not found; corrupt when it is not an authentic record of this name; the errors of the store.
pub(crate) fn read_record(
    store: &dyn Store,
    domain: DomainId,
    key: &VerifyKey,
    reference: RecordRef,
    cancel: &Cancel,
) -> Result<Record> {
    let name = Name { domain_id: domain, object: Object::Record(reference) }.to_string();
    let length = store.head(&name, cancel)?;
    read_record_of(store, domain, key, reference, length, cancel)
}

/// The same for a record that a list showed with this length.
///
/// # Errors
/// As [`read_record`].
pub(crate) fn read_record_of(
    store: &dyn Store,
    domain: DomainId,
    key: &VerifyKey,
    reference: RecordRef,
    length: u64,
    cancel: &Cancel,
) -> Result<Record> {
    let name = Name { domain_id: domain, object: Object::Record(reference) }.to_string();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let wrong = |why: &str| StoreError::corrupt(format!("'{name}': {why}"));
    if length > RECORD_MAX {
        return Err(wrong("longer than a record can be"));
    }
    let mut bytes = vec![0; length];
    store.get(&name, 0, &mut bytes, cancel)?;
    if RecordHash::of(&bytes) != reference.hash {
        return Err(wrong("its bytes do not have the hash of its name"));
    }
    let record = Record::read(&bytes, Some(key)).map_err(|error| wrong(error.message()))?;
    if record.domain_id() == domain && record.reference() == reference {
        Ok(record)
    } else {
        Err(wrong("it is the record of another name"))
    }
}
