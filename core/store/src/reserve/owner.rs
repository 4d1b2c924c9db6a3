//! Opens a file that nobody but its owner and the administrator can change. Whoever writes a configuration decides where
//! backups go.

use lifeboat_core::{Error, Result};
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};

/// Opens a regular file, and gives the path that it has without links.
///
/// # Errors
/// Misuse when others may write it, or may put another file in its place; host when it cannot be opened.
pub(super) fn open(path: &Path) -> Result<(File, PathBuf)> {
    let failed =
        |error: std::io::Error| Error::host(format!("the configuration '{}' cannot be read: {error}", path.display()));
    let found = resolve(path, &failed)?;
    check_kind(path, &std::fs::metadata(&found).map_err(failed)?)?;
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    // It may become a FIFO between two looks. Opening must not wait then, and the next look tells.
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().try_into().unwrap_or(0));
    }
    let file = options.open(&found).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    check_kind(path, &metadata)?;
    #[cfg(unix)]
    unix::check_file(&found, &metadata)?;
    Ok((file, found))
}

fn check_kind(path: &Path, metadata: &Metadata) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let is = if metadata.is_dir() { "a directory" } else { "no regular file" };
    Err(Error::misuse(format!(
        "'{}' is {is}; 'file:' needs the path of a shared configuration behind it; for a directory write 'dir:PATH'",
        path.display()
    )))
}

#[cfg(not(unix))]
fn resolve(path: &Path, failed: &dyn Fn(std::io::Error) -> Error) -> Result<PathBuf> {
    std::fs::canonicalize(path).map_err(failed)
}

#[cfg(unix)]
use unix::resolve;

#[cfg(unix)]
mod unix {
    use super::{Error, Metadata, Path, PathBuf, Result};
    use std::ffi::OsString;
    use std::os::unix::fs::MetadataExt;
    use std::path::Component;

    /// As many links as the system follows.
    const LINKS_MAX: usize = 40;
    /// Others may write: the group, and everybody.
    const OTHERS: u32 = 0o022;
    /// In such a directory, everybody changes only what is their own.
    const STICKY: u32 = 0o1000;

    /// The path without links. Each directory on the way is checked: who may write it may put another file there.
    pub(super) fn resolve(path: &Path, failed: &dyn Fn(std::io::Error) -> Error) -> Result<PathBuf> {
        let mut pending = steps(&std::path::absolute(path).map_err(failed)?);
        let (mut at, mut links) = (PathBuf::from("/"), 0);
        check_directory(&at, path, &std::fs::metadata(&at).map_err(failed)?)?;
        while let Some(step) = pending.pop() {
            if step == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&step);
            let metadata = std::fs::symlink_metadata(&next).map_err(failed)?;
            if metadata.is_symlink() {
                links += 1;
                if links > LINKS_MAX {
                    return Err(failed(std::io::Error::other("there are too many links on the way")));
                }
                check_owner(&next, path, &metadata)?;
                let target = std::fs::read_link(&next).map_err(failed)?;
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                pending.extend(steps(&target));
                continue;
            }
            if metadata.is_dir() {
                check_directory(&next, path, &metadata)?;
            }
            at = next;
        }
        Ok(at)
    }

    /// The steps of a path, the first one last.
    fn steps(path: &Path) -> Vec<OsString> {
        let steps = path.components().filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        });
        steps.collect::<Vec<_>>().into_iter().rev().collect()
    }

    pub(super) fn check_file(path: &Path, metadata: &Metadata) -> Result<()> {
        check_owner(path, path, metadata)?;
        let mode = metadata.mode() & 0o7777;
        if mode & OTHERS == 0 {
            return Ok(());
        }
        Err(Error::misuse(format!(
            "others may write the configuration '{0}' (mode {mode:03o}), and so decide where backups go; run: chmod go-w '{0}'",
            path.display()
        )))
    }

    fn check_directory(directory: &Path, file: &Path, metadata: &Metadata) -> Result<()> {
        check_owner(directory, file, metadata)?;
        let mode = metadata.mode() & 0o7777;
        if mode & OTHERS == 0 || mode & STICKY != 0 {
            return Ok(());
        }
        Err(Error::misuse(format!(
            "others may write the directory '{0}' (mode {mode:03o}), and so put another configuration in the place of \
             '{1}'; run: chmod go-w '{0}', or move the configuration to another directory",
            directory.display(),
            file.display()
        )))
    }

    fn check_owner(path: &Path, file: &Path, metadata: &Metadata) -> Result<()> {
        let (owner, own) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if owner == own || owner == 0 {
            return Ok(());
        }
        let what = if path == file {
            format!("the configuration '{}'", path.display())
        } else {
            format!("'{}', on the way to '{}',", path.display(), file.display())
        };
        Err(Error::misuse(format!(
            "{what} belongs to user {owner}, who so decides where backups go, and this process is of user {own}; run: \
             chown {own} '{}', or move the configuration to a directory of your own",
            path.display()
        )))
    }
}
