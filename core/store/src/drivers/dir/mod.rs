//! `dir:PATH`: a directory. An object is a file.
//!
//! An object appears complete or not at all. It is written under a temporary name in the store's directory, synced, and
//! renamed to its name; then the directory is synced. This works on FAT and exFAT, which have neither hard links nor a
//! rename that fails if the name is taken.
//!
//! Each directory below the store is opened without following a link. So nobody who may write there can lead us to
//! another place. The store's own path may have links in it.

mod failure;
#[cfg_attr(unix, path = "folder_unix.rs")]
#[cfg_attr(not(unix), path = "folder.rs")]
mod folder;
mod kind;
mod leftovers;
mod list;

use crate::name::{self, Check};
use crate::{Cancel, Entry, LIST_MAX, Put, Result, Store, StoreError};
use failure::{failed, leads_nowhere, not_there};
use folder::Folder;
use kind::Is;
use lifeboat_core::chain::Source;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The most bytes that are read or written before the next look at the interrupt.
const PIECE: usize = 1 << 20;

/// How the name of what was set aside begins.
const ASIDE: &str = ".lifeboat-aside-";
/// The most things that are set aside from one name.
const ASIDE_MAX: u32 = 1000;

/// A directory with objects in it.
///
/// It is made if it does not exist, but its parent is never made: if a disk is not mounted, the files must not fill the
/// disk that has the mount point.
#[derive(Debug)]
pub struct DirStore {
    path: PathBuf,
    /// What the store is remembered by, instead of its path.
    id: Option<String>,
    /// Directories whose names are known to survive a loss of power.
    synced: Mutex<BTreeSet<String>>,
    /// Whether leftovers of killed processes were looked for.
    swept: AtomicBool,
}

