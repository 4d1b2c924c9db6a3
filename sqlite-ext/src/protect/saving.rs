//! One save of a protected database, on a connection of its own.

use super::fork;
use super::protected::Protected;
use super::worker::{Job, stop};
use crate::sql::host::Host;
use crate::sql::redact::redact;
use crate::work::export::live_exporter::LiveExporter;
use crate::work::export::quick::Quick;
use crate::work::read::given::open_copy;
use crate::work::saving::{database_bytes, now, sealed};
use crate::work::summary::Narrowed;
use lifeboat_core::chain::Source;
use lifeboat_core::{Error, Result, StateId};
use lifeboat_store::events::{Events, Kind, Level, Presence};
use lifeboat_store::save::{Base, CopyState, CopyStore, Exported, Exporter, Save, SaveSummary, SystemFiles};
use lifeboat_store::{Cancel, Place};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long another process's save is waited for at a time.
const TURN: Duration = Duration::from_secs(2);

/// For how many milliseconds a lock of the database is waited for.
const LOCK: u32 = 1_000;

/// How often events are sent while nothing is saved.
const DELIVER: Duration = Duration::from_secs(30);

/// How long a save kept this machine busy.
#[derive(Default)]
pub(super) struct Work(pub Duration);

/// Saves one database again and again.
pub(super) struct Saver {
    job: Job,
    /// The stores that are reached over a network: they keep their connections between saves.
    kept: Vec<(Place, CopyStore)>,
    /// What makes its deltas quick.
    quick: Quick,
    /// The last save succeeded.
    is_well: bool,
    /// When events were sent last.
    delivered: Instant,
}

impl Saver {
    pub fn new(job: Job) -> Self {
        let quick = Quick::new(job.read_all_every);
        Self { job, kept: Vec::new(), quick, is_well: false, delivered: Instant::now() }
    }

    /// The log of events. That it cannot be written hinders no save, which says so in its own status.
    fn events<'s>(&'s self, protected: &'s Protected) -> Events<'s> {
        Events { files: &SystemFiles, local: &protected.local, settings: &self.job.events, now: now().as_secs() }
    }

    /// When all rows were read last, and how many saves were quick since then.
    pub fn read_all(&self) -> (Option<u64>, u64) {
        (self.quick.walked_at(), self.quick.count())
    }

    /// Sends the events that wait, if somebody wants them.
    pub fn deliver(&mut self, protected: &Protected) {
        self.delivered = Instant::now();
        let delivered = self.events(protected).deliver(self.is_well, Events::TIME, &|| protected.is_interrupted());
        protected.lock().notify = delivered;
    }

    /// The same now and then. The heartbeat goes on, as long as all is saved.
    pub fn deliver_later(&mut self, protected: &Protected) {
        if self.job.events.notify.is_some() && self.delivered.elapsed() >= DELIVER {
            self.deliver(protected);
        }
    }

    /// A save failed. Nobody called it, so nobody has its error: the log has to tell, also where the save itself could not.
    pub fn failed(&self, protected: &Protected, error: &Error) {
        // If it cannot be written, the status still says it.
        let _ = self.events(protected).not_saved(&self.domain(), error.kind(), &redact(error.message()));
    }

    /// This process does not save the commits any more. That is told, unless another one does.
    pub fn unprotected(&mut self, protected: &Protected, presence: Presence<'_>, level: Level, why: &str) {
        if !presence.ends_as_last() {
            return;
        }
        let (of, events) = (self.domain(), self.events(protected));
        let about = [("domain", of.as_str()), ("why", why)];
        let about = about.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        // If it cannot be written, the status still says it.
        let _ = events.begin(Kind::Unprotected, level, &of, about);
        // Nobody does it later.
        events.deliver(false, Events::TIME, &|| false);
    }

    /// They are saved again.
    pub fn protected_again(&self, protected: &Protected) {
        let _ = self.events(protected).end(Kind::Unprotected, &self.domain());
    }

    fn domain(&self) -> String {
        self.job.keyed.domain.id().to_string()
    }

