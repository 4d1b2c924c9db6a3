//! The directory of local state: lock, memory, spool and ledger. Each of them changes in one atomic step.

use super::events::Witness;
use super::exporter::{Base, LedgerPart};
use super::files::{self, Files, Lock, failed, read_file, replace, wrong};
use super::memory::{Memory, Reference, VERSION, Weight, from_hex, to_hex};
use super::request::Save;
use crate::Cancel;
use lifeboat_core::keys::VerifyKey;
use lifeboat_core::log::{BundleHash, Record, RecordRef};
use lifeboat_core::{Error, ErrorKind, Result, StateId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is said of a path that refuses to be written.
const UNWRITABLE: &str = "cannot be written as local state (the option `local` names another directory)";

/// What lies in the spool.
pub(super) struct Spool {
    pub(super) record: Record,
    /// The ids of the copies that may have got the record.
    pub(super) aimed: Vec<String>,
    /// The weight of the path to its state.
    pub(super) weight: Option<Weight>,
    /// What the exporter wrote beside the bundle.
    ledger: SpooledLedger,
}

impl Spool {
    /// What lies in the spool of a directory of local state, if anything does. `key`: whose record it has to be.
    fn read(files: &dyn Files, directory: &Path, key: Option<&VerifyKey>) -> Result<Option<Self>> {
        const NAME: &str = "spool/spool";
        let Some(bytes) = read_file(files, &directory.join(NAME))? else { return Ok(None) };
        let wrong = |why: &str| wrong(directory, NAME, why);
        let file: SpoolFile = serde_json::from_slice(&bytes).map_err(|error| wrong(&error.to_string()))?;
        let record = from_hex(&file.record).and_then(|bytes| Record::read(&bytes, key));
        let record = record.map_err(|error| wrong(error.message()))?;
        Ok(Some(Self { record, aimed: file.aimed, weight: file.weight, ledger: file.ledger }))
    }
}

/// [`LedgerPart`] as a word of the file `spool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum SpooledLedger {
    None,
    Whole,
    Behind,
}

#[derive(Deserialize, Serialize)]
struct SpoolFile {
    version: u32,
    record: String,
    aimed: Vec<String>,
    weight: Option<Weight>,
    ledger: SpooledLedger,
}

/// Local state, locked.
pub(super) struct Local<'a> {
    files: &'a dyn Files,
    directory: PathBuf,
    key: VerifyKey,
    pub(super) memory: Memory,
    pub(super) head: Option<Record>,
    pub(super) spool: Option<Spool>,
    /// What this save saw.
    pub(super) witness: Witness,
    _lock: Lock,
}

impl<'a> Local<'a> {
    /// Takes the lock and reads what is there. While another save has the lock, it is asked for again and again, until
    /// the [turn](Save::turn) is over.
    ///
    /// # Errors
    /// Busy; interrupted; host; corrupt when a file does not hold what we write; misuse when the state belongs to another domain.
    pub(super) fn open(save: &Save<'a>, interrupted: &dyn Fn() -> bool) -> Result<Self> {
        let (files, directory) = (save.files, save.local.to_owned());
        let at = |path: &Path, error: io::Error| failed(UNWRITABLE, path, &error);
        files.make_directory(&directory).map_err(|error| at(&directory, error))?;
        let began = Instant::now();
        let lock = loop {
            match take_lock(files, &directory) {
                Err(error) if error.kind() == ErrorKind::Busy && began.elapsed() < save.turn => {
                    if save.cancel.is_interrupted() || interrupted() {
                        return Err(Error::interrupted("the application interrupted the save before it began"));
                    }
                    std::thread::sleep(Cancel::STEP);
                }
                lock => break lock?,
            }
        };
        for name in ["spool", "ledger"] {
            let path = directory.join(name);
            files.make_directory(&path).map_err(|error| at(&path, error))?;
        }
        let domain = save.keys.id().to_string();
        let key = save.keys.verify_key();
        let new = Memory::new(domain.clone());
        let mut local = Self {
            files,
            directory,
            key,
            memory: new,
            head: None,
            spool: None,
            witness: Witness::default(),
            _lock: lock,
        };
        if let Some(memory) = Memory::read(files, &local.directory)? {
            let is_blank = memory.is_blank() && local.read("spool/spool")?.is_none();
            // A save that put nothing may have failed because of its domain.
            if memory.domain == domain || !is_blank {
                local.memory = memory;
            }
            if local.memory.domain != domain {
                return Err(Error::misuse(format!(
                    "the local state '{}' was made with another key or for another domain; look at the key and at the option \
                     `domain` first; only if the database shall be saved under two domains, give the second one a local \
                     state of its own, by the option `local`",
                    local.directory.display()
                )));
            }
            local.head = local.memory.head(&key).map_err(|error| local.wrong("memory", error.message()))?;
        }
        local.read_spool()?;
        Ok(local)
    }