impl DirStore {
    /// Nothing is read yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), id: None, synced: Mutex::default(), swept: AtomicBool::default() }
    }

    /// A store that is remembered by something else than its path.
    pub(crate) fn with_id(path: &Path, id: String) -> Self {
        Self { id: Some(id), ..Self::new(path) }
    }

    /// The directory of the store.
    fn root(&self) -> Result<Folder> {
        Folder::open(&self.path).map_err(|error| match error.kind() {
            ErrorKind::NotFound if self.path.is_symlink() => leads_nowhere(&self.path),
            ErrorKind::NotFound if self.parent_exists() => not_there(&self.path),
            ErrorKind::NotFound => self.no_parent(),
            _ => failed(error, &format!("the directory '{}'", self.path.display())).into_absent(),
        })
    }

    fn parent_exists(&self) -> bool {
        parent(&self.path).is_dir()
    }

    fn no_parent(&self) -> StoreError {
        let (parent, path) = (parent(&self.path).display(), self.path.display());
        let remedy = match self.path.starts_with("~") {
            true => "'~' is not expanded: write the whole path",
            false => "connect the disk, or make it",
        };
        StoreError::absent(format!(
            "the directory '{parent}' does not exist, and it is not made for 'dir:{path}'; {remedy}"
        ))
    }

    /// The same, made if it does not exist.
    fn root_or_new(&self) -> Result<Folder> {
        match Folder::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            _ => return self.sync_name("", parent(&self.path)).and_then(|()| self.root()),
        }
        if !self.parent_exists() {
            return Err(self.no_parent());
        }
        match std::fs::create_dir(&self.path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(failed(error, &format!("making the directory '{}'", self.path.display())));
            }
            _ => {}
        }
        self.sync_name("", parent(&self.path))?;
        self.root()
    }

    /// Makes sure that the name of the store's directory survives a loss of power.
    fn sync_name(&self, name: &str, parent: &Path) -> Result<()> {
        self.once(name, || {
            // If we may not read the parent, somebody else made the store.
            let Ok(folder) = Folder::open(parent) else { return Ok(()) };
            folder.sync().map_err(|error| failed(error, &format!("syncing '{}'", parent.display())))
        })
    }

    /// Does something once for this name. If it fails, it is done again the next time.
    fn once(&self, name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let is_done = |store: &Self| store.synced.lock().unwrap_or_else(PoisonError::into_inner).contains(name);
        if !is_done(self) {
            work()?;
            self.synced.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        }
        Ok(())
    }

    /// The directory of an object, and the last part of the object's name.
    fn folder_of<'a>(&self, name: &'a str) -> Result<(Folder, &'a str)> {
        name::check(name)?;
        let (folders, file) = name.rsplit_once('/').unwrap_or(("", name));
        let mut folder = self.root()?;
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            folder = folder.folder(part).map_err(|error| failed(error, name))?;
        }
        Ok((folder, file))
    }

    /// The same, but it makes directories that do not exist. Their names survive a loss of power.
    fn folder_for<'a>(&self, root: &Folder, name: &'a str) -> Result<(Folder, &'a str)> {
        let (folders, file) = name.rsplit_once('/').unwrap_or(("", name));
        let mut folder = root.again().map_err(|error| failed(error, name))?;
        let mut end = 0;
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            end += part.len();
            let failed = |error| failed(error, &format!("the directory of '{name}'"));
            folder.make(part).map_err(failed)?;
            if matches!(folder.look(part), Ok((Is::File, _))) {
                set_aside(&folder, part).and_then(|()| folder.make(part)).map_err(failed)?;
            }
            self.once(&folders[..end], || folder.sync().map_err(failed))?;
            folder = folder.folder(part).map_err(failed)?;
            end += 1;
        }
        Ok((folder, file))
    }

    fn put_as(&self, name: &str, content: &dyn Source, keep: bool, cancel: &Cancel) -> Result<Put> {
        cancel.check()?;
        name::check(name)?;
        let root = self.root_or_new()?;
        if !self.swept.swap(true, Ordering::Relaxed) {
            leftovers::remove(&root);
        }
        let (folder, last) = self.folder_for(&root, name)?;
        let length = content.length().map_err(StoreError::source)?;
        let (mut stays, mut is_taken) = (None, false);
        match folder.file(last) {
            Ok((file, found)) if keep && found == length => stays = is_equal(name, content, file, cancel)?,
            found => is_taken = found.is_err_and(|error| error.kind() == ErrorKind::IsADirectory),
        }
        let put = if let Some(file) = stays {
            file.sync_all().map_err(|error| failed(error, name))?;
            Put::Existed
        } else {
            let made = leftovers::Temporary::new(&root).map_err(|error| failed(error, &format!("writing '{name}'")))?;
            copy(name, content, made.file(), cancel)?;
            made.file().sync_all().map_err(|error| failed(error, &format!("syncing '{name}'")))?;
            if is_taken {
                set_aside(&folder, last).map_err(|error| failed(error, name))?;
            }
            made.rename(&folder, last).map_err(|error| failed(error, name))?;
            Put::Written
        };
        folder.sync().map_err(|error| failed(error, &format!("syncing the directory of '{name}'")))?;
        Ok(put)
    }
}

impl Store for DirStore {
    #[cfg(unix)]
    fn free(&self) -> Option<u64> {
        // Blocks that only the system's administrator may use are not free.
        let found = rustix::fs::statvfs(&self.path).ok()?;
        found.f_bavail.checked_mul(found.f_frsize)
    }

    fn exists(&self) -> bool {
        self.path.is_dir()
    }

