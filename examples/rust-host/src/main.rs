//! Recovers a database with the recovery component, which gets no capability at all, at most so much memory, and at most
//! so much time:
//!
//! `lifeboat-rust-host lifeboat-recovery.wasm app.bundle app.key app.db`, or a chain of bundles, oldest first, in place of
//! the one. `MEMORY_MIB` and `DEADLINE_MS` in the environment are other limits than these:

use bindings::Lifeboat;
use bindings::exports::lifeboat::recovery::recovery::{Built, Error as Refusal, ErrorKind, Summary};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;
use std::{env, fs, process, thread};
use wasmtime::component::{Component, Linker};
use wasmtime::error::Context;
use wasmtime::{Cache, Config, Engine, Result, Store, StoreLimits, StoreLimitsBuilder, Trap, bail, ensure};

#[allow(missing_docs)]
mod bindings {
    wasmtime::component::bindgen!({ path: "../../wit", world: "lifeboat" });
}

/// Enough for a database of about 1.5 GB.
const MEMORY_MIB: u64 = 3072;
const DEADLINE_MS: u64 = 120_000;
const PIECE: usize = 1 << 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [component, full, deltas @ .., key, out] = arguments.as_slice() else {
        bail!("usage: lifeboat-rust-host COMPONENT FULL-BUNDLE [DELTA...] KEY-FILE OUT");
    };
    let (memory, deadline) = (limit("MEMORY_MIB", MEMORY_MIB)?, limit("DEADLINE_MS", DEADLINE_MS)?);

    let mut config = Config::new();
    config.epoch_interruption(true);
    // Compiling takes a second: the code is kept in the user's cache directory, where there is one.
    config.cache(Cache::from_file(None).ok());
    let engine = Engine::new(&config)?;
    let component = Component::from_file(&engine, component)?;
    // What the component asks for beyond this it does not get, and says so: `too-big`.
    let bytes = usize::try_from(memory.saturating_mul(1 << 20))?;
    let mut store = Store::new(&engine, StoreLimitsBuilder::new().memory_size(bytes).build());
    store.limiter(|limits| limits);
    // The code of the component looks at the epoch in each loop, and stops when it is over.
    store.set_epoch_deadline(1);
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(deadline));
        engine.increment_epoch();
    });
    // An empty linker: whatever the component does with the key, it has nowhere to send it.
    let linker = Linker::new(component.engine());

    let recovered = Lifeboat::instantiate(&mut store, &component, &linker)
        .and_then(|lifeboat| recover(&lifeboat, &mut store, (full, deltas), key, Path::new(out)));
    match &recovered {
        Err(error) if error.downcast_ref() == Some(&Trap::Interrupt) => {
            bail!("stopped after {deadline} ms, and nothing was written; DEADLINE_MS is the limit")
        }
        _ => recovered,
    }
}

fn limit(name: &str, default: u64) -> Result<u64> {
    env::var(name)
        .map_or(Ok(default), |text| text.parse::<u64>().with_context(|| format!("{name} is not a number: {text}")))
}

fn recover(
    lifeboat: &Lifeboat,
    mut store: &mut Store<StoreLimits>,
    (full, deltas): (&str, &[String]),
    key: &str,
    out: &Path,
) -> Result<()> {
    ensure!(!out.exists(), "{} already exists; give another path", out.display());
    remove_leftovers(out);
    let key = fs::read_to_string(key).with_context(|| format!("cannot read the key's file {key}"))?;
    let database = lifeboat.lifeboat_recovery_recovery().database();
    let recovery = accepted(database.call_open(&mut store, &key, None, None)?)?;

    for delta in deltas {
        accepted(database.call_begin_delta(&mut store, recovery)?)?;
        feed(delta, |piece| accepted(database.call_push_delta(&mut store, recovery, piece)?))?;
    }
    feed(full, |piece| accepted(database.call_push(&mut store, recovery, piece)?))?;
    let recovered = accepted(database.call_finish(&mut store, recovery)?)?;

    // Written beside its place and put there at the end, so that there is a whole database or none.
    let temporary = out.with_file_name(temporary_name(out, &process::id().to_string()));
    let written = write(&temporary, || accepted(database.call_pull(&mut store, recovery)?))
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
    })?;

    print(&recovered.summary);
    println!("recovered {} bytes to {}", recovered.built.size, out.display());
    let Built { expression_indexes, partial_indexes, stored_columns, sqlite_version, .. } = recovered.built;
    if !(expression_indexes.is_empty() && partial_indexes.is_empty() && stored_columns.is_empty()) {
        println!(
            "SQLite {sqlite_version}, inside the component, computed the indexes {:?} and the stored columns {stored_columns:?}. Another \
             SQLite may compute the same expressions otherwise, and would then miss rows: run REINDEX with the SQLite that will use \
             the database, before it is used; stored columns are computed when their rows are updated.",
            [expression_indexes, partial_indexes].concat()
        );
    }
    Ok(())
}

/// Hands a bundle on in pieces.
fn feed(bundle: &str, mut push: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut file = fs::File::open(bundle).with_context(|| format!("cannot open {bundle}"))?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).with_context(|| format!("cannot read {bundle}"))? {
            0 => return Ok(()),
            length => push(&piece[..length])?,
        }
    }
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

/// The component's typed errors: each kind is one thing to do differently.
fn accepted<T>(result: Result<T, Refusal>) -> Result<T> {
    result.or_else(|Refusal { kind, text, .. }| match kind {
        ErrorKind::WrongKey => bail!("this key did not make the bundle: {text}"),
        ErrorKind::Corrupt => bail!("damaged, take another copy: {text}"),
        ErrorKind::Truncated => bail!("incomplete, fetch it again: {text}"),
        ErrorKind::Unsupported => bail!("made by a newer version: {text}"),
        ErrorKind::TooBig => bail!("beyond a limit: {text}"),
        ErrorKind::Mismatch => bail!("not what was expected: {text}"),
        ErrorKind::Misuse | ErrorKind::Host => bail!("{text}"),
    })
}

fn print(summary: &Summary) {
    println!("state {}, signed by {}", summary.report.state_id, summary.report.verify_key);
    for table in &summary.tables {
        println!("{:9} rows in {}", table.rows, table.name);
    }
}
