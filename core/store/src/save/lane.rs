//! The work on one copy: the records that it lacks, the bundles, the record, and another look after that.

use super::files::failed;
use super::gather::Pace;
use super::local::Local;
use super::replicas::{Replica, replicas};
use super::request::Save;
use super::situation::{Situation, read, reason};
use crate::series::{ObjectSource, each_newer, is_pruned, read_record};
use crate::{Put, StoreError, StoreErrorKind};
use lifeboat_core::chain::Source;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{BundleHash, BundleRef, Lines, Reach, Record, RecordHash, RecordRef};
use lifeboat_core::{Error, Result};
use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The most records that are read to find out whether another one is before the one that was put.
const BETWEEN_MAX: usize = 1000;

/// What is to be done for one copy.
pub(super) struct Lane {
    pub(super) copy: usize,
    pub(super) id: String,
    /// The record that the copy ends with.
    pub(super) newest: Option<RecordRef>,
    /// That record, if nobody saw its put end: a prune may have taken its bundles before the put arrived.
    pub(super) unsure: Option<Record>,
    /// The other copies that answer.
    pub(super) others: Vec<usize>,
    pub(super) replicas: Vec<Replica>,
}

/// The work on each copy that can be brought to this record.
pub(super) fn lanes(save: &Save<'_>, situation: &Situation<'_>, record: &Record) -> Vec<Lane> {
    let lane = |copy: usize| {
        let newest = situation.newest(copy);
        let id = situation.copies[copy].id.clone()?;
        let unsure =
            newest.filter(|_| situation.copies[copy].is_unsure).and_then(|newest| read(save, situation, newest));
        let others = situation.usable().into_iter().filter(|other| *other != copy).collect();
        let replicas =
            if newest == Some(record.reference()) { Vec::new() } else { replicas(save, situation, copy, record)? };
        Some(Lane { copy, id, newest, unsure, others, replicas })
    };
    situation.usable().into_iter().filter_map(lane).collect()
}

/// Where the bundles of the record come from.
pub(super) enum Bundles {
    /// The spool. The lane need not note anything.
    Spool(Vec<(BundleHash, PathBuf)>),
    /// Another copy.
    Copy(usize),
}

/// What became of the copy.
#[derive(Default)]
pub(super) struct Arrived {
    /// It holds the record, and was looked at again.
    pub(super) is_done: bool,
    /// The record that it surely ends with.
    pub(super) reached: Option<RecordRef>,
    /// The copy may have the record.
    pub(super) began: bool,
    pub(super) why: Option<String>,
    /// Meanwhile the copy got a record that is not on the line.
    pub(super) fork: Option<RecordRef>,
    /// Local state could not be written. That ends the save.
    pub(super) local: Option<Error>,
}

