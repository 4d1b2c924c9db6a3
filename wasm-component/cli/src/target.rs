//! Files that a database never replaces, whatever the options say. The extension has the same rules and words.

use crate::arguments::Bundle;
use crate::fail::{Fail, IoContext};
use crate::redact::holds_key;
use std::fs::{self, File, FileType};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

/// A file up to this size is searched for a recovery key.
const SEARCHED: u64 = 1 << 20;
/// More bytes than the header of a bundle, of a ledger or of a database has.
const START: u64 = 4096;

const DATABASE: &[u8] = b"SQLite format 3\0";
/// How a bundle and a ledger begin. It is the same in every revision.
const BUNDLE: &[u8] = b"\xd9\xd9\xf7\x86\x68lifeboat";
const LEDGER: &[u8] = b"\xd9\xd9\xf7\x86\x68lbledger";
/// The first bytes of a write-ahead log, in either byte order, and of a rollback journal that has something to roll
/// back.
const JOURNALS: [&[u8]; 3] =
    [&[0x37, 0x7f, 0x06, 0x82], &[0x37, 0x7f, 0x06, 0x83], &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]];

/// The files that a run reads.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    bundles: Vec<PathBuf>,
    key: Option<PathBuf>,
}

impl Reads {
    /// `-` is the standard input.
    pub fn new(bundles: &[Bundle], key_file: &str) -> Self {
        let path = |bundle: &Bundle| match bundle {
            Bundle::StandardInput => None,
            Bundle::File(path) => Some(PathBuf::from(path)),
        };
        let key = (key_file != "-").then(|| PathBuf::from(key_file));
        Self { bundles: bundles.iter().filter_map(path).collect(), key }
    }

    /// Whether a database may be written to this path.
    ///
    /// # Errors
    /// Misuse, with what is there; host when this cannot be found out.
    pub fn check(&self, target: &Path, replace: bool) -> Result<(), Fail> {
        let shown = target.display();
        let never = |why: &str| Err(Fail::misuse(format!("'{shown}' {why}; name another file with --out")));
        // A runtime does not say whether two names are one file. So compare what is in the files.
        let is = |path: &PathBuf| plain(path) == plain(target);
        if self.key.as_ref().is_some_and(is) {
            return never("is the file with the recovery key and is never replaced");
        }
        if self.bundles.iter().any(is) {
            return never("is the target, and a bundle that is read, too, which would be lost");
        }
        if self.bundles.iter().any(|path| plain(target).starts_with(plain(path))) {
            return never("lies in a copy: what is there belongs to its store, and may be sent elsewhere");
        }
        let found = match fs::symlink_metadata(target) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            found => Some(found.context("cannot look at", shown.to_string())?),
        };
        if found.is_some() {
            match look(target)? {
                Found::Nothing | Found::Other => {}
                Found::NotRegular(is) => {
                    return Err(Fail::misuse(format!(
                        "'{shown}' is {is}, not a regular file; name another file with --out"
                    )));
                }
                Found::Key => return never("holds a recovery key and is never replaced"),
                Found::Bundle => return never("is a bundle and is never replaced by a database"),
                Found::Ledger => return never("is a ledger and is never replaced by a database"),
                Found::Journal => {
                    return never("belongs to a database: SQLite would take what is written there for its journal");
                }
            }
        }
        for suffix in ["-journal", "-wal"] {
            let journal = with_suffix(target, suffix);
            if fs::symlink_metadata(&journal).is_ok() {
                return Err(Fail::misuse(format!(
                    "'{}' belongs to a database that was not closed: close its program, or move the journal away with its \
                     database; SQLite would play it into the new one",
                    journal.display()
                )));
            }
        }
        if is_journal_of_database(target) {
            return never("belongs to a database: SQLite would take what is written there for its journal");
        }
        match found {
            Some(_) if !replace => Err(Fail::misuse(format!(
                "'{shown}' already exists; name another file with --out, or allow it with --replace"
            ))),
            Some(found) if found.is_symlink() => {
                Err(Fail::misuse(format!("'{shown}' is a link: name the file that it leads to with --out")))
            }
            _ => Ok(()),
        }
    }
}

enum Found {
    Nothing,
    NotRegular(&'static str),
    Key,
    Bundle,
    Ledger,
    Journal,
    Other,
}

fn look(target: &Path) -> Result<Found, Fail> {
    let unknown = "cannot tell what is there, as it cannot be read:";
    let metadata = match fs::metadata(target) {
        // A link that leads to nothing.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        metadata => metadata.context(unknown, target.display())?,
    };
    if let Some(is) = what_else(metadata.file_type()) {
        return Ok(Found::NotRegular(is));
    }
    let wanted = if metadata.len() <= SEARCHED { metadata.len() } else { START };
    let mut start = zeroize::Zeroizing::new(Vec::new());
    start.reserve_exact(usize::try_from(wanted).unwrap_or_default());
    File::open(target).and_then(|file| file.take(wanted).read_to_end(&mut start)).context(unknown, target.display())?;
    Ok(if start.starts_with(DATABASE) {
        Found::Other
    } else if JOURNALS.iter().any(|journal| start.starts_with(journal)) {
        Found::Journal
    } else if start.starts_with(BUNDLE) {
        Found::Bundle
    } else if start.starts_with(LEDGER) {
        Found::Ledger
    } else if holds_key(&start) {
        Found::Key
    } else {
        Found::Other
    })
}

fn what_else(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else {
        Some("a device or a pipe")
    }
}

/// Whether a path has the name of a journal, and that journal's database is beside it.
fn is_journal_of_database(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    ["-wal", "-shm", "-journal"].into_iter().any(|suffix| {
        let database = name.strip_suffix(suffix).filter(|name| !name.is_empty()).map(|name| path.with_file_name(name));
        let mut start = [0; DATABASE.len()];
        database
            .filter(|database| fs::metadata(database).is_ok_and(|found| found.is_file()))
            .and_then(|database| File::open(database).ok())
            .is_some_and(|mut file| file.read_exact(&mut start).is_ok() && start == DATABASE)
    })
}

/// A path without the parts that make no difference.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

/// The path with this text after its name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fail::Kind;
    use crate::publish::tests::Directory;

