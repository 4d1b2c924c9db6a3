//! The database's file: a whole one appears, or none.

use std::path::Path;
use std::{fs, io::Write, process};
use wasmtime::error::Context;
use wasmtime::{Result, ensure};

/// Whether there can be a file: nothing has its name. What runs that were killed left of it goes.
///
/// # Errors
/// There is something.
pub fn prepare(out: &Path) -> Result<()> {
    ensure!(!out.exists(), "{} already exists; give another path", out.display());
    remove_leftovers(out);
    Ok(())
}

/// Writes it, out of the pieces that `pull` gives until there is none.
///
/// # Errors
/// Those of `pull`; and it cannot be written or synced.
pub fn publish(out: &Path, pull: impl FnMut() -> Result<Option<Vec<u8>>>) -> Result<()> {
    // Written beside its place and put there at the end, so that there is a whole database or none.
    let temporary = out.with_file_name(temporary_name(out, &process::id().to_string()));
    let written = write(&temporary, pull)
        // A link, unlike a rename, replaces nothing.
        .and_then(|file| {
            let linked = fs::hard_link(&temporary, out).with_context(|| format!("cannot make {}", out.display()));
            drop(file); // Its lock ends here.
            linked
        });
    let _ = fs::remove_file(&temporary);
    written?;
    sync_directory(out).with_context(|| {
        let why = "but its directory cannot be synced; it may be gone after a power failure";
        format!("{} is complete, {why}", out.display())
    })
}

fn temporary_name(out: &Path, process: &str) -> String {
    format!(".{}.{process}.partial", out.file_name().unwrap_or_default().to_string_lossy())
}

/// What a host that was killed left of this file. Whoever is at work holds a lock, which ends with its process.
fn remove_leftovers(out: &Path) {
    let directory = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
    for name in names.filter_map(|name| name.into_string().ok()) {
        let process: String = name.chars().rev().skip(".partial".len()).take_while(char::is_ascii_digit).collect();
        let is_ours = name == temporary_name(out, &process.chars().rev().collect::<String>());
        let path = directory.join(name);
        if is_ours && fs::File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes a file that nobody else takes for a leftover while it is open.
fn write(path: &Path, mut pull: impl FnMut() -> Result<Option<Vec<u8>>>) -> Result<fs::File> {
    let mut options = fs::File::options();
    // What was encrypted is for its owner alone.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.write(true).create_new(true).open(path);
    let mut file = file.with_context(|| format!("cannot create {}", path.display()))?;
    // Where there are no locks, nobody else has one either.
    let _ = file.try_lock();
    while let Some(piece) = pull()? {
        file.write_all(&piece).with_context(|| format!("cannot write {}", path.display()))?;
    }
    file.sync_all().with_context(|| format!("cannot sync {}", path.display()))?;
    Ok(file)
}

/// A file has its name for good once its directory is synced.
fn sync_directory(file: &Path) -> std::io::Result<()> {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    // Elsewhere a directory cannot be opened, and need not be.
    if cfg!(unix) { fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}