/// Why a lane stops.
enum Stop {
    Store(StoreError),
    Local(Error),
    Fork(RecordRef),
    /// A record is gone that the one which was put needs.
    Gone(RecordRef),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Brings one copy to this record.
pub(super) fn run(
    save: &Save<'_>,
    lane: &Lane,
    record: &Record,
    bundles: &Bundles,
    local: &Mutex<&mut Local<'_>>,
    pace: &Pace,
) -> Arrived {
    let mut arrived = Arrived { reached: lane.newest, ..Arrived::default() };
    if let Err(error) = put_bundles_again(save, lane, pace) {
        arrived.why = Some(reason(&error));
        return arrived;
    }
    if lane.newest == Some(record.reference()) {
        // The save was killed after it had put the record. A prune may have taken the bundles in between.
        let again = match bundles {
            Bundles::Spool(_) => put_bundles(save, lane.copy, record, bundles, pace).map(drop),
            Bundles::Copy(_) => Ok(()),
        };
        (arrived.is_done, arrived.why) = (again.is_ok(), again.err().map(|error| reason(&error)));
        return arrived;
    }
    match advance(save, lane, record, bundles, local, pace, &mut arrived) {
        Ok(()) => arrived.is_done = true,
        Err(Stop::Store(error)) => arrived.why = Some(reason(&error)),
        Err(Stop::Local(error)) => arrived.local = Some(error),
        Err(Stop::Fork(other)) => {
            arrived.why = Some(format!("number {} of another line came to it: {}", other.number, other.hash));
            arrived.fork = Some(other);
        }
        Err(Stop::Gone(gone)) => {
            let what = "was there when this save began, and is gone; somebody drops this copy, or turned it back";
            arrived.why = Some(format!("number {} {what}", gone.number));
            // Remember that, so that the next save finds this copy lost.
            arrived.reached = Some(gone);
        }
    }
    arrived
}

fn advance(
    save: &Save<'_>,
    lane: &Lane,
    record: &Record,
    bundles: &Bundles,
    local: &Mutex<&mut Local<'_>>,
    pace: &Pace,
    arrived: &mut Arrived,
) -> Result<(), Stop> {
    let note = |arrived: &Arrived, next: &Record| {
        let mut local = local.lock().unwrap_or_else(PoisonError::into_inner);
        local.note(&lane.id, arrived.reached, next.reference()).map_err(Stop::Local)
    };
    for replica in &lane.replicas {
        note(arrived, &replica.record)?;
        let from = Bundles::Copy(replica.source);
        let existed = put_bundles(save, lane.copy, &replica.record, &from, pace)?;
        put_record(save, lane.copy, &replica.record, pace)?;
        look_for_bundles(save, lane.copy, &replica.record, &existed, &from, pace)?;
        arrived.reached = Some(replica.record.reference());
    }
    if let Bundles::Copy(_) = bundles {
        note(arrived, record)?;
    }
    let began = SystemTime::now();
    let mut existed = put_bundles(save, lane.copy, record, bundles, pace)?;
    arrived.began = true;
    put_record(save, lane.copy, record, pace)?;
    if took_long(began, save.patience) {
        existed.clone_from(&record.entry().bundles);
    }
    look_for_bundles(save, lane.copy, record, &existed, bundles, pace)?;
    arrived.reached = Some(record.reference());
    look_again(save, lane, record, pace)
}

/// Whether much time went by since then, as after a machine slept; or nobody can say, since the clock was set back. A
/// prune deletes bundles that no record names for a week, so the bundles are looked for again.
fn took_long(began: SystemTime, patience: Duration) -> bool {
    !began.elapsed().is_ok_and(|time| time < patience)
}

/// Puts the bundles of the copy's newest record again, from any copy that has them.
fn put_bundles_again(save: &Save<'_>, lane: &Lane, pace: &Pace) -> Result<(), StoreError> {
    let Some(record) = &lane.unsure else { return Ok(()) };
    for source in &lane.others {
        match put_bundles(save, lane.copy, record, &Bundles::Copy(*source), pace) {
            // This copy does not have all of them.
            Err(error) if error.kind() == StoreErrorKind::Source => {}
            result => return result.map(drop),
        }
    }
    Ok(())
}

/// Puts the bundles of a record. Gives those that existed already.
fn put_bundles(
    save: &Save<'_>,
    copy: usize,
    record: &Record,
    from: &Bundles,
    pace: &Pace,
) -> Result<Vec<BundleRef>, StoreError> {
    let mut existed = Vec::new();
    for bundle in &record.entry().bundles {
        if put_bundle(save, copy, bundle, from, pace)? == Put::Existed {
            existed.push(*bundle);
        }
    }
    Ok(existed)
}

fn put_bundle(
    save: &Save<'_>,
    copy: usize,
    bundle: &BundleRef,
    from: &Bundles,
    pace: &Pace,
) -> Result<Put, StoreError> {
    let name = Name { domain_id: save.keys.id(), object: Object::Bundle(bundle.sha256) }.to_string();
    let content: Box<dyn Source> = match from {
        Bundles::Spool(files) => {
            let path = files.iter().find(|(hash, _)| *hash == bundle.sha256).map(|(_, path)| path.clone());
            Box::new(FileSource::open(path.unwrap_or_default()).map_err(StoreError::source)?)
        }
        Bundles::Copy(source) => {
            let store = save.copies[*source].store.clone();
            Box::new(ObjectSource::new(store, name.clone(), bundle.length, &pace.cancel))
        }
    };
    let put = save.copies[copy].store.put(&name, &Watched { content: &*content, pace }, &pace.cancel)?;
    pace.progress();
    Ok(put)
}

/// Looks again for bundles that existed before the record was put: a prune may have been about to delete them, since no
/// record named them. Now one does, and the prune sees it. So one of the two puts the bundle back.
fn look_for_bundles(
    save: &Save<'_>,
    copy: usize,
    record: &Record,
    existed: &[BundleRef],
    from: &Bundles,
    pace: &Pace,
) -> Result<(), StoreError> {
    for bundle in existed {
        let name = Name { domain_id: record.domain_id(), object: Object::Bundle(bundle.sha256) }.to_string();
        match save.copies[copy].store.head(&name, &pace.cancel) {
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                put_bundle(save, copy, bundle, from, pace)?;
            }
            found => drop(found?),
        }
        pace.progress();
    }
    Ok(())
}