    /// Saves the state of the last commit. `work` gets how long this kept the machine busy, also after an error.
    ///
    /// # Errors
    /// Those of [`Save::run`]; interrupted when the thread shall stop, or a caller waits for its turn.
    pub fn save(&mut self, protected: &Arc<Protected>, work: &mut Work) -> Result<SaveSummary> {
        let saved = self.try_save(protected, work);
        self.is_well = saved.is_ok();
        let missed = self.quick.take_missed();
        if missed > 0 {
            let about = [("domain", self.domain().into()), ("rows", missed.into())];
            let about = about.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            // If it cannot be written, the rows are saved all the same.
            let _ = self.events(protected).once(Kind::RowsMissed, Level::Failure, about);
        }
        // What does not hold the state is opened anew by the next attempt, which reads credentials again.
        let holds_it = |copy: &CopyStore| {
            let of = |summary: &SaveSummary| {
                summary.copies.iter().any(|of| of.store == copy.name && of.state == CopyState::Done)
            };
            saved.as_ref().is_ok_and(of)
        };
        self.kept.retain(|(_, copy)| holds_it(copy));
        saved
    }

    fn try_save(&mut self, protected: &Arc<Protected>, work: &mut Work) -> Result<SaveSummary> {
        let copies = self.copies()?;
        let Job { place, keyed, request, minimum, patience, writer, label, .. } = &self.job;
        let inside = fork::enter();
        let connection = place.open(Host::get().api, stop(protected))?;
        // In a rollback mode a commit of somebody else may be under way.
        connection.busy_timeout(LOCK)?;
        let details = sealed(&connection, &request.schema, None, writer.clone(), label.clone())?;
        let bytes = database_bytes(&connection, &request.schema)?;
        drop(inside);
        let save = Save {
            copies,
            minimum: *minimum,
            local: &protected.local,
            files: &SystemFiles,
            keys: &keyed.domain,
            details,
            go_on: None,
            add: false,
            patience: *patience,
            grace: Save::GRACE,
            turn: TURN,
            cancel: Cancel::never(),
            database_bytes: bytes,
            events: &self.job.events,
            now: now().as_secs(),
        };
        let interrupt = || {
            if protected.is_interrupted() {
                save.cancel.interrupt();
                return Err(Error::interrupted("the protection ends, or somebody else saves"));
            }
            fork::step_aside();
            Ok(())
        };
        let exporter = LiveExporter {
            app: &connection,
            keyed,
            request,
            interrupt: &interrupt,
            narrowed: Narrowed::default(),
            quick: Some(&mut self.quick),
        };
        let mut exporter = Counted { exporter, protected, work };
        protected.set_storing(true);
        let saved = save.run(&mut exporter, &|| protected.is_interrupted());
        protected.set_storing(false);
        let _inside = fork::enter();
        drop(connection);
        saved
    }

    /// The stores. A removable volume may be another one each time, so those on this machine are opened anew.
    fn copies(&mut self) -> Result<Vec<CopyStore>> {
        let mut copies = Vec::new();
        for (place, name) in &self.job.copies {
            let kept = self.kept.iter().find(|(of, _)| of == place);
            let copy = kept.map_or_else(|| open_copy(place, name.clone()), |(_, copy)| Ok(copy.clone()))?;
            if matches!(place, Place::S3(_)) && kept.is_none() {
                self.kept.push((place.clone(), copy.clone()));
            }
            copies.push(copy);
        }
        Ok(copies)
    }
}

/// Counts the time of an exporter, and tells that it works.
struct Counted<'a> {
    exporter: LiveExporter<'a>,
    protected: &'a Protected,
    work: &'a mut Work,
}

impl Counted<'_> {
    fn count<T>(&mut self, body: impl FnOnce(&mut dyn Exporter) -> Result<T>) -> Result<T> {
        let began = Instant::now();
        let inside = fork::enter();
        self.protected.set_storing(false);
        let done = body(&mut self.exporter);
        self.protected.set_storing(true);
        drop(inside);
        self.work.0 += began.elapsed();
        done
    }
}

impl Exporter for Counted<'_> {
    fn state_id(&mut self) -> Result<StateId> {
        self.count(|exporter| exporter.state_id())
    }

    fn export(&mut self, base: Base, bundle: &Path, ledger: &Path) -> Result<Exported> {
        self.count(|exporter| exporter.export(base, bundle, ledger))
    }

    fn compose(&mut self, deltas: Vec<Box<dyn Source + '_>>, bundle: &Path) -> Result<(Option<StateId>, StateId)> {
        self.count(|exporter| exporter.compose(deltas, bundle))
    }
}
