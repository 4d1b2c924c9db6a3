//! `volume:LABEL`: the folder `lifeboat` on a removable volume, found by the label of its file
//! system.
//!
//! The table of mounts (`/proc/self/mountinfo`) says where the volume is. `/dev/disk/by-label` says which device has
//! the label, and `/dev/disk/by-uuid` says which file system it is. So two sticks with the same label are two copies. A
//! volume that is not connected, not mounted or read-only is absent: that is not a failure.

use super::dir::DirStore;
use crate::identity::Identity;
use crate::{Cancel, Entry, Put, Result, Store, StoreError};
use lifeboat_core::chain::Source;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The folder of the store on the volume.
const FOLDER: &str = "lifeboat";

/// A removable volume. It is looked for at each request. Somebody may remove it in between, and then a directory of the
/// system's own disk is in its place. The store accepts only the volume that was found first.
#[derive(Debug)]
pub struct VolumeStore {
    label: String,
    system: PathBuf,
    found: OnceLock<(Volume, DirStore)>,
}

impl VolumeStore {
    /// The volume with this label. Nothing is read yet.
    pub fn new(label: &str) -> Self {
        Self::on(label, Path::new("/"))
    }

    /// What shows whether another name means the same place: the directory, if the volume is there.
    pub(crate) fn identity(label: &str) -> Identity {
        match find(label, Path::new("/")) {
            Ok(volume) => Identity::of_directory(&volume.root.join(FOLDER)),
            Err(_) => Identity::Label(label.to_owned()),
        }
    }

    /// The same, but `proc` and `dev` are in this directory: for tests.
    #[doc(hidden)]
    pub fn on(label: &str, system: &Path) -> Self {
        Self { label: label.to_owned(), system: system.to_owned(), found: OnceLock::new() }
    }

    fn store(&self) -> Result<&DirStore> {
        let volume = find(&self.label, &self.system)?;
        if volume.read_only {
            return Err(StoreError::absent(format!("the volume '{}' is mounted read-only", self.label)));
        }
        let (first, store) = self.found.get_or_init(|| {
            let store = DirStore::with_id(&volume.root.join(FOLDER), format!("volume:{}", volume.uuid));
            (volume.clone(), store)
        });
        if *first == volume {
            Ok(store)
        } else {
            Err(StoreError::absent(format!("the volume '{}' was taken away, and another one came", self.label)))
        }
    }
}

impl Store for VolumeStore {
    fn id(&self) -> Result<String> {
        self.store()?.id()
    }

    fn exists(&self) -> bool {
        self.store().is_ok_and(DirStore::exists)
    }

    fn free(&self) -> Option<u64> {
        self.store().ok()?.free()
    }

    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<Put> {
        self.store()?.put(name, content, cancel)
    }

    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()> {
        self.store()?.replace(name, content, cancel)
    }

    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()> {
        self.store()?.get(name, offset, buffer, cancel)
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>> {
        self.store()?.list(prefix, after, limit, cancel)
    }

    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64> {
        self.store()?.head(name, cancel)
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()> {
        self.store()?.delete(name, cancel)
    }
}

/// A mounted volume.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Volume {
    root: PathBuf,
    uuid: String,
    read_only: bool,
}

/// # Errors
/// Absent.
fn find(label: &str, system: &Path) -> Result<Volume> {
    let absent = |why: String| StoreError::absent(format!("the volume '{label}' {why}"));
    let labels = system.join("dev/disk/by-label");
    let link = labels.join(as_udev_writes(label));
    let device = fs::canonicalize(&link).map_err(|_| absent("is not connected".into()))?;
    let table = fs::read_to_string(system.join("proc/self/mountinfo"))
        .map_err(|error| absent(format!("cannot be looked for in the table of mounts: {error}")))?;
    let is_this = |mount: &Mount| mount.is_whole && is_device(mount, &device, system);
    // A volume can be mounted twice: prefer a mount that can be written.
    let mounts = table.lines().filter_map(mount).filter(is_this);
    let mount =
        mounts.min_by_key(|mount| mount.read_only).ok_or_else(|| absent("is connected, but not mounted".into()))?;
    let uuid = uuid(&device, system).ok_or_else(|| absent("has no UUID, so it could not be known again".into()))?;
    let root = system.join(mount.point.strip_prefix("/").unwrap_or(&mount.point));
    Ok(Volume { root, uuid, read_only: mount.read_only })
}

/// The label as udev writes it: a special character is escaped, such as `\x20` for a space.
fn as_udev_writes(label: &str) -> String {
    let mut name = String::with_capacity(label.len());
    for character in label.chars() {
        let is_plain = character.is_ascii_alphanumeric() || "#+-.:=@_".contains(character) || !character.is_ascii();
        if is_plain { name.push(character) } else { name.push_str(&format!("\\x{:02x}", u32::from(character))) }
    }
    name
}

/// The name in `/dev/disk/by-uuid` that leads to this device.
fn uuid(device: &Path, system: &Path) -> Option<String> {
    let names = fs::read_dir(system.join("dev/disk/by-uuid")).ok()?.flatten();
    let mut uuids: Vec<_> = names
        .filter(|entry| fs::canonicalize(entry.path()).is_ok_and(|found| found == device))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    uuids.sort();
    uuids.into_iter().next()
}

/// One line of the table of mounts.
#[derive(Debug)]
struct Mount {
    /// Major and minor number of the device.
    number: String,
    source: String,
    point: PathBuf,
    read_only: bool,
    /// The mount shows the whole file system, from its root.
    is_whole: bool,
}

/// The fields, from `proc_pid_mountinfo(5)`: id, parent, major:minor, root, mount point, options, optional fields, `-`,
/// type, source, options of the file system.
fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let before: Vec<_> = before.split(' ').collect();
    let after: Vec<_> = after.split(' ').collect();
    let is_read_only = |options: &str| options.split(',').any(|option| option == "ro");
    Some(Mount {
        number: (*before.get(2)?).to_owned(),
        source: unescape(after.get(1)?),
        point: unescape(before.get(4)?).into(),
        read_only: is_read_only(before.get(5)?) || after.get(2).is_some_and(|options| is_read_only(options)),
        is_whole: *before.get(3)? == "/",
    })
}

