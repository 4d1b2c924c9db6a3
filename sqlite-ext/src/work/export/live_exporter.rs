//! What a save to stores needs from SQLite: bundles of the live state, the id of that state, and composed bundles.

use crate::files::io_error;
use crate::work::export::options::Request;
use crate::work::export::quick::{Quick, is_heavy};
use crate::work::export::{Live, compose, open_in_place};
use crate::work::keyed::Keyed;
use crate::work::read::file_source::BundleSource;
use crate::work::summary::Narrowed;
use lifeboat_core::chain::{self, Chain, Source};
use lifeboat_core::parallel::{Knowledge, Threads};
use lifeboat_core::{AccessKey, Error, ErrorKind, Result, StateId};
use lifeboat_sqlite::{Connection, LogEnd, Mark, Snapshot, SourceCheck};
use lifeboat_store::save::{Base, Exported, Exporter, LedgerPart};
use std::fs::{self, File};
use std::io::{self, Sink};
use std::path::{Path, PathBuf};

/// How often the moment of a snapshot is tried to be told, while others commit.
const ATTEMPTS: usize = 3;

/// With a rollback journal, writers wait while the rows are read and the delta is written. So no more than these bytes of
/// pages are read without a copy of all.
const IN_PLACE_MAX: u64 = 8 << 20;
/// A copy of a database this small takes no longer than the delta.
const SMALL: u64 = 32 << 20;

/// Exports the live state of one attached database.
pub(crate) struct LiveExporter<'a> {
    pub app: &'a Connection<'a>,
    pub keyed: &'a Keyed,
    pub request: &'a Request,
    /// Called from time to time on the thread of the caller. It says whether to go on.
    pub interrupt: &'a dyn Fn() -> Result<()>,
    /// What the last export says about its selection.
    pub narrowed: Narrowed,
    /// Some: this connection is the exporter's own, and has no transaction open. So deltas can be quick.
    pub quick: Option<&'a mut Quick>,
}

/// Opens a base on the thread that reads it.
type Open<'a> = Box<dyn FnOnce() -> Result<chain::Base<'static>> + Send + 'a>;

impl Exporter for LiveExporter<'_> {
    fn state_id(&mut self) -> Result<StateId> {
        let live = Live::open(self.app, self.request)?;
        let places = (io::sink(), None::<Sink>);
        let base = (None::<Open<'_>>, Knowledge::None);
        let (written, _) = live.write(&self.keyed.domain, self.request.threads, base, self.interrupt, places)?;
        Ok(written.summary.state_id)
    }

    fn export(&mut self, base: Base, bundle: &Path, ledger: &Path) -> Result<Exported> {
        let (mut snapshot, mut now) = self.open()?;
        let (knowledge, bytes) = self.knowledge(&snapshot, &base, now.as_mut());
        if matches!(base, Base::Chain(..)) {
            // The base is read over a network.
            snapshot.detach()?;
        } else if bytes > IN_PLACE_MAX || self.request.check == SourceCheck::Always {
            snapshot.let_writers_go()?;
        }
        let mut live = Live::of(snapshot, self.request)?;
        let written = match base {
            Base::Ledger(_, parts) => self.export_from_ledger(&mut live, &parts, knowledge, bundle, ledger)?,
            base => self.export_from_other(&live, base, bundle, ledger)?,
        };
        self.narrowed = live.narrowed()?;
        let Written { state_id, full, changed, is_quick, has_ledger, unexpected } = written;
        match (&mut self.quick, now) {
            (Some(quick), Some(now)) if is_quick => quick.was_quick(state_id, now),
            (Some(quick), now) => quick.has_walked(state_id, now, unexpected),
            (None, _) => {}
        }
        if !changed {
            remove(bundle)?;
            remove(ledger)?;
            return Ok(Exported { state_id, changed, full, ledger: LedgerPart::None });
        }
        if !has_ledger {
            // The delta is what the ledger lacks.
            let linked = fs::hard_link(bundle, ledger).or_else(|_| fs::copy(bundle, ledger).map(drop));
            linked.map_err(|error| failed("written", ledger, error))?;
        }
        let ledger = if has_ledger { LedgerPart::Whole } else { LedgerPart::Behind };
        Ok(Exported { state_id, changed, full, ledger })
    }

    fn compose(&mut self, deltas: Vec<Box<dyn Source + '_>>, bundle: &Path) -> Result<(Option<StateId>, StateId)> {
        let keyed = self.keyed;
        let chain = Chain::open(&keyed.key, deltas)?;
        let (compress, threads) = (&self.request.compress, self.request.threads);
        let composed =
            compose::write(&chain, (&keyed.key, &keyed.domain), compress, threads, self.interrupt, create(bundle)?)?;
        let summary = &composed.written.summary;
        Ok((summary.base_id, summary.state_id))
    }
}

/// What was written.
struct Written {
    state_id: StateId,
    full: bool,
    changed: bool,
    /// Only the touched rows were read.
    is_quick: bool,
    /// The whole ledger was written, too.
    has_ledger: bool,
    unexpected: u64,
}

impl<'a> LiveExporter<'a> {
    /// The live state, and its moment if that can be told. Writers may have to wait.
    fn open(&self) -> Result<(Snapshot<'a>, Option<Mark>)> {
        let (app, request) = (self.app, self.request);
        if self.quick.is_some() {
            for _ in 0..ATTEMPTS {
                let Some(end) = LogEnd::now(app) else { break };
                let snapshot = open_in_place(app, request)?;
                let mark = snapshot.mark(&end)?;
                if mark.is_some() || !snapshot.may_have_mark() {
                    return Ok((snapshot, mark));
                }
            }
        }
        Ok((open_in_place(app, request)?, None))
    }