fn put_record(save: &Save<'_>, copy: usize, record: &Record, pace: &Pace) -> Result<(), StoreError> {
    let bytes = record.bytes();
    save.copies[copy].store.put(&record.name().to_string(), &bytes, &pace.cancel)?;
    pace.progress();
    Ok(())
}

/// Two exporters may put at the same time. The one that puts later sees the other's record here. And a copy may be dropped
/// meanwhile, the newest record first: then the record that ours goes on from is gone.
fn look_again(save: &Save<'_>, lane: &Lane, record: &Record, pace: &Pace) -> Result<(), Stop> {
    let (store, domain, key) = (&*save.copies[lane.copy].store, save.keys.id(), save.keys.verify_key());
    let before = lane.newest.map_or(0, |newest| newest.number);
    let put = lane.replicas.iter().map(|replica| &replica.record).chain([record]);
    let on_the_line: Vec<RecordHash> =
        put.flat_map(|record| record.entry().names().chain([record.reference()])).map(|record| record.hash).collect();
    let own = record.reference().hash;
    let mut lines = Lines::new();
    lines.add(record);
    let listed = RefCell::new(Vec::new());
    let known = |other: RecordRef| {
        listed.borrow_mut().push(other);
        on_the_line.contains(&other.hash)
    };
    let next = each_newer(
        store,
        (domain, &key),
        before,
        known,
        || pace.cancel.clone(),
        |other| {
            let (goes_on, other) = (other.entry().names().any(|name| name.hash == own), other.reference());
            // Somebody already goes on from our record, or a repair brought the copy along the line.
            if goes_on || is_before(save, lane, &mut lines, record, other, pace) {
                Ok(())
            } else {
                Err(Stop::Fork(other))
            }
        },
    )?;
    let mut listed = listed.into_inner();
    listed.extend(next);
    let needed = lane.newest.into_iter().chain(lane.replicas.iter().map(|replica| replica.record.reference()));
    for needed in needed.filter(|needed| !listed.contains(needed)) {
        // A list may not show yet what was put.
        let name = Name { domain_id: domain, object: Object::Record(needed) }.to_string();
        match store.head(&name, &pace.cancel) {
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                if !is_pruned(store, domain, &key, needed.number, &pace.cancel)? {
                    return Err(Stop::Gone(needed));
                }
            }
            found => drop(found?),
        }
    }
    Ok(())
}

/// Whether a record that came to the copy meanwhile is before ours. The records between are read from any copy that
/// answers.
fn is_before(save: &Save<'_>, lane: &Lane, lines: &mut Lines, record: &Record, other: RecordRef, pace: &Pace) -> bool {
    for _ in 0..BETWEEN_MAX {
        let wanted = match lines.reach(record.reference(), other) {
            Reach::Yes => return true,
            Reach::No | Reach::Lost => return false,
            Reach::Unread(wanted) => wanted,
        };
        let Some(wanted) = wanted.first().copied() else { return false };
        let found = std::iter::once(lane.copy).chain(lane.others.iter().copied()).find_map(|copy| {
            let (store, domain, key) = (&*save.copies[copy].store, save.keys.id(), save.keys.verify_key());
            read_record(store, domain, &key, wanted, &pace.cancel).ok()
        });
        match found {
            Some(found) => lines.add(&found),
            None => lines.absent(wanted),
        }
        pace.progress();
    }
    false
}

/// A file of the spool.
pub(super) struct FileSource(Mutex<File>, u64);

impl FileSource {
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let unreadable = |error: std::io::Error| failed("cannot be read", &path, &error);
        let file = File::open(&path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        Ok(Self(Mutex::new(file), length))
    }
}

impl Source for FileSource {
    fn length(&self) -> Result<u64> {
        Ok(self.1)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(buffer));
        read.map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Error::truncated("a bundle of the spool is too short"),
            _ => Error::host(format!("a bundle of the spool cannot be read: {error}")),
        })
    }
}

/// Reports that bytes move, so that a copy that gets a large bundle does not look like one that does not answer.
struct Watched<'a> {
    content: &'a dyn Source,
    pace: &'a Pace,
}

impl Source for Watched<'_> {
    fn length(&self) -> Result<u64> {
        self.content.length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.pace.progress();
        self.content.read(offset, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_that_slept_looks_for_its_bundles_again() {
        let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
        assert!(!took_long(now, hour));
        assert!(took_long(now - 2 * hour, hour) && took_long(now + 2 * hour, hour));
    }
}
