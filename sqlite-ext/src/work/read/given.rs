//! The bundles that an argument names. The argument gives the bundles themselves, or they are found in stores.

use crate::files::is_one_file;
use crate::sql::arguments::{Bundle, ChainArgument, StoredBundle};
use crate::sql::interrupt::AppInterrupt;
use crate::sql::options::DEFAULT_DOMAIN;
use crate::sql::table_function::Watch;
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::{Record, RecordRef};
use lifeboat_core::{AccessKey, Error, Result, StateId};
use lifeboat_store::read::{Copies, CopyReport, CopyStore, Domain, ReadingKey, Use, Wait};
use lifeboat_store::save::{self, SystemFiles};
use lifeboat_store::{CopyName, Place, Places, Selector, date_text};
use serde::Serialize;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// Asks, on the thread of the caller, whether the application wants to stop.
pub(crate) type Ask<'a> = Rc<dyn Fn() -> bool + 'a>;

/// Bundles, and where they come from.
pub(crate) struct Given<'a> {
    pub bundles: Vec<Bundle<'a>>,
    /// The series that they were found in.
    pub series: Option<SeriesReport>,
    /// The record whose state they lead to, where a series has them.
    record: Option<Record>,
    /// What it takes to resume: only the newest state of a series can be gone on with.
    resumable: Option<Resumable>,
}

/// The newest record of a series, and the record that each copy ends with.
pub(crate) struct Resumable {
    record: Record,
    copies: Vec<(CopyStore, Option<RecordRef>)>,
}

/// What a report says about a series in stores.
#[derive(Clone, Serialize)]
pub(crate) struct SeriesReport {
    /// None: the series does not exist yet.
    number: Option<u64>,
    record: Option<String>,
    date: Option<String>,
    copies: Vec<CopyLine>,
}

/// What a report says about one copy.
#[derive(Clone, Serialize)]
pub(crate) struct CopyLine {
    #[serde(flatten)]
    store: CopyName,
    state: &'static str,
    number: Option<u64>,
    date: Option<String>,
    why: Option<String>,
}

impl From<CopyReport> for CopyLine {
    fn from(report: CopyReport) -> Self {
        Self {
            state: report.state.name(),
            number: report.newest.map(|newest| newest.number),
            date: report.date.map(date_text),
            store: report.place,
            why: report.why,
        }
    }
}

/// What stores hold for a database that may not have a series yet.
pub(crate) enum OrNew<'a> {
    /// A series of the key.
    Found(Box<Given<'a>>),
    /// Nothing.
    New(SeriesReport),
}

/// How a series is found.
pub(crate) struct Finding<'k, 'a> {
    /// None: the call has no key.
    pub key: Option<&'k ReadingKey>,
    /// The name of the series' domain, if the key has several domains.
    pub domain: Option<&'k str>,
    /// What the bundles are read for.
    pub purpose: Use,
    pub ask: Ask<'a>,
}

impl<'a> Given<'a> {
    /// Opens what the argument names. If it names stores, all copies are looked at.
    ///
    /// # Errors
    /// Misuse when stores are named but no key is given, or when the domain must be given; those of [`Copies`].
    pub fn open(argument: ChainArgument<'a>, finding: &Finding<'_, 'a>) -> Result<Self> {
        let places = match argument {
            ChainArgument::Bundles(bundles) if finding.domain.is_none() => {
                return Ok(Self { bundles, series: None, record: None, resumable: None });
            }
            ChainArgument::Bundles(_) => {
                return Err(Error::misuse("the option `domain` chooses a series in a store, and no store is named"));
            }
            ChainArgument::Stores(places) => places,
        };
        let domain = finding.domain.map_or(Domain::Only, Domain::Named);
        InStores::look(&places, domain, finding)?.open(&places, finding, &mut None)
    }

    /// Takes what a resume needs, before anything is restored.
    ///
    /// # Errors
    /// Misuse when the bundles are not in stores, or lead to an older state than the newest.
    pub fn take_resumable(&mut self) -> Result<Resumable> {
        self.resumable.take().ok_or_else(|| {
            Error::misuse(
                "the option `resume` goes on with the newest state of a series in stores; restore that, or leave the option out",
            )
        })
    }