    /// What is known of the rows that can differ from this base, and how many bytes of pages will be read for them. `now`
    /// gets the hashes of its pages, if they are wanted and can be known.
    fn knowledge(&self, snapshot: &Snapshot<'_>, base: &Base, now: Option<&mut Mark>) -> (Knowledge, u64) {
        const ALL: u64 = u64::MAX;
        let (Some(quick), Some(now)) = (&self.quick, now) else { return (Knowledge::None, ALL) };
        let go_on = || (self.interrupt)().is_ok();
        let (mut knowledge, mut bytes) = (Knowledge::None, ALL);
        if let Base::Ledger(state, parts) = base
            && let Some(then) = quick.mark(*state)
            // In doubt, all rows are read.
            && let Ok(found) = snapshot.touched_since(then, now, &go_on)
        {
            knowledge = quick.knowledge(found.touched, parts);
            if matches!(knowledge, Knowledge::Only(_)) && found.all_bytes > SMALL {
                bytes = found.bytes;
            }
        }
        if let Some(key) = quick.key()
            && !now.has_hashes()
            && !matches!(knowledge, Knowledge::Only(_))
        {
            // Without them, the next delta is quick where the log leads to it.
            let _ = snapshot.hash_pages(now, key, &go_on);
        }
        (knowledge, bytes)
    }

    /// A delta from a ledger, or a full bundle if the ledger is of no use.
    fn export_from_ledger(
        &self,
        live: &mut Live<'_>,
        parts: &[PathBuf],
        knowledge: Knowledge,
        bundle: &Path,
        ledger: &Path,
    ) -> Result<Written> {
        let is_quick = matches!(knowledge, Knowledge::Only(_));
        let place = if is_heavy(parts) && !is_quick { Some(create(ledger)?) } else { None };
        let base = opener(&self.keyed.key, parts);
        match self.write(live, (base, knowledge), (create(bundle)?, place)) {
            Err(error) if is_of_base(&error) => {
                remove(bundle)?;
                remove(ledger)?;
                // Now all rows are read.
                live.snapshot.let_writers_go()?;
                if is_quick {
                    return self.export_from_ledger(live, parts, Knowledge::None, bundle, ledger);
                }
                self.export_from_other(live, Base::Nothing, bundle, ledger)
            }
            written => written.map(|written| Written { is_quick, ..written }),
        }
    }

    /// A delta from bundles, or a full bundle.
    fn export_from_other(&self, live: &Live<'_>, base: Base, bundle: &Path, ledger: &Path) -> Result<Written> {
        let key = &self.keyed.key;
        let base: Option<Open<'_>> = match base {
            Base::Chain(_, sources) => Some(Box::new(move || {
                let chain = Chain::open(key, sources)?;
                chain.require_complete()?;
                chain.check_tables(&chain.schema()?)?;
                chain::Base::chain(&chain)
            })),
            Base::Nothing | Base::Ledger(..) => None,
        };
        let has_base = base.is_some();
        let places = || Ok::<_, Error>((create(bundle)?, Some(create(ledger)?)));
        match self.write(live, (base, Knowledge::None), places()?) {
            Err(error) if has_base && is_of_base(&error) => {
                remove(bundle)?;
                remove(ledger)?;
                self.write(live, (None, Knowledge::None), places()?)
            }
            written => written,
        }
    }

    fn write(
        &self,
        live: &Live<'_>,
        base: (Option<Open<'_>>, Knowledge),
        places: (File, Option<File>),
    ) -> Result<Written> {
        let has_ledger = places.1.is_some();
        let threads = if matches!(base.1, Knowledge::Only(_)) { Threads::One } else { self.request.threads };
        let (written, _) = live.write(&self.keyed.domain, threads, base, self.interrupt, places)?;
        let summary = &written.summary;
        let full = summary.base_id.is_none();
        Ok(Written {
            state_id: summary.state_id,
            full,
            changed: full || summary.changes > 0,
            is_quick: false,
            has_ledger,
            unexpected: written.unexpected,
        })
    }
}

/// The function that opens a ledger. None: it has no parts.
fn opener<'a>(key: &'a AccessKey, parts: &'a [PathBuf]) -> Option<Open<'a>> {
    let (ledger, deltas) = parts.split_first()?;
    Some(Box::new(move || {
        let deltas = deltas.iter().map(|path| Ok(Box::new(BundleSource::file(path, "ledger")?) as Box<dyn Source>));
        let deltas = deltas.collect::<Result<Vec<_>>>()?;
        chain::Base::ledger_with(key, BundleSource::file(ledger, "ledger")?, deltas)
    }))
}

/// Errors after which a full bundle can help. The ledger or the chain cannot be read, is damaged, or belongs to another
/// version or another selection. If the error is about the database after all, the full bundle meets it again.
fn is_of_base(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Corrupt
            | ErrorKind::Truncated
            | ErrorKind::Unsupported
            | ErrorKind::Mismatch
            | ErrorKind::Misuse
            | ErrorKind::Host
    )
}

/// A new file of its owner alone, whatever the umask says.
fn create(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| failed("written", path, error))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("removed", path, error)),
        _ => Ok(()),
    }
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    io_error(format!("local state: '{}' cannot be {what}", path.display()), error)
}
