//! The directory `events` of the local state: the log, and what was told already. `DURABILITY.md` ("Events") says what
//! is durable before what.

use super::event::Event;
use super::settings::Settings;
use super::state::{Notes, State, VERSION};
use crate::files::{self, Files, Lock, failed, replace, version_of};
use lifeboat_core::{Error, Result};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The most bytes of a file of the log. There are two.
pub(super) const LOG_MAX: usize = 1 << 20;
/// How long somebody waits for the lock. It is held for some milliseconds.
const LOCK: Duration = Duration::from_secs(2);

/// The events of one place that saves or checks.
#[derive(Clone, Copy)]
pub struct Events<'a> {
    /// The file system: [`SystemFiles`](crate::save::SystemFiles).
    pub files: &'a dyn Files,
    /// The directory of local state.
    pub local: &'a Path,
    /// Limits, notifications, periods.
    pub settings: &'a Settings,
    /// The time in seconds since 1970.
    pub now: u64,
}

/// What has to be known before something is noted.
struct Tail {
    state: Option<State>,
    /// The last event in the files.
    newest: Option<Event>,
    /// Where the last good line of the newer file ends.
    end: usize,
}

impl Events<'_> {
    /// The file or directory of this name.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        path(self.local, name)
    }

    /// Notes something: the events that follow are in the log when this returns.
    ///
    /// # Errors
    /// Host when they cannot be written, with SQLite's code for a full disk; busy when somebody holds the lock;
    /// unsupported when a later version wrote the state.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Notes<'_>)) -> Result<()> {
        self.make_directories()?;
        let lock = lock(self.files, self.local)?;
        if lock.is_none() {
            return Err(Error::host(format!("'{}' cannot be written", self.path("lock").display())));
        }
        let tail = Tail::read(self.files, self.local)?;
        let mut state = tail.state_for_more();
        let last = tail.newest.map_or(0, |newest| newest.number);
        let before = tail.state;
        let mut notes = Notes::new(&mut state, self.now);
        note(&mut notes);
        notes.tidy();
        let new = notes.new;
        // What was noted before is in the log before the state that names it goes.
        let noted = before.iter().flat_map(|state| &state.pending);
        let late: Vec<_> = noted.filter(|event| event.number > last).collect();
        let mut end = self.append(&late, tail.end)?;
        if before.as_ref() == Some(&state) {
            return Ok(());
        }
        state.pending = new;
        let bytes = serde_json::to_vec(&state).expect("numbers, texts and lists are JSON");
        self.replace("state", &bytes)?;
        end = self.append(&state.pending.iter().collect::<Vec<_>>(), end)?;
        debug_assert!(end <= LOG_MAX);
        drop(lock);
        Ok(())
    }

    pub(super) fn make_directories(&self) -> Result<()> {
        [self.local.to_owned(), self.path("")].iter().try_for_each(|directory| {
            let made = self.files.make_directory(directory);
            made.map_err(|error| failed("events cannot be written", directory, &error))
        })
    }

    /// The lock of whoever sends events. It is held while a receiver is waited for. None: somebody else has it.
    pub(super) fn lock_of_sender(&self) -> Result<Option<Lock>> {
        let path = self.path("sending");
        files::lock(self.files, &path).map_err(|error| failed("events cannot be sent", &path, &error))
    }

    /// Writes lines behind the byte `end` of the log, and cuts what is behind it. Gives the new end.
    fn append(&self, events: &[&Event], mut end: usize) -> Result<usize> {
        let lines: String = events.iter().map(|event| event.line()).collect();
        if lines.is_empty() {
            return Ok(end);
        }
        let path = self.path("log");
        if end > 0 && end + lines.len() > LOG_MAX {
            let old = self.path("log.old");
            self.files.rename(&path, &old).map_err(|error| failed("cannot be written", &old, &error))?;
            end = 0;
        }
        let appended = self.files.append(&path, end as u64, lines.as_bytes());
        appended.map_err(|error| failed("cannot be written", &path, &error))?;
        Ok(end + lines.len())
    }

    /// Replaces a file in one step.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        replace(self.files, &self.path(name), bytes)
    }
}

