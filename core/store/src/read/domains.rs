//! Which series a store holds, and which of them belong to a key.

use super::wait::{Pace, Wait, side_by_side};
use crate::save::CopyStore;
use crate::series::{FIRST_PAGE, Look, look};
use crate::{LIST_MAX, Result as StoreResult, Store, StoreError};
use lifeboat_core::keys::{DomainId, DomainKeys, VerifyKey};
use lifeboat_core::log::{RECORD_MAX, Record, name};
use lifeboat_core::{AccessKey, Error, Result};
use std::collections::BTreeMap;

/// The most names that are looked through in one store: series, and other names beside them.
const DOMAINS_MAX: usize = 1000;

/// The key whose series are read.
#[derive(Clone, Debug)]
pub enum ReadingKey {
    /// A recovery key reads all of its domains. A write key and a read key read their own one.
    Access(AccessKey),
    /// A verify key shows what is authentic, but opens nothing.
    Verify(VerifyKey),
}

impl ReadingKey {
    /// What the key is, for an error. It tells no secret.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Access(key) => match key.own_domain() {
                Some(domain) => format!("the {} of the domain {domain}", key.kind_name()),
                None => format!("a {}", key.kind_name()),
            },
            Self::Verify(key) => format!("the verify key {key}"),
        }
    }

    /// The keys that check and read a series of this domain. None: the domain does not belong to this key.
    pub(crate) fn reader(&self, domain: DomainId) -> Option<Reader> {
        match self {
            Self::Access(key) => {
                let keys = key.keys(domain).ok()?;
                Some(Reader { domain, verify_key: keys.verify_key(), keys: Some(keys) })
            }
            Self::Verify(key) => Some(Reader { domain, verify_key: *key, keys: None }),
        }
    }
}

/// A domain, and the keys that it is read with.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) domain: DomainId,
    pub(crate) verify_key: VerifyKey,
    pub(crate) keys: Option<DomainKeys>,
}

/// A series that belongs to the key.
pub(super) struct Found {
    pub(super) reader: Reader,
    /// What each copy shows of it, by its index among the copies.
    pub(super) looks: BTreeMap<usize, Look>,
}

/// A series that a key reads, and the copies that hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainReport {
    /// Its domain.
    pub domain_id: DomainId,
    /// The number of the newest record.
    pub newest: u64,
    /// The indexes of the copies that hold some of it, in the caller's order.
    pub copies: Vec<usize>,
}

impl Found {
    pub(super) fn report(&self) -> DomainReport {
        let newest = self.looks.values().filter_map(|look| look.newest).map(|newest| newest.number).max();
        let holds = self.looks.iter().filter(|(_, look)| look.newest.is_some());
        DomainReport {
            domain_id: self.reader.domain,
            newest: newest.unwrap_or(0),
            copies: holds.map(|(copy, _)| *copy).collect(),
        }
    }
}

/// The series in some stores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains {
    /// The series of the key, by their domain ids.
    pub own: Vec<DomainReport>,
    /// How many series there are of other keys, or without any record.
    pub foreign: usize,
    /// The indexes of the stores that did not answer, and why.
    pub failed: Vec<(usize, StoreError)>,
}

/// All series of a key in these stores.
///
/// # Errors
/// Interrupted.
pub fn domains(copies: &[CopyStore], key: &ReadingKey, wait: &Wait<'_>) -> Result<Domains> {
    let Search { mine, others, failed } = search(copies, key, FIRST_PAGE, wait)?;
    let own = mine.iter().map(Found::report).collect();
    Ok(Domains { own, foreign: others, failed: failed.into_iter().collect() })
}

