//! The common part of all exports: a snapshot of the live state, or of a part of it, into a bundle.
//!
//! ```text
//! options        what is exported, and how
//! base           what a delta leads on from
//! live_exporter  bundles for a save to stores
//! quick          which of them need only a part of the rows
//! file_domain    named files as a database
//! compose        a chain → one bundle
//! ```

pub(crate) mod base;
pub(crate) mod compose;
pub(crate) mod file_domain;
pub(crate) mod live_exporter;
pub(crate) mod options;
pub(crate) mod quick;

use crate::sql::interrupt::AppInterrupt;
use crate::sql::options::Compress;
use crate::work::export::base::{Bases, Before};
use crate::work::export::options::Request;
use crate::work::keyed::Keyed;
use crate::work::rebuild::scratch::{NeedReport, Verdict};
use crate::work::summary::Narrowed;
use lifeboat_core::chain::Base;
use lifeboat_core::parallel::{self, Knowledge, Making, Threads, Written};
use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Selection, Settings, Value};
use lifeboat_core::stream::Touched;
use lifeboat_core::{Domain, Error, ExportOptions, Result, StateSink};
use lifeboat_sqlite::{Connection, Snapshot, check_may_export};
use std::io::Write;

/// How much an export reports. Finding what dangles takes queries of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Only the bundle.
    Bundle,
    /// Also the effects of the selection.
    Summary,
}

/// The result of an export.
pub(crate) struct Exported<W, L> {
    /// The bundle, and the ledger of its state.
    pub written: Written<W, L>,
    /// The number of rows of the state, with those of SQLite's own tables.
    pub rows: u64,
    /// The effects of the selection, if the caller wants them.
    pub narrowed: Narrowed,
    /// The file that was at the path of the ledger.
    pub found: Before,
}

impl<W, L> Exported<W, L> {
    /// True when the state is still that of the base.
    pub fn is_unchanged(&self) -> bool {
        self.written.summary.base_id.is_some() && self.written.summary.changes == 0
    }
}

/// Writes the requested bundle. `places` gives the place of the bundle, and that of the ledger if one will be written.
/// It is called again when an attempt has failed.
///
/// # Errors
/// Mismatch for a base that does not fit; those of [`Bases`], [`Live`] and [`parallel::export`].
pub(crate) fn export<W: Write + Send, L: Write + Send>(
    app: &Connection<'_>,
    keyed: &Keyed,
    request: &Request,
    detail: Detail,
    mut places: impl FnMut() -> Result<(W, Option<L>)>,
) -> Result<Exported<W, L>> {
    let mut bases = Bases::open(app, keyed, request)?;
    let interrupt = AppInterrupt::of(app)?;
    let live = Live::open(app, request)?;
    let mut base = bases.choose()?;
    let (written, rows) = loop {
        let open = base.as_ref().map(|base| || base.open());
        match live.write(&keyed.domain, request.threads, (open, Knowledge::None), &|| interrupt.check(), places()?) {
            Ok(written) => break written,
            Err(error) => base = bases.choose_again(error, || interrupt.check())?,
        }
    };
    let narrowed = match detail {
        Detail::Bundle => Narrowed::default(),
        Detail::Summary => live.narrowed()?,
    };
    Ok(Exported { written, rows, narrowed, found: bases.found() })
}

/// # Errors
/// Misuse in an open write transaction, for a schema or table that is not there, and for a selection that makes no
/// sense; those of SQLite.
pub(crate) fn open_snapshot<'a>(app: &'a Connection<'a>, request: &Request) -> Result<Snapshot<'a>> {
    let mut snapshot = open_in_place(app, request)?;
    snapshot.let_writers_go()?;
    Ok(snapshot)
}

/// The same, but writers may have to wait for as long as the snapshot is open.
pub(crate) fn open_in_place<'a>(app: &'a Connection<'a>, request: &Request) -> Result<Snapshot<'a>> {
    check_may_export(app)?;
    if request.schema.eq_ignore_ascii_case("temp") {
        return Err(Error::misuse(
            "the schema \"temp\" is this connection's own scratch space, and not a state; name another",
        ));
    }
    Snapshot::open_in_place(app, &request.schema, Some(&request.selection))
}

/// The live state of one moment, judged and ready to be exported.
pub(crate) struct Live<'a> {
    snapshot: Snapshot<'a>,
    options: ExportOptions,
    needs: Vec<NeedReport>,
    check: Option<Verdict>,
}