impl Tail {
    /// Reads what is there. Call it with the lock.
    fn read(files: &dyn Files, local: &Path) -> Result<Self> {
        let state = read_state(files, local)?;
        let log = read(files, &path(local, "log"))?.unwrap_or_default();
        let (mut newest, mut end) = (None, 0);
        if let Some((event, at)) = last_good(&log) {
            (newest, end) = (Some(event), at);
        } else if let Some(old) = read(files, &path(local, "log.old"))? {
            newest = last_good(&old).map(|(event, _)| event);
        }
        Ok(Self { state, newest, end })
    }

    /// The state for the next events. Without one, the log says how it goes on.
    fn state_for_more(&self) -> State {
        let new = || State::new(self.newest.as_ref().map_or_else(new_name, |newest| newest.log.clone()));
        let mut state = self.state.clone().unwrap_or_else(new);
        state.next = state.next.max(self.newest.as_ref().map_or(0, |newest| newest.number).saturating_add(1));
        state
    }
}

/// The events in both files, and those that are noted and not in them yet, the oldest first. Call it with the lock.
pub(super) fn read_all(files: &dyn Files, local: &Path) -> Result<Vec<Event>> {
    let state = read_state(files, local)?;
    let mut events = Vec::new();
    for name in ["log.old", "log"] {
        let bytes = read(files, &path(local, name))?.unwrap_or_default();
        // A line without its end may be the beginning of a longer one. A line that is no event is left out.
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
        events.extend(lines.filter_map(Event::read));
    }
    events.extend(state.into_iter().flat_map(|state| state.pending));
    // Numbers ascend. What was noted is mostly in the log already.
    let mut last = 0;
    events.retain(|event| {
        let is_next = event.number > last;
        last = last.max(event.number);
        is_next
    });
    Ok(events)
}

/// The name of the log, and the number of the last event. 0: there is none.
pub(super) fn last_number(files: &dyn Files, local: &Path) -> Result<(String, u64)> {
    let _lock = lock(files, local)?;
    let state = Tail::read(files, local)?.state_for_more();
    Ok((state.log, state.next - 1))
}

/// The last line that is an event, and where it ends.
fn last_good(bytes: &[u8]) -> Option<(Event, usize)> {
    let mut end = bytes.iter().rposition(|byte| *byte == b'\n')?;
    loop {
        let start = bytes[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
        if let Some(event) = Event::read(&bytes[start..end]) {
            return Some((event, end + 1));
        }
        end = start.checked_sub(1)?;
    }
}

/// A name for a new log. The standard library's maps get random numbers from the system.
fn new_name() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

pub(super) fn path(local: &Path, name: &str) -> PathBuf {
    let directory = local.join("events");
    if name.is_empty() { directory } else { directory.join(name) }
}

/// Takes the lock of the events, which is never held while anybody waits for a store or a receiver. Where nothing can be
/// written, nobody else writes either, and there is no lock to take.
pub(super) fn lock(files: &dyn Files, local: &Path) -> Result<Option<Lock>> {
    let path = path(local, "lock");
    let began = Instant::now();
    loop {
        match files::lock(files, &path) {
            Ok(Some(lock)) => return Ok(Some(lock)),
            Ok(None) if began.elapsed() < LOCK => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                return Err(Error::busy(format!("another process holds the lock '{}'; try again", path.display())));
            }
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(failed("events cannot be written", &path, &error)),
        }
    }
}

/// The state. None: there is none, or it does not hold what we write. Then it begins anew.
fn read_state(files: &dyn Files, local: &Path) -> Result<Option<State>> {
    let path = path(local, "state");
    let Some(bytes) = read(files, &path)? else { return Ok(None) };
    match version_of(&bytes) {
        Ok(version) if version != VERSION => Err(Error::unsupported(format!(
            "the events in '{}' are of version {version}; this version knows {VERSION}",
            local.display()
        ))),
        _ => Ok(serde_json::from_slice(&bytes).ok()),
    }
}

/// Whether events can be read and noted.
///
/// # Errors
/// Host when a file cannot be read; unsupported when a later version wrote the state.
pub(crate) fn examine(files: &dyn Files, local: &Path) -> Result<()> {
    read_state(files, local)?;
    ["log", "log.old", "sent"].iter().try_for_each(|name| read(files, &path(local, name)).map(drop))
}

/// What a file holds, if it exists and is no longer than what we write.
pub(super) fn read(files: &dyn Files, path: &Path) -> Result<Option<Vec<u8>>> {
    match files.read(path, LOG_MAX as u64) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(failed("cannot be read", path, &error)),
    }
}