    const KEY: &str = "lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86";

    #[test]
    fn nothing_is_written_into_a_copy() {
        let directory = Directory::new("copy");
        let path = |name: &str| directory.0.join(name);
        fs::create_dir_all(path("copy/bundles")).unwrap();
        let reads = Reads::new(&[Bundle::File(path("copy/.").to_str().unwrap().to_owned())], "-");
        for target in ["copy/new.db", "copy/bundles/new.db", "./copy/new.db"] {
            let refused = reads.check(&path(target), true).unwrap_err();
            assert!(refused.kind == Kind::Misuse && refused.message.contains("lies in a copy"), "{refused}");
        }
        reads.check(&path("copy.db"), false).unwrap();
    }

    /// Directories and bundles are not mixed, and what chooses a save needs copies.
    #[test]
    fn copies_are_told_from_bundles() {
        let directory = Directory::new("told");
        fs::create_dir_all(directory.0.join("copy")).unwrap();
        let bundle = |name: &str| Bundle::File(directory.0.join(name).to_str().unwrap().to_owned());
        let none = crate::arguments::Choice::default();
        let chosen = crate::arguments::Choice { seq: Some(7), ..crate::arguments::Choice::default() };
        let are_meant = |bundles: &[Bundle], choice| crate::copies::are_meant(bundles, choice);
        assert!(are_meant(&[bundle("copy")], &none).unwrap() && are_meant(&[bundle("copy")], &chosen).unwrap());
        assert!(!are_meant(&[bundle("a"), Bundle::StandardInput], &none).unwrap());
        assert_eq!(are_meant(&[bundle("copy"), bundle("a")], &none).unwrap_err().kind, Kind::Misuse);
        assert_eq!(are_meant(&[bundle("a")], &chosen).unwrap_err().kind, Kind::Misuse);
    }

    #[test]
    fn some_files_are_never_replaced() {
        let directory = Directory::new("never");
        let path = |name: &str| directory.0.join(name);
        let write = |name: &str, content: &[u8]| fs::write(path(name), content).unwrap();
        write("app.key", format!("{KEY}\n").as_bytes());
        write("typo.key", b"no key at all");
        write("copy.key", KEY.to_uppercase().as_bytes());
        write("app.bundle", b"\xd9\xd9\xf7\x86\x68lifeboat and more");
        write("damaged.bundle", b"no bundle");
        write("app.ledger", b"\xd9\xd9\xf7\x86\x68lbledger and more");
        write("app.db", b"SQLite format 3\0 and more");
        write("other.db", b"SQLite format 3\0 and more");
        write("notes.txt", b"notes");
        write("wal", &[0x37, 0x7f, 0x06, 0x82, 0]);
        fs::create_dir(path("folder")).unwrap();
        fs::hard_link(path("app.key"), path("same.key")).unwrap();
        let file = |name: &str| path(name).to_str().unwrap().to_owned();
        let reads =
            |key: &str| Reads::new(&["app.bundle", "damaged.bundle"].map(|name| Bundle::File(file(name))), &file(key));
        let dotted = file("app.key").replace("app.key", "./app.key");
        for (target, key, words) in [
            (&*dotted, "app.key", "is the file with the recovery key and is never replaced"),
            ("typo.key", "typo.key", "is the file with the recovery key and is never replaced"),
            ("app.key", "typo.key", "holds a recovery key and is never replaced"),
            ("same.key", "app.key", "holds a recovery key and is never replaced"),
            ("copy.key", "app.key", "holds a recovery key and is never replaced"),
            ("app.bundle", "app.key", "is the target, and a bundle that is read, too"),
            ("damaged.bundle", "app.key", "is the target, and a bundle that is read, too"),
            ("app.ledger", "app.key", "is a ledger and is never replaced by a database"),
            ("folder", "app.key", "is a directory, not a regular file"),
            ("wal", "app.key", "belongs to a database"),
            ("app.db-wal", "app.key", "belongs to a database"),
        ] {
            for replace in [false, true] {
                let refused = reads(key).check(&path(target), replace).unwrap_err();
                assert!(refused.kind == Kind::Misuse && refused.message.contains(words), "{target}: {refused}");
                assert!(!refused.message.contains("--replace"), "{refused}");
            }
        }
        let refused = Reads::default().check(&path("app.bundle"), true).unwrap_err();
        assert!(refused.message.contains("is a bundle and is never replaced by a database"), "{refused}");
        for target in ["app.db", "notes.txt"] {
            let refused = reads("app.key").check(&path(target), false).unwrap_err();
            assert!(refused.message.contains("already exists") && refused.message.contains("--replace"), "{refused}");
            reads("app.key").check(&path(target), true).unwrap();
        }
        reads("app.key").check(&path("new.db"), false).unwrap();
        write("other.db-journal", b"");
        let refused = reads("app.key").check(&path("other.db"), true).unwrap_err();
        assert!(refused.message.contains("other.db-journal' belongs to a database"), "{refused}");
    }
}