    /// Makes the directory, and opens the lock for writing, which may be taken.
    ///
    /// # Errors
    /// Host.
    pub(super) fn prepare(files: &dyn Files, directory: &Path) -> Result<()> {
        let at = |path: &Path, error: io::Error| failed(UNWRITABLE, path, &error);
        files.make_directory(directory).map_err(|error| at(directory, error))?;
        let lock = directory.join("lock");
        files::lock(files, &lock).map_err(|error| at(&lock, error))?;
        Ok(())
    }

    /// Removes memory, spool and ledger.
    ///
    /// # Errors
    /// Busy while a save runs; host.
    pub(super) fn forget(files: &dyn Files, directory: &Path) -> Result<()> {
        let names = |of: &Path| match files.names(of) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => names.map_err(|error| failed("cannot be read", of, &error)),
        };
        if !names(directory)?.iter().any(|name| matches!(&**name, "memory" | "spool" | "ledger")) {
            return Ok(());
        }
        let _lock = take_lock(files, directory)?;
        let remove = |path: &Path| files.remove(path).map_err(|error| failed("cannot be removed", path, &error));
        // Without a memory, the next save asks the caller. What else is left then does not matter.
        remove(&directory.join("memory"))?;
        let (spool, ledger) = (directory.join("spool"), directory.join("ledger"));
        // Remove the file `spool` first, then the files that it names.
        remove(&spool.join("spool"))?;
        names(&spool)?.iter().filter(|name| is_of_spool(name)).try_for_each(|name| remove(&spool.join(name)))?;
        names(&ledger)?.iter().filter(|name| part(name).is_some()).try_for_each(|name| remove(&ledger.join(name)))
    }

    /// Starts again, with this record as the head.
    ///
    /// # Errors
    /// Busy while a save runs; host.
    pub(super) fn resume(
        files: &dyn Files,
        directory: &Path,
        record: &Record,
        copies: Vec<(String, Option<RecordRef>)>,
    ) -> Result<()> {
        Self::forget(files, directory)?;
        files.make_directory(directory).map_err(|error| failed(UNWRITABLE, directory, &error))?;
        let _lock = take_lock(files, directory)?;
        let mut memory = Memory::new(record.domain_id().to_string());
        memory.set_head(record, None);
        copies.into_iter().for_each(|(id, newest)| memory.tip_mut(&id).ends_with(newest, false));
        replace(files, &directory.join("memory"), &to_bytes(&memory))
    }

    /// Whether a save could read the spool, whoever signed what lies in it.
    ///
    /// # Errors
    /// Host; corrupt when the file `spool` does not hold what we write.
    pub(super) fn examine(files: &dyn Files, directory: &Path) -> Result<()> {
        Spool::read(files, directory, None).map(drop)
    }

    fn read_spool(&mut self) -> Result<()> {
        self.spool = Spool::read(self.files, &self.directory, Some(&self.key))?;
        // Files that a killed save left. Nothing names them.
        let kept: Vec<_> = self.spool.iter().flat_map(|spool| &spool.record.entry().bundles).collect();
        let is_kept = |name: &str| {
            let is_bundle = kept.iter().any(|bundle| bundle.sha256.to_string() == name);
            is_bundle || (self.spool.is_some() && matches!(name, "spool" | "ledger"))
        };
        let directory = self.directory.join("spool");
        let names = self.files.names(&directory).map_err(|error| failed("cannot be read", &directory, &error))?;
        let is_left = |name: &&String| is_of_spool(name) && !is_kept(name);
        names.iter().filter(is_left).try_for_each(|name| self.remove(&format!("spool/{name}")))
    }

    /// The paths for an exporter's bundle and ledger. Neither file exists.
    pub(super) fn new_files(&self) -> Result<(PathBuf, PathBuf)> {
        self.remove("spool/new-ledger")?;
        Ok((self.new_bundle()?, self.directory.join("spool/new-ledger")))
    }

    /// The path for another bundle. The file does not exist.
    pub(super) fn new_bundle(&self) -> Result<PathBuf> {
        self.remove("spool/new")?;
        Ok(self.directory.join("spool/new"))
    }

    /// A bundle of the spool.
    pub(super) fn bundle(&self, hash: BundleHash) -> PathBuf {
        self.directory.join("spool").join(hash.to_string())
    }

    /// Makes the new bundle durable under its name. The spool names it later. Gives its hash and length.
    pub(super) fn keep_bundle(&self) -> Result<(BundleHash, u64)> {
        let from = self.directory.join("spool/new");
        let (hash, length) = hash_file(&from)?;
        let to = self.bundle(hash);
        self.files.sync(&from).map_err(|error| failed("cannot be written", &from, &error))?;
        self.files.rename(&from, &to).map_err(|error| failed("cannot be written", &to, &error))?;
        Ok((hash, length))
    }

    /// Makes the spool hold this record, instead of what it held. The record's bundles are there already.
    pub(super) fn set_spool(&mut self, spool: Spool) -> Result<()> {
        let file = SpoolFile {
            version: VERSION,
            record: to_hex(spool.record.bytes()),
            aimed: spool.aimed.clone(),
            weight: spool.weight,
            ledger: spool.ledger,
        };
        self.replace("spool/spool", &to_bytes(&file))?;
        let bundles = |spool: &Spool| spool.record.entry().bundles.clone();
        let kept = bundles(&spool);
        let passed_over = self.spool.replace(spool).map_or_else(Vec::new, |passed_over| bundles(&passed_over));
        let old = passed_over.iter().filter(|old| kept.iter().all(|new| new.sha256 != old.sha256));
        old.map(|old| old.sha256).try_for_each(|old| self.remove(&format!("spool/{old}")))
    }

    /// A spool of this record. Its ledger is what the exporter has just written.
    pub(super) fn new_spool(
        &self,
        record: Record,
        aimed: Vec<String>,
        weight: Option<Weight>,
        ledger: LedgerPart,
    ) -> Result<Spool> {
        let (from, to) = (self.directory.join("spool/new-ledger"), self.directory.join("spool/ledger"));
        let ledger = match ledger {
            LedgerPart::None => SpooledLedger::None,
            LedgerPart::Whole => SpooledLedger::Whole,
            LedgerPart::Behind => SpooledLedger::Behind,
        };
        if ledger != SpooledLedger::None {
            self.files.sync(&from).map_err(|error| failed("cannot be written", &from, &error))?;
            self.files.rename(&from, &to).map_err(|error| failed("cannot be written", &to, &error))?;
        }
        Ok(Spool { record, aimed, weight, ledger })
    }

    /// Notes that these copies, too, may get the spooled record.
    pub(super) fn aim(&mut self, ids: Vec<String>) -> Result<()> {
        let Some(mut spool) = self.spool.take() else { return Ok(()) };
        let before = spool.aimed.len();
        for id in ids {
            if !spool.aimed.contains(&id) {
                spool.aimed.push(id);
            }
        }
        if spool.aimed.len() > before {
            self.set_spool(spool)
        } else {
            self.spool = Some(spool);
            Ok(())
        }
    }

    /// Empties the spool.
    pub(super) fn drop_spool(&mut self) -> Result<()> {
        if let Some(spool) = self.spool.take() {
            self.remove("spool/spool")?;
            self.remove("spool/ledger")?;
            for bundle in &spool.record.entry().bundles {
                self.remove(&format!("spool/{}", bundle.sha256))?;
            }
        }
        Ok(())
    }

    pub(super) fn write_memory(&mut self) -> Result<()> {
        let bytes = to_bytes(&self.memory);
        self.replace("memory", &bytes)
    }

    /// Remembers why a save failed. The rest of the memory on disk stays as it was: what this save saw but did not
    /// write cannot be trusted.
    pub(super) fn note_failure(&self, error: &Error, now: u64) -> Result<()> {
        let new = || Memory::new(self.memory.domain.clone());
        let mut memory = Memory::read(self.files, &self.directory)?.unwrap_or_else(new);
        memory.status.set_failed(error, now);
        self.replace("memory", &to_bytes(&memory))
    }

    /// From now on, this place goes on from this record.
    pub(super) fn set_head(&mut self, record: &Record, weight: Option<Weight>) {
        self.memory.set_head(record, weight);
        self.head = Some(record.clone());
    }

    /// Call this before a record that is not the spooled one is put. It notes that this copy may end with the record.
    pub(super) fn note(&mut self, id: &str, reached: Option<RecordRef>, next: RecordRef) -> Result<()> {
        let tip = self.memory.tip_mut(id);
        tip.sure = reached.map(Reference).or(tip.sure);
        tip.may_end_with(next);
        self.write_memory()
    }

    /// The spooled record is acknowledged and remembered. Its ledger counts from now on, and the spool is removed.
    pub(super) fn finish(&mut self) -> Result<()> {
        if let Some(spool) = &self.spool {
            let extension = match spool.ledger {
                SpooledLedger::None => None,
                SpooledLedger::Whole => Some("whole"),
                SpooledLedger::Behind => Some("part"),
            };
            let entry = spool.record.entry();
            let from = self.directory.join("spool/ledger");
            if let Some(extension) = extension {
                let to = format!("ledger/{:016}-{}.{extension}", entry.number, entry.state_id);
                let to = self.directory.join(to);
                match self.files.rename(&from, &to) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(failed("cannot be written", &to, &error));
                    }
                    // It was renamed already, before this save was killed.
                    _ => {}
                }
            }
        }
        self.drop_spool()?;
        let keep = self.ledger_parts()?;
        let directory = self.directory.join("ledger");
        let names = self.files.names(&directory).map_err(|error| failed("cannot be read", &directory, &error))?;
        let is_old = |name: &String| part(name).is_some() && !keep.iter().any(|(_, path)| path.ends_with(name));
        let old = names.into_iter().filter(is_old);
        old.collect::<Vec<_>>().iter().try_for_each(|name| self.remove(&format!("ledger/{name}")))
    }

    /// The ledger as a base, if it is the ledger of this state.
    pub(super) fn ledger(&self, state: StateId) -> Result<Option<Base>> {
        let parts = self.ledger_parts()?;
        let is_of_state = parts.last().is_some_and(|(last, _)| *last == state.to_string());
        Ok(is_of_state.then(|| Base::Ledger(state, parts.into_iter().map(|(_, path)| path).collect())))
    }

    /// The parts that count, the oldest first, each with the state that it leads to. They begin with the last whole
    /// one. Parts after the head do not count.
    fn ledger_parts(&self) -> Result<Vec<(String, PathBuf)>> {
        let directory = self.directory.join("ledger");
        let mut names = self.files.names(&directory).map_err(|error| failed("cannot be read", &directory, &error))?;
        names.sort_unstable();
        let head = self.head.as_ref().map_or(0, |head| head.entry().number);
        let mut parts: Vec<(String, PathBuf)> = Vec::new();
        for name in names {
            match part(&name) {
                Some((number, ..)) if number > head => {}
                Some((_, state, "whole")) => parts = vec![(state.to_owned(), directory.join(&name))],
                Some((_, state, _)) if !parts.is_empty() => parts.push((state.to_owned(), directory.join(&name))),
                _ => {}
            }
        }
        Ok(parts)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        read_file(self.files, &self.directory.join(name))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        replace(self.files, &self.directory.join(name), bytes)
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.directory.join(name);
        self.files.remove(&path).map_err(|error| failed("cannot be removed", &path, &error))
    }

    fn wrong(&self, name: &str, why: &str) -> Error {
        wrong(&self.directory, name, why)
    }
}

