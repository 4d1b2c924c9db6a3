//! A file that appears complete or not at all.

use crate::fail::{Fail, IoContext, Kind};
use crate::target::{Reads, with_suffix};
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The remedy if a write or a sync fails: WASI does not always distinguish a full disk from other failures.
pub const FREE_SPACE: &str = "is there space left? Free some, and try again";

/// No recovery takes this long. An older file was left by a run that was killed.
const LEFT: Duration = Duration::from_secs(24 * 60 * 60);
/// A temporary name is the target's name, a dot, this many hexadecimal digits, and the ending.
const DIGITS: usize = 16;
const ENDING: &str = ".partial";

/// A file that is being written, under a temporary name beside its target. If this is dropped before it is finished,
/// the file is removed.
pub struct Publish {
    target: PathBuf,
    temporary: PathBuf,
    replace: bool,
    reads: Reads,
    file: File,
}

impl Publish {
    /// Checks the target, and makes the temporary file. So if the result could not be written, the recovery does not
    /// even begin. `reads`: the files that the run reads, and so never replaces.
    ///
    /// # Errors
    /// Those of [`Reads::check`]; host when the file cannot be made.
    pub fn begin(target: impl AsRef<Path>, replace: bool, reads: Reads) -> Result<Self, Fail> {
        let target = target.as_ref().to_owned();
        reads.check(&target, replace)?;
        let unique = RandomState::new().hash_one("temporary name");
        let temporary = with_suffix(&target, &format!(".{unique:0DIGITS$x}{ENDING}"));
        let file = File::create_new(&temporary).context("cannot make", temporary.display())?;
        Ok(Self { target, temporary, replace, reads, file })
    }

    /// Removes what killed runs have left of this target, if it is certain that none of them still works. A runtime
    /// says nothing about other processes, so only a file that is a day old is certain. Gives the paths of younger
    /// files, so that a person can look at them.
    pub fn clean_up(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(directory(&self.target)) else { return Vec::new() };
        let is_left = |path: &PathBuf| *path != self.temporary && is_temporary(path, &self.target);
        // Use the directory as the user gave it, so that the user recognizes the path.
        let paths = entries.flatten().map(|entry| self.target.with_file_name(entry.file_name())).filter(is_left);
        paths.filter(|path| !is_old(path) || fs::remove_file(path).is_err()).collect()
    }

    /// Writes the content, makes it durable, and only then gives it its name, in one step.
    ///
    /// # Errors
    /// Those of `write` and of [`Reads::check`]; busy when a file of that name appeared meanwhile; host.
    pub fn finish(mut self, write: impl FnOnce(&mut File) -> Result<(), Fail>) -> Result<(), Fail> {
        write(&mut self.file)?;
        let synced = self.file.sync_all().context("cannot sync", self.temporary.display());
        synced.map_err(|fail| fail.or(FREE_SPACE))?;
        self.name()?;
        // This makes the name durable, too, if the runtime can sync a directory.
        let _ = File::open(directory(&self.target)).and_then(|directory| directory.sync_all());
        Ok(())
    }

    fn name(&self) -> Result<(), Fail> {
        let shown = self.target.display();
        let is_there = || fs::symlink_metadata(&self.target).is_ok();
        if !self.replace && is_there() {
            return Err(made_meanwhile(&self.target));
        }
        // Another file may be there now than at the beginning.
        self.reads.check(&self.target, self.replace)?;
        if self.replace {
            return fs::rename(&self.temporary, &self.target).context("cannot name", shown);
        }
        // Unlike a rename, a link never takes the place of a file that appeared meanwhile.
        match fs::hard_link(&self.temporary, &self.target) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(made_meanwhile(&self.target)),
            // Some file systems have no links.
            Err(_) if is_there() => Err(made_meanwhile(&self.target)),
            Err(_) => fs::rename(&self.temporary, &self.target).context("cannot name", shown),
        }
    }
}

impl Drop for Publish {
    fn drop(&mut self) {
        // After a rename, there is nothing left to remove.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn made_meanwhile(target: &Path) -> Fail {
    let shown = target.display();
    let message = format!(
        "'{shown}' was made meanwhile by somebody else, and was not replaced; try again, or name another file with --out"
    );
    Fail { kind: Kind::Busy, message }
}

fn directory(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a path is one of the temporary names of a target, and a file.
fn is_temporary(path: &Path, target: &Path) -> bool {
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let digits = name(path)
        .strip_prefix(&name(target))
        .and_then(|rest| rest.strip_prefix('.')?.strip_suffix(ENDING).map(str::to_owned));
    digits.is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        && fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn is_old(path: &Path) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|found| found.modified());
    changed.is_ok_and(|changed| SystemTime::now().duration_since(changed).is_ok_and(|age| age > LEFT))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::io::Write;

    /// A separate directory, which is removed at the end.
    pub struct Directory(pub PathBuf);

    impl Directory {
        pub fn new(name: &str) -> Self {
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
        let publish = Publish::begin(target, replace, Reads::default())?;
        publish.finish(|file| file.write_all(content.as_bytes()).context("cannot write", "it"))
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
        let begin = || Publish::begin(&target, false, Reads::default()).unwrap();
        assert_eq!(begin().finish(|_| Err(Fail::misuse("stop"))).unwrap_err().message, "stop");
        drop(begin());
        assert!(directory.names().is_empty());
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_kept() {
        let directory = Directory::new("race");
        let target = directory.0.join("app.db");
        let publish = Publish::begin(&target, false, Reads::default()).unwrap();
        fs::write(&target, "theirs").unwrap();
        let refused = publish.finish(|_| Ok(())).unwrap_err();
        assert_eq!(refused.kind, Kind::Busy);
        assert!(refused.message.contains("made meanwhile by somebody else"), "{refused}");
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
        assert_eq!(directory.names(), ["app.db"]);
    }

    /// If somebody puts a key there meanwhile, it stays, too.
    #[test]
    fn what_is_replaced_is_looked_at_once_more() {
        let directory = Directory::new("key");
        let target = directory.0.join("app.db");
        fs::write(&target, "old").unwrap();
        let publish = Publish::begin(&target, true, Reads::default()).unwrap();
        fs::write(&target, "lifeboatkey1qqq").unwrap();
        assert_eq!(publish.finish(|_| Ok(())).unwrap_err().kind, Kind::Misuse);
        assert_eq!(fs::read_to_string(&target).unwrap(), "lifeboatkey1qqq");
    }

    #[test]
    fn what_a_killed_run_left_is_removed_or_named() {
        let directory = Directory::new("left");
        let path = |name: &str| directory.0.join(name);
        let write = |name: &str, days: u64| {
            let file = File::create(path(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60)).unwrap();
        };
        let [old, young] = ["app.db.0123456789abcdef.partial", "app.db.fedcba9876543210.partial"];
        write(old, 2);
        write(young, 0);
        let others =
            ["app.db.0123.partial", "app.db.0123456789abcdeg.partial", "app.dc.0123456789abcdef.partial", "app.db.old"];
        others.iter().for_each(|name| write(name, 2));
        let publish = Publish::begin(path("app.db"), false, Reads::default()).unwrap();
        assert_eq!(publish.clean_up(), [path(young)]);
        drop(publish);
        let mut left = Vec::from(others);
        left.push(young);
        left.sort_unstable();
        assert_eq!(directory.names(), left);
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