    fn id(&self) -> Result<String> {
        if let Some(id) = &self.id {
            return Ok(id.clone());
        }
        let absolute = std::path::absolute(&self.path).map_err(|error| failed(error, "the store's directory"))?;
        // The id is the same before and after the directory is made.
        let mut path = absolute.clone();
        for existing in absolute.ancestors() {
            if let Ok(real) = std::fs::canonicalize(existing) {
                path = real.join(absolute.strip_prefix(existing).unwrap_or(Path::new("")));
                break;
            }
            // Nobody knows yet which place this is: another name may mean the same.
            if existing.is_symlink() {
                return Err(leads_nowhere(existing));
            }
        }
        // A join with an empty path adds a separator at the end. `components` leaves it out.
        Ok(format!("dir:{}", path.components().as_path().display()))
    }

    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<Put> {
        self.put_as(name, content, true, cancel)
    }

    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()> {
        self.put_as(name, content, false, cancel).map(drop)
    }

    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()> {
        cancel.check()?;
        let (folder, last) = self.folder_of(name)?;
        let (file, length) = folder.file(last).map_err(|error| failed(error, name))?;
        if u64::try_from(buffer.len()).ok().and_then(|wanted| wanted.checked_add(offset)).is_none_or(|end| end > length)
        {
            return Err(StoreError::corrupt(format!("'{name}' has only {length} bytes")));
        }
        let mut at = offset;
        for piece in buffer.chunks_mut(PIECE) {
            cancel.check()?;
            folder::read_at(&file, at, piece).map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => StoreError::corrupt(format!("'{name}' became shorter while it was read")),
                _ => failed(error, name),
            })?;
            at += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        }
        Ok(())
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>> {
        cancel.check()?;
        name::check_prefix(prefix)?;
        let found = self.root().and_then(|mut folder| {
            for part in prefix.split('/').filter(|part| !part.is_empty()) {
                folder = folder.folder(part).map_err(|error| failed(error, prefix))?;
            }
            list::List::new(after, limit.min(LIST_MAX), cancel).of(&folder, prefix)
        });
        match found {
            Err(error) if error.kind() == crate::StoreErrorKind::NotFound => Ok(Vec::new()),
            found => found,
        }
    }

    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64> {
        cancel.check()?;
        let (folder, last) = self.folder_of(name)?;
        folder.file(last).map(|(_, length)| length).map_err(|error| failed(error, name))
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()> {
        cancel.check()?;
        let removed = self.folder_of(name).and_then(|(folder, last)| {
            folder.remove(last).map_err(|error| failed(error, name))?;
            folder.sync().map_err(|error| failed(error, &format!("syncing the directory of '{name}'")))
        });
        match removed {
            Err(error) if error.kind() == crate::StoreErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// Gives another name to what stands where an object or a directory of ours belongs, and is none. It is not ours, so it is
/// not removed. No object's name begins like the new name.
fn set_aside(folder: &Folder, name: &str) -> io::Result<()> {
    for number in 0..ASIDE_MAX {
        let aside = format!("{ASIDE}{number}-{name}");
        if folder.look(&aside).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return folder.rename(name, folder, &aside);
        }
    }
    Err(io::Error::other(format!("too many names '{ASIDE}*' beside it; move them away")))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file that already exists, if it has the same bytes. The caller knows that the length is the same.
fn is_equal(name: &str, content: &dyn Source, mut file: File, cancel: &Cancel) -> Result<Option<File>> {
    let mut there = Vec::new();
    let compared = each_piece(name, content, cancel, |piece| {
        there.resize(piece.len(), 0);
        // A file that cannot be read is not sound, so it is replaced.
        Ok(file.read_exact(&mut there).is_ok() && there == piece)
    })?;
    Ok(compared.then_some(file))
}

fn copy(name: &str, content: &dyn Source, mut file: &File, cancel: &Cancel) -> Result<()> {
    let written = each_piece(name, content, cancel, |piece| {
        file.write_all(piece).map(|()| true).map_err(|error| failed(error, &format!("writing '{name}'")))
    })?;
    debug_assert!(written, "only a comparison ends early");
    Ok(())
}

/// Reads all of `content`, and checks that it has the hash of its name. False: `take` wants no more.
fn each_piece(
    name: &str,
    content: &dyn Source,
    cancel: &Cancel,
    mut take: impl FnMut(&[u8]) -> Result<bool>,
) -> Result<bool> {
    let mut check = Check::new(name);
    let length = content.length().map_err(StoreError::source)?;
    let mut buffer = vec![0; usize::try_from(length).unwrap_or(PIECE).min(PIECE)];
    let mut at = 0;
    while at < length {
        cancel.check()?;
        let step = usize::try_from(length - at).unwrap_or(PIECE).min(PIECE);
        content.read(at, &mut buffer[..step]).map_err(StoreError::source)?;
        check.update(&buffer[..step]);
        if !take(&buffer[..step])? {
            return Ok(false);
        }
        at += u64::try_from(step).unwrap_or(u64::MAX);
    }
    check.finish().map(|()| true)
}
