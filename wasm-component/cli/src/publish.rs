//! A file that appears whole or not at all.

use crate::fail::{Fail, IoContext, Kind};
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where a write or a sync fails: WASI does not always tell a full disk from other failures.
pub const FREE_SPACE: &str = "is there space left? Free some, and try again";

/// A file under way: written under a temporary name beside its target, which is gone when this is dropped unfinished.
pub struct Publish {
    target: PathBuf,
    temporary: PathBuf,
    replace: bool,
    file: File,
}

impl Publish {
    /// Checks the target, and makes the temporary file: so a recovery that could not be written is not begun.
    ///
    /// # Errors
    /// Misuse when the target exists and `replace` is false, is no file, or when a journal of an earlier database lies
    /// beside it: SQLite would play it into the new one. Host when the file cannot be made.
    pub fn begin(target: impl AsRef<Path>, replace: bool) -> Result<Self, Fail> {
        let target = target.as_ref().to_owned();
        let shown = target.display();
        match fs::symlink_metadata(&target) {
            Ok(_) if !replace => return Err(exists(&target)),
            Ok(found) if !found.is_file() => {
                return Err(Fail::misuse(format!("{shown} is not a regular file: name another one with --out")));
            }
            _ => {}
        }
        for suffix in ["-journal", "-wal"] {
            let journal = with_suffix(&target, suffix);
            if fs::symlink_metadata(&journal).is_ok() {
                return Err(Fail::misuse(format!(
                    "{} belongs to a database that was not closed: close its program, or move the journal away with \
                     its database; SQLite would play it into the new one",
                    journal.display()
                )));
            }
        }
        let unique = RandomState::new().hash_one("temporary name");
        let temporary = with_suffix(&target, &format!(".{unique:016x}.partial"));
        let file = File::create_new(&temporary).context("cannot make", temporary.display())?;
        Ok(Self { target, temporary, replace, file })
    }

    /// Writes the content, makes it durable, and only then gives it its name, in one step.
    ///
    /// # Errors
    /// Those of `write`; misuse when a file of that name appeared meanwhile; host.
    pub fn finish(mut self, write: impl FnOnce(&mut File) -> Result<(), Fail>) -> Result<(), Fail> {
        write(&mut self.file)?;
        let synced = self.file.sync_all().context("cannot sync", self.temporary.display());
        synced.map_err(|fail| fail.or(FREE_SPACE))?;
        self.name()?;
        // Makes the name durable too, where the runtime lets a directory be synced.
        let directory = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let _ = File::open(directory.unwrap_or(Path::new("."))).and_then(|directory| directory.sync_all());
        Ok(())
    }

    fn name(&self) -> Result<(), Fail> {
        let shown = self.target.display();
        if self.replace {
            return fs::rename(&self.temporary, &self.target).context("cannot name", shown);
        }
        // Unlike a rename, a link never takes the place of a file that appeared meanwhile.
        match fs::hard_link(&self.temporary, &self.target) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(exists(&self.target)),
            // Some file systems know no links.
            Err(_) if fs::symlink_metadata(&self.target).is_ok() => Err(exists(&self.target)),
            Err(_) => fs::rename(&self.temporary, &self.target).context("cannot name", shown),
        }
    }
}

impl Drop for Publish {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn exists(target: &Path) -> Fail {
    let message = format!("{} exists: name another file, or allow it with --replace", target.display());
    Fail { kind: Kind::Misuse, message }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A directory of its own, gone at the end.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("lifeboat-cli-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let names = fs::read_dir(&self.0).unwrap();
            let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn publish(target: &Path, replace: bool, content: &str) -> Result<(), Fail> {
        Publish::begin(target, replace)?.finish(|file| file.write_all(content.as_bytes()).context("cannot write", "it"))
    }

    #[test]
    fn a_file_is_new_or_replaced_only_when_allowed() {
        let directory = Directory::new("replace");
        let target = directory.0.join("app.db");
        publish(&target, false, "one").unwrap();
        assert_eq!(publish(&target, false, "two").unwrap_err().kind, Kind::Misuse);
        assert_eq!(fs::read_to_string(&target).unwrap(), "one");
        publish(&target, true, "three").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "three");
        assert_eq!(directory.names(), ["app.db"]);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let directory = Directory::new("failure");
        let target = directory.0.join("app.db");
        let failed = Publish::begin(&target, false).unwrap().finish(|_| Err(Fail::misuse("stop")));
        assert_eq!(failed.unwrap_err().message, "stop");
        drop(Publish::begin(&target, false).unwrap());
        assert!(directory.names().is_empty());
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_kept() {
        let directory = Directory::new("race");
        let target = directory.0.join("app.db");
        let publish = Publish::begin(&target, false).unwrap();
        fs::write(&target, "theirs").unwrap();
        assert_eq!(publish.finish(|_| Ok(())).unwrap_err().kind, Kind::Misuse);
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
        assert_eq!(directory.names(), ["app.db"]);
    }

    #[test]
    fn a_journal_of_an_earlier_database_is_refused() {
        let directory = Directory::new("journal");
        fs::write(directory.0.join("app.db-wal"), "").unwrap();
        for replace in [false, true] {
            let refused = publish(&directory.0.join("app.db"), replace, "new").unwrap_err();
            assert_eq!(refused.kind, Kind::Misuse);
            assert!(refused.message.contains("app.db-wal"));
        }
        assert_eq!(directory.names(), ["app.db-wal"]);
    }
}