    /// The same for the newest state in stores. If all stores answered and hold no series of the key, it gives
    /// [`OrNew::New`].
    ///
    /// # Errors
    /// As [`Given::open`]; unreachable when a copy does not answer and the others hold nothing; wrong key when the
    /// others hold only series of other keys.
    pub fn whole_or_new(
        places: &Places,
        key: &ReadingKey,
        domain: Option<&str>,
        interrupt: &'a AppInterrupt<'_>,
    ) -> Result<OrNew<'a>> {
        let ask: Ask<'a> = Rc::new(|| interrupt.check().is_err());
        let finding = Finding { key: Some(key), domain: None, purpose: Use::Whole, ask };
        // Use the name that a save would use: another series of the key is another database.
        let looked = InStores::look(places, Domain::Named(domain.unwrap_or(DEFAULT_DOMAIN)), &finding)?;
        if let Some(reports) = looked.copies.begins_anew()? {
            let copies = reports.into_iter().map(CopyLine::from).collect();
            return Ok(OrNew::New(SeriesReport { number: None, record: None, date: None, copies }));
        }
        looked.open(places, &finding, &mut None).map(|given| OrNew::Found(Box::new(given)))
    }

    /// Opens what the argument of a scalar function names, to read all of it.
    ///
    /// # Errors
    /// As [`Given::open`].
    pub fn whole(
        argument: ChainArgument<'a>,
        key: Option<&ReadingKey>,
        domain: Option<&str>,
        interrupt: &'a AppInterrupt<'_>,
    ) -> Result<Self> {
        let ask: Ask<'a> = Rc::new(|| interrupt.check().is_err());
        Self::open(argument, &Finding { key, domain, purpose: Use::Whole, ask })
    }

    /// Opens the newest state of one series, to read all of it. `seen`: the report on the series, which is set even if
    /// its bundles cannot be read.
    ///
    /// # Errors
    /// As [`Given::open`].
    pub fn of_series(
        places: &Places,
        key: &ReadingKey,
        domain: DomainId,
        interrupt: &'a AppInterrupt<'_>,
        seen: &mut Option<SeriesReport>,
    ) -> Result<Self> {
        let ask: Ask<'a> = Rc::new(|| interrupt.check().is_err());
        let finding = Finding { key: Some(key), domain: None, purpose: Use::Whole, ask };
        InStores::look(places, Domain::Id(domain), &finding)?.open(places, &finding, seen)
    }

    /// Opens what the argument names. It stays open as long as a statement takes rows.
    ///
    /// # Errors
    /// As [`Given::open`].
    pub fn watched(argument: ChainArgument<'a>, key: &AccessKey, watch: &Watch) -> Result<Self> {
        let (watch, key) = (watch.clone(), ReadingKey::Access(key.clone()));
        let ask: Ask<'a> = Rc::new(move || watch.check().is_err());
        Self::open(argument, &Finding { key: Some(&key), domain: None, purpose: Use::Parts, ask })
    }

    /// Checks that the bundles lead to the state that the record names.
    ///
    /// # Errors
    /// Corrupt.
    pub fn check_state(&self, found: StateId) -> Result<()> {
        match self.record.as_ref().map(|record| record.entry().state_id) {
            Some(state) if state != found => Err(Error::corrupt(format!(
                "the bundles of the series lead to the state {found}, and its record names {state}"
            ))),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// Misuse: a store gives only bytes that are proved.
    pub fn refuse_salvage(argument: &ChainArgument<'_>, salvage: bool) -> Result<()> {
        match argument {
            ChainArgument::Stores(_) if salvage => Err(Error::misuse(
                "a store gives only what is proved; to salvage a damaged object of a copy, give the paths of its files",
            )),
            _ => Ok(()),
        }
    }
}

impl Resumable {
    /// From now on, the database with this local state saves to the series. The database is restored already.
    ///
    /// # Errors
    /// Those of [`save::resume`].
    pub fn resume(&self, local: &Path) -> Result<()> {
        save::resume(&SystemFiles, local, &self.record, &self.copies)
            .map_err(|error| error.at("the database is restored; its local state is not there, so that a save asks"))
    }
}

/// A series in stores, whose copies were looked at.
struct InStores {
    stores: Vec<CopyStore>,
    copies: Copies,
}

impl InStores {
    /// Looks at all copies of the series of this domain.
    ///
    /// # Errors
    /// Misuse without a key; those of [`Copies::open`].
    fn look(places: &Places, domain: Domain<'_>, finding: &Finding<'_, '_>) -> Result<Self> {
        let key = finding.key.ok_or_else(|| {
            Error::misuse(
                "a store holds the series of many keys; give a key that reads, or the verify key of the series",
            )
        })?;
        let stores = open_copies(places)?;
        let copies = finding.wait(|wait| Copies::open(stores.clone(), key, domain, wait))?;
        Ok(Self { stores, copies })
    }

    /// Opens the bundles of the chosen state. `seen`: the report on the series, which is set even if its bundles cannot be
    /// read.
    ///
    /// # Errors
    /// Those of [`Copies::select`] and [`Copies::open_path`].
    fn open<'a>(
        self,
        places: &Places,
        finding: &Finding<'_, 'a>,
        seen: &mut Option<SeriesReport>,
    ) -> Result<Given<'a>> {
        let Self { stores, mut copies } = self;
        let record = finding.wait(|wait| copies.select(places.selector(), wait))?;
        let opened = finding.wait(|wait| copies.open_path(&record, finding.purpose, wait));
        let reports = copies.reports();
        let ends: Vec<_> = reports.iter().map(|report| report.newest).collect();
        let series = SeriesReport {
            number: Some(record.entry().number),
            record: Some(record.reference().hash.to_string()),
            date: copies.sealed(&record).and_then(|sealed| sealed.date).map(date_text),
            copies: reports.into_iter().map(CopyLine::from).collect(),
        };
        *seen = Some(series.clone());
        let readers = opened?.readers().into_iter();
        let bundles = readers.map(|reader| Bundle::Stored(StoredBundle { reader, ask: finding.ask.clone() })).collect();
        let is_newest = copies.newest().is_some_and(|newest| newest.reference() == record.reference());
        let copies = stores.into_iter().zip(ends).collect();
        let resumable = is_newest.then(|| Resumable { record: record.clone(), copies });
        Ok(Given { bundles, series: Some(series), record: Some(record), resumable })
    }
}