/// Takes the lock of a directory of local state.
fn take_lock(files: &dyn Files, directory: &Path) -> Result<Lock> {
    let path = directory.join("lock");
    let lock = files::lock(files, &path).map_err(|error| failed(UNWRITABLE, &path, &error))?;
    lock.ok_or_else(|| {
        Error::busy(format!("another save runs, with the local state '{}'; try again", directory.display()))
    })
}

/// Whether we put this file into the spool. We must not remove anything else in a directory of this name.
fn is_of_spool(name: &str) -> bool {
    matches!(name, "new" | "new-ledger" | "spool" | "spool.new" | "ledger") || name.parse::<BundleHash>().is_ok()
}

/// The parts of the name of a ledger's part: number, state, and `whole` or `part`.
fn part(name: &str) -> Option<(u64, &str, &str)> {
    let (number, rest) = name.split_once('-')?;
    let (state, extension) = rest.split_once('.')?;
    let is_ours = number.len() == 16 && state.parse::<StateId>().is_ok() && matches!(extension, "whole" | "part");
    number.parse().ok().filter(|_| is_ours).map(|number| (number, state, extension))
}

fn hash_file(path: &Path) -> Result<(BundleHash, u64)> {
    let failed = |error| failed("cannot be read", path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut length, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok((BundleHash(hash.finalize().into()), length)),
            read => {
                hash.update(&buffer[..read]);
                length += read as u64;
            }
        }
    }
}

fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("numbers, texts and lists are JSON")
}
