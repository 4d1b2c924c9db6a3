//! The common part of all exports: a snapshot of the live state, or of a part of it, into a bundle.

use crate::sql::interrupt::AppInterrupt;
use crate::sql::options::Compress;
use crate::work::base::{Bases, Before, Choice};
use crate::work::export_options::Request;
use crate::work::keyed::Keyed;
use crate::work::scratch::{NeedReport, Verdict};
use crate::work::summary::Narrowed;
use lifeboat_core::parallel::{self, Making, Written};
use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Selection, Settings, Value};
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
/// Misuse in an open write transaction, for a schema or table that does not exist, and for a selection that makes no
/// sense; mismatch for a base that does not fit; those of [`Bases`] and [`parallel::export`].
pub(crate) fn export<W: Write + Send, L: Write + Send>(
    app: &Connection<'_>,
    keyed: &Keyed,
    request: &Request,
    detail: Detail,
    mut places: impl FnMut() -> Result<(W, Option<L>)>,
) -> Result<Exported<W, L>> {
    check_may_export(app)?;
    if request.schema.eq_ignore_ascii_case("temp") {
        return Err(Error::misuse(
            "the schema \"temp\" is this connection's own scratch space, and not a state; name another",
        ));
    }
    let mut bases = Bases::open(app, keyed, request)?;
    let interrupt = AppInterrupt::of(app)?;
    let snapshot = Snapshot::open_selected(app, &request.schema, Some(&request.selection))?;
    let schema = snapshot.schema()?;
    let needs = NeedReport::list(&snapshot.check_restorable()?);
    snapshot.check_loadable()?;
    let check = snapshot.check_source(request.check)?;
    let options = packing(&request.compress, tables(&schema))?;
    let mut base = bases.choose()?;
    let (written, rows) = loop {
        let places = places()?;
        match attempt(&keyed.domain, request, &options, &snapshot, base.as_ref(), &interrupt, places) {
            Ok(written) => break written,
            Err(error) => base = bases.choose_again(error, || interrupt.check())?,
        }
    };
    let narrowed = match detail {
        Detail::Bundle => Narrowed::default(),
        Detail::Summary => Narrowed {
            needs,
            check: check.map(Verdict),
            selection: snapshot.selection().map(Into::into),
            dangling: snapshot.dangling()?.into_iter().map(Into::into).collect(),
            carried_empty: snapshot.carried_empty().to_vec(),
            left_out: snapshot.left_out().to_vec(),
        },
    };
    Ok(Exported { written, rows, narrowed, found: bases.found() })
}

/// Exports from this base; also gives the number of rows.
fn attempt<W: Write + Send, L: Write + Send>(
    domain: &Domain,
    request: &Request,
    options: &ExportOptions,
    snapshot: &Snapshot<'_>,
    base: Option<&Choice>,
    interrupt: &AppInterrupt<'_>,
    (out, ledger): (W, Option<L>),
) -> Result<(Written<W, L>, u64)> {
    let mut rows = 0;
    let selection = snapshot.selection().cloned();
    let base = base.map(|base| || base.open());
    let making = Making { options: options.clone(), selection, base, threads: request.threads };
    let written = parallel::export(domain, out, ledger, making, &|| interrupt.check(), |encoder| {
        rows = walk(snapshot, encoder)?;
        Ok(())
    })?;
    Ok((written, rows))
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

/// Hands the state to a sink, and counts its rows.
fn walk(snapshot: &Snapshot<'_>, sink: &mut impl StateSink) -> Result<u64> {
    let mut counted = Counted { sink, rows: 0 };
    snapshot.walk(&mut counted).map(|()| counted.rows)
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