/// Resolves escapes in the table of mounts, such as `\040`.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                plain.push(char::from(code));
                plain.push_str(&part[3..]);
            }
            None => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}

/// Whether this is the device of a mount. It compares the paths, and also the numbers: the table may have another name
/// for the device (`/dev/mapper/…`).
fn is_device(mount: &Mount, device: &Path, system: &Path) -> bool {
    let source = system.join(mount.source.strip_prefix('/').unwrap_or(&mount.source));
    let is_path = mount.source.starts_with('/') && fs::canonicalize(source).is_ok_and(|source| source == device);
    is_path || number(device).is_some_and(|number| number == mount.number)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn number(device: &Path) -> Option<String> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let metadata = fs::metadata(device).ok().filter(|metadata| metadata.file_type().is_block_device())?;
    Some(format!("{}:{}", rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev())))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn number(_: &Path) -> Option<String> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::StoreErrorKind;

    /// A system with one volume, `/dev/sdb1`, which is mounted as `options` say.
    fn system(label: &str, uuid: &str, options: &str) -> tempfile::TempDir {
        let system = tempfile::tempdir().unwrap();
        let path = |name: &str| system.path().join(name);
        for folder in ["proc/self", "dev/disk/by-label", "dev/disk/by-uuid", "media/my stick"] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        fs::write(path("dev/sdb1"), "").unwrap();
        std::os::unix::fs::symlink("../../sdb1", path("dev/disk/by-label").join(label)).unwrap();
        std::os::unix::fs::symlink("../../sdb1", path("dev/disk/by-uuid").join(uuid)).unwrap();
        let table = format!(
            "22 1 253:0 / / rw - ext4 /dev/vda rw\n\
             40 22 8:17 /sub /srv rw - vfat /dev/sdb1 rw\n\
             41 22 8:17 / /media/my\\040stick {options} shared:1 master:2 - vfat /dev/sdb1 {options},errors=remount-ro\n"
        );
        fs::write(path("proc/self/mountinfo"), table).unwrap();
        system
    }

    #[test]
    fn a_volume_is_found_by_its_label_and_known_by_its_uuid() {
        let system = system("My\\x20Stick", "1A2B-3C4D", "rw,noatime");
        let store = VolumeStore::on("My Stick", system.path());
        let cancel = Cancel::never();
        assert_eq!(store.id().unwrap(), "volume:1A2B-3C4D");
        store.put("log/1", b"one", &cancel).unwrap();
        assert_eq!(fs::read(system.path().join("media/my stick/lifeboat/log/1")).unwrap(), b"one");
        assert_eq!(store.head("log/1", &cancel), Ok(3));
    }

    #[test]
    fn a_volume_that_was_taken_away_is_not_filled_on_another_disk() {
        let system = system("stick", "1A2B-3C4D", "rw");
        let (store, cancel) = (VolumeStore::on("stick", system.path()), Cancel::never());
        store.put("a", b"one", &cancel).unwrap();
        let table = system.path().join("proc/self/mountinfo");
        let mounted = fs::read_to_string(&table).unwrap();
        fs::write(&table, mounted.lines().next().unwrap()).unwrap();
        let folder = system.path().join("media/my stick/lifeboat");
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(store.put("a", b"one", &cancel).unwrap_err().kind(), StoreErrorKind::Absent);
        assert!(!folder.exists());
        // Another stick with the same label is connected.
        fs::write(&table, &mounted).unwrap();
        let uuids = system.path().join("dev/disk/by-uuid");
        fs::rename(uuids.join("1A2B-3C4D"), uuids.join("5E6F-7A8B")).unwrap();
        assert_eq!(store.put("a", b"one", &cancel).unwrap_err().kind(), StoreErrorKind::Absent);
        assert!(!folder.exists());
        assert_eq!(VolumeStore::on("stick", system.path()).id().unwrap(), "volume:5E6F-7A8B");
    }

    #[test]
    fn what_is_not_there_is_absent() {
        let cancel = Cancel::never();
        let kind = |store: &VolumeStore| store.put("a", b"", &cancel).unwrap_err().kind();
        let read_only = system("stick", "1A2B-3C4D", "ro,noatime");
        assert_eq!(kind(&VolumeStore::on("stick", read_only.path())), StoreErrorKind::Absent);
        assert_eq!(kind(&VolumeStore::on("other", read_only.path())), StoreErrorKind::Absent);
        let system = system("stick", "1A2B-3C4D", "rw");
        fs::write(system.path().join("proc/self/mountinfo"), "22 1 253:0 / / rw - ext4 /dev/vda rw\n").unwrap();
        let store = VolumeStore::on("stick", system.path());
        let error = store.id().unwrap_err();
        assert_eq!(error.to_string(), "absent: the volume 'stick' is connected, but not mounted");
        assert_eq!(VolumeStore::identity("no such volume"), Identity::Label("no such volume".into()));
    }
}
