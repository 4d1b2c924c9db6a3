//! The owner of a file that replaces another: owner, group and mode stay. Access is never
//! widened.

use lifeboat_core::Result;
use std::fs::{File, Metadata};
use std::path::Path;

/// Gives an unfinished file the owner and the group of the file that it replaces.
///
/// # Errors
/// Host when this process may not do that: then the users of the old file could lose access, or
/// others could gain it.
#[cfg(unix)]
pub(crate) fn take_over(file: &File, replaced: &Metadata, path: &Path) -> Result<()> {
    use lifeboat_core::Error;
    use std::os::unix::fs::{MetadataExt, fchown};
    let (owner, group) = (replaced.uid(), replaced.gid());
    let taken = file.metadata().and_then(|ours| {
        let (owner, group) = ((ours.uid() != owner).then_some(owner), (ours.gid() != group).then_some(group));
        match (owner, group) {
            (None, None) => Ok(()),
            _ => fchown(file, owner, group),
        }
    });
    taken.map_err(|error| {
        Error::host(format!(
            "'{}' belongs to user {owner} and group {group}, and the new file would not ({error}); run this as that user, or \
             give another path",
            path.display()
        ))
    })
}

#[cfg(not(unix))]
pub(crate) fn take_over(_: &File, _: &Metadata, _: &Path) -> Result<()> {
    Ok(())
}

/// The same for the mode, when the file is complete.
///
/// # Errors
/// Those of the system.
pub(crate) fn take_over_mode(file: &File, replaced: &Metadata) -> std::io::Result<()> {
    let permissions = replaced.permissions();
    // The bits for reading, writing and executing. Not those that run a program as another user.
    #[cfg(unix)]
    let permissions = {
        use std::os::unix::fs::PermissionsExt;
        std::fs::Permissions::from_mode(permissions.mode() & 0o777)
    };
    file.set_permissions(permissions)
}
