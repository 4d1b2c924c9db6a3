//! Recovers a database with the recovery component, which gets no capability at all, at most so much memory, and at most
//! so much time:
//!
//! `lifeboat-rust-host lifeboat-recovery.wasm stick/copy app.key app.db`. In place of the copy there may be several of
//! them, or one bundle, or a chain of bundles, oldest first. `MEMORY_MIB` and `DEADLINE_MS` in the environment are other
//! limits than these:

mod copies;
mod file;

use bindings::Lifeboat;
use bindings::exports::lifeboat::recovery::recovery::{Built, Error as Refusal, ErrorKind, Summary};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, thread};
use wasmtime::component::{Component, Linker};
use wasmtime::error::Context;
use wasmtime::{Cache, Config, Engine, Result, Store, StoreLimits, StoreLimitsBuilder, Trap, bail};

#[allow(missing_docs)]
mod bindings {
    wasmtime::component::bindgen!({ path: "../../wit", world: "lifeboat" });
}

const USAGE: &str = "usage: lifeboat-rust-host COMPONENT COPY... KEY-FILE OUT, or FULL-BUNDLE [DELTA...] for COPY...";
/// Enough for a database of about 1.5 GB.
const MEMORY_MIB: u64 = 3072;
const DEADLINE_MS: u64 = 120_000;
const PIECE: usize = 1 << 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [component, backup @ .., key, out] = arguments.as_slice() else { bail!(USAGE) };
    if backup.is_empty() {
        bail!(USAGE);
    }
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
        .and_then(|lifeboat| recover(&lifeboat, &mut store, backup, key, Path::new(out)));
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
    backup: &[String],
    key: &str,
    out: &Path,
) -> Result<()> {
    file::prepare(out)?;
    let key = fs::read_to_string(key).with_context(|| format!("cannot read the key's file {key}"))?;
    // Bundles by themselves do not tell which state is the newest; the records of a copy do.
    let chain = match backup.iter().any(|path| Path::new(path).is_dir()) {
        true => copies::newest(lifeboat, store, backup, &key)?,
        false => Chain { bundles: backup.iter().map(PathBuf::from).collect(), state_id: None },
    };
    let [full, deltas @ ..] = chain.bundles.as_slice() else { bail!("the copies have no bundle") };
    let database = lifeboat.lifeboat_recovery_recovery().database();
    let recovery = accepted(database.call_open(&mut store, &key, chain.state_id.as_deref(), None)?)?;

    for delta in deltas {
        accepted(database.call_begin_delta(&mut store, recovery)?)?;
        feed(delta, |piece| accepted(database.call_push_delta(&mut store, recovery, piece)?))?;
    }
    feed(full, |piece| accepted(database.call_push(&mut store, recovery, piece)?))?;
    let recovered = accepted(database.call_finish(&mut store, recovery)?)?;
    file::publish(out, || accepted(database.call_pull(&mut store, recovery)?))?;

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

/// The bundles that lead to a state, oldest first, and the id of that state where it is known.
struct Chain {
    bundles: Vec<PathBuf>,
    state_id: Option<String>,
}

/// Hands a bundle on in pieces.
fn feed(bundle: &Path, mut push: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut file = fs::File::open(bundle).with_context(|| format!("cannot open {}", bundle.display()))?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).with_context(|| format!("cannot read {}", bundle.display()))? {
            0 => return Ok(()),
            length => push(&piece[..length])?,
        }
    }
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