/// The only series in these stores, and the key that signed its newest record. It is for callers without a key: anybody
/// may be the signer.
///
/// # Errors
/// Misuse when there are several series; host when there is none; unreachable when no store answers; interrupted.
pub fn only_signer(copies: &[CopyStore], wait: &Wait<'_>) -> Result<(DomainId, VerifyKey)> {
    let results = side_by_side(wait, copies, |copy, pace| signers_in(&*copy.store, pace))?;
    let (mut signers, mut failed): (Vec<(DomainId, VerifyKey)>, Option<StoreError>) = (Vec::new(), None);
    for result in results {
        match result {
            Ok(found) => found.into_iter().for_each(|found| {
                if !signers.contains(&found) {
                    signers.push(found)
                }
            }),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match (signers.as_slice(), failed) {
        ([signer], _) => Ok(*signer),
        ([], Some(error)) => Err(Error::unreachable(format!("no store tells of a series: {}", error.message()))),
        ([], None) => {
            check_exist(copies)?;
            Err(Error::host("the stores hold no series"))
        }
        (several, _) => {
            let several: Vec<_> = several.iter().map(|(domain, key)| format!("{domain}, signed by {key}")).collect();
            Err(Error::misuse(format!(
                "the stores hold several series; give a key that reads one of them, or its verify key ({})",
                several.join("; ")
            )))
        }
    }
}

/// # Errors
/// Host, with the name of a store that is a directory which does not exist.
pub(super) fn check_exist(copies: &[CopyStore]) -> Result<()> {
    match copies.iter().find(|copy| !copy.store.exists()) {
        None => Ok(()),
        Some(copy) => Err(Error::host(format!(
            "there is no store '{}': the directory does not exist; look at its path, and whether its disk is connected",
            copy.name
        ))),
    }
}

/// How many series an error names.
const NAMED: usize = 4;

/// Whose series the stores hold, for an error: their domains, and who signed their newest records. Empty: nobody tells.
///
/// # Errors
/// Interrupted.
pub(super) fn signers(copies: &[CopyStore], wait: &Wait<'_>) -> Result<String> {
    let mut signers = BTreeMap::new();
    for found in side_by_side(wait, copies, |copy, pace| signers_in(&*copy.store, pace))?.into_iter().flatten() {
        for (domain, key) in found {
            signers.entry(domain.0).or_insert((domain, key));
        }
    }
    let named: Vec<_> =
        signers.values().take(NAMED).map(|(domain, key)| format!("{domain}, signed by {key}")).collect();
    Ok(match signers.len().saturating_sub(NAMED) {
        0 => named.join("; "),
        more => format!("{}; and {more} more", named.join("; ")),
    })
}

/// Who signed the newest record of each series in a store.
fn signers_in(store: &dyn Store, pace: &Pace) -> StoreResult<Vec<(DomainId, VerifyKey)>> {
    let mut signers = Vec::new();
    for domain in domains_in(store, pace)? {
        for entry in store.list(&name::log(domain), "", FIRST_PAGE, &pace.next())? {
            let length = usize::try_from(entry.length).ok().filter(|length| *length <= RECORD_MAX);
            let Some((length, name)) = length.zip(name::Name::parse(&entry.name)) else { continue };
            let mut bytes = vec![0; length];
            store.get(&entry.name, 0, &mut bytes, &pace.next())?;
            if let Ok(record) = Record::read_at(&name, &bytes, None) {
                signers.push((domain, record.verify_key()));
                break;
            }
        }
    }
    Ok(signers)
}

/// What the stores hold.
pub(super) struct Search {
    /// The series of the key.
    pub(super) mine: Vec<Found>,
    /// How many others there are.
    pub(super) others: usize,
    /// Why a store did not answer.
    pub(super) failed: BTreeMap<usize, StoreError>,
}

/// Finds all series of a key, in all copies side by side.
///
/// # Errors
/// Interrupted.
pub(super) fn search(copies: &[CopyStore], key: &ReadingKey, page: usize, wait: &Wait<'_>) -> Result<Search> {
    let mut search = Search { mine: Vec::new(), others: 0, failed: BTreeMap::new() };
    let mut by_domain: BTreeMap<[u8; 16], Option<Found>> = BTreeMap::new();
    let results = side_by_side(wait, copies, |copy, pace| search_one(&*copy.store, key, page, pace))?;
    for (copy, found) in results.into_iter().enumerate() {
        match found {
            Ok(found) => {
                for (domain, found) in found {
                    let entry = by_domain.entry(domain.0).or_default();
                    if let Some((reader, look)) = found {
                        let found = entry.get_or_insert_with(|| Found { reader, looks: BTreeMap::new() });
                        found.looks.insert(copy, look);
                    }
                }
            }
            Err(error) => drop(search.failed.insert(copy, error)),
        }
    }
    for found in by_domain.into_values() {
        match found {
            Some(found) if found.looks.values().any(|look| look.newest.is_some()) => search.mine.push(found),
            _ => search.others += 1,
        }
    }
    Ok(search)
}

/// A domain in a store. If it may belong to the key, also what the store shows of it.
type Looked = (DomainId, Option<(Reader, Look)>);

/// The domains in one store, and what the store shows of those that may belong to the key.
fn search_one(store: &dyn Store, key: &ReadingKey, page: usize, pace: &Pace) -> StoreResult<Vec<Looked>> {
    let (mut found, mut failed) = (Vec::new(), None);
    for domain in domains_in(store, pace)? {
        let reader = key.reader(domain);
        let looked = reader.map(|reader| {
            let look = look(store, domain, &reader.verify_key, None, page, &pace.next())?;
            Ok((reader, look))
        });
        match looked.transpose() {
            Ok(looked) => found.push((domain, looked)),
            // Even if one series is full of junk, the others are read.
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match failed {
        Some(error) if found.iter().all(|(_, looked)| looked.is_none()) => Err(error),
        _ => Ok(found),
    }
}

/// The domains in a store. It takes one request for each, and one more. Names that are no objects of ours are passed over
/// many at a time: a list of a directory reads all of its names, each time.
fn domains_in(store: &dyn Store, pace: &Pace) -> StoreResult<Vec<DomainId>> {
    let (mut domains, mut after, mut limit, mut seen) = (Vec::new(), String::new(), 1, 0);
    loop {
        let page = store.list("", &after, limit, &pace.next())?;
        let is_last = page.len() < limit;
        limit = (2 * limit).min(LIST_MAX);
        for entry in page {
            if entry.name <= after {
                continue;
            }
            if seen == DOMAINS_MAX {
                return Err(StoreError::corrupt(format!(
                    "it holds more than {DOMAINS_MAX} series or other names; say which domain is meant"
                )));
            }
            seen += 1;
            let first = entry.name.split('/').next().unwrap_or_default();
            if let Some(domain) = name::domain(first).filter(|domain| domain.to_string() == first) {
                domains.push(domain);
                limit = 1;
            }
            // After all names that begin with this name and '/', and before all others.
            after = if entry.name.contains('/') { format!("{first}0") } else { entry.name };
        }
        if is_last {
            return Ok(domains);
        }
    }
}