impl<'a> Live<'a> {
    /// # Errors
    /// Misuse in an open write transaction, for a schema or table that is not there, and for a selection that makes no sense; those of
    /// the checks.
    pub fn open(app: &'a Connection<'a>, request: &Request) -> Result<Self> {
        Self::of(open_snapshot(app, request)?, request)
    }

    /// The same of a snapshot that is open already.
    ///
    /// # Errors
    /// Those of the checks.
    pub fn of(snapshot: Snapshot<'a>, request: &Request) -> Result<Self> {
        let schema = snapshot.schema()?;
        let needs = NeedReport::list(&snapshot.check_restorable()?);
        snapshot.check_loadable()?;
        let check = snapshot.check_source(request.check)?.map(Verdict);
        let options = packing(&request.compress, tables(&schema))?;
        Ok(Self { snapshot, options, needs, check })
    }

    /// Writes the bundle from this base; also gives the number of rows that were read.
    ///
    /// # Errors
    /// Those of [`parallel::export`].
    pub fn write<W: Write + Send, L: Write + Send>(
        &self,
        domain: &Domain,
        threads: Threads,
        (base, knowledge): (Option<impl FnOnce() -> Result<Base<'static>> + Send>, Knowledge),
        interrupt: &dyn Fn() -> Result<()>,
        (out, ledger): (W, Option<L>),
    ) -> Result<(Written<W, L>, u64)> {
        let selection = self.snapshot.selection().cloned();
        let touched = match &knowledge {
            Knowledge::Only(touched) => Some(touched.clone()),
            _ => None,
        };
        let making = Making { options: self.options.clone(), selection, base, knowledge, threads };
        let mut rows = 0;
        let written = parallel::export(domain, out, ledger, making, interrupt, |encoder| {
            rows = walk(&self.snapshot, touched.as_ref(), encoder)?;
            Ok(())
        })?;
        Ok((written, rows))
    }

    /// What the selection did, and what was found.
    ///
    /// # Errors
    /// Those of SQLite: to find what dangles takes queries of its own.
    pub fn narrowed(self) -> Result<Narrowed> {
        Ok(Narrowed {
            selection: self.snapshot.selection().map(Into::into),
            closure: self.snapshot.closure().to_vec(),
            dangling: self.snapshot.dangling()?.into_iter().map(Into::into).collect(),
            carried_empty: self.snapshot.carried_empty().to_vec(),
            left_out: self.snapshot.left_out().to_vec(),
            needs: self.needs,
            check: self.check,
        })
    }
}

/// The names of the tables in a schema.
pub(crate) fn tables(schema: &[SchemaRow]) -> impl Iterator<Item = &str> + Clone {
    schema.iter().filter(|row| row.kind == SchemaKind::Table).map(|row| row.name.as_str())
}

/// A wrong name would compress a table against the user's will, so it is an error.
pub(crate) fn packing<'t>(compress: &Compress, tables: impl Iterator<Item = &'t str> + Clone) -> Result<ExportOptions> {
    let mut options = ExportOptions::new(compress.default.into());
    for (table, packing) in &compress.tables {
        let found = tables.clone().find(|name| name.eq_ignore_ascii_case(table));
        let found = found.ok_or_else(|| {
            Error::misuse(format!("the option `compress` names {table:?}, which is not a table here"))
        })?;
        options.tables.insert(found.to_owned(), (*packing).into());
    }
    Ok(options)
}

/// Hands the state, or what was touched of it, to a sink, and counts its rows.
fn walk(snapshot: &Snapshot<'_>, touched: Option<&Touched>, sink: &mut impl StateSink) -> Result<u64> {
    let mut counted = Counted { sink, rows: 0 };
    match touched {
        None => snapshot.walk(&mut counted)?,
        Some(touched) => snapshot.walk_touched(touched, &mut counted)?,
    }
    Ok(counted.rows)
}

/// Counts the rows of a state on their way to a sink.
struct Counted<'s, S> {
    sink: &'s mut S,
    rows: u64,
}

impl<S: StateSink> StateSink for Counted<'_, S> {
    fn settings(&mut self, settings: &Settings) -> Result<()> {
        self.sink.settings(settings)
    }

    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        self.sink.schema(schema)
    }

    fn selection(&mut self, selection: &Selection) -> Result<()> {
        self.sink.selection(selection)
    }

    fn table(&mut self, name: &str) -> Result<()> {
        self.sink.table(name)
    }

    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        self.rows += 1;
        self.sink.row(key, values)
    }

    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        self.rows += rows.len() as u64;
        self.sink.system_table(name, rows)
    }
}