impl Finding<'_, '_> {
    /// Does work that waits for stores.
    fn wait<T>(&self, work: impl FnOnce(&Wait<'_>) -> Result<T>) -> Result<T> {
        work(&Wait { patience: Wait::PATIENCE, interrupted: &|| (self.ask)() })
    }
}

/// Checks that this directory is no store.
///
/// # Errors
/// Misuse; `why` says what the directory is for.
pub(crate) fn refuse_store(places: &Places, directory: &Path, why: &str) -> Result<()> {
    let is_it = |place: &&Place| matches!(place, Place::Dir(path) if is_one_file(path, directory));
    match places.places().iter().find(is_it) {
        Some(Place::Dir(path)) => Err(Error::misuse(format!("'{}' is {why}", path.display()))),
        _ => Ok(()),
    }
}

/// Checks that no state is chosen behind the name of a store.
///
/// # Errors
/// Misuse; `why` says what the function does instead.
pub(crate) fn refuse_selector(places: &Places, why: &str) -> Result<()> {
    match places.selector() {
        Selector::Newest => Ok(()),
        _ => Err(Error::misuse(format!("{why} leave out the selector behind the store"))),
    }
}

/// The stores, each with the caller's name for it. Nothing is connected yet.
///
/// # Errors
/// Those of [`Place::open`](lifeboat_store::Place::open).
pub(crate) fn open_copies(places: &Places) -> Result<Vec<CopyStore>> {
    places.places().iter().zip(places.names()).map(|(place, name)| open_copy(place, name)).collect()
}

/// One of them.
///
/// # Errors
/// As [`open_copies`].
pub(crate) fn open_copy(place: &Place, name: CopyName) -> Result<CopyStore> {
    let store = place.open().map_err(|error| error.at(&name))?;
    Ok(CopyStore { name, store: Arc::from(store) })
}
