//! What a damaged chain still proves: rows of its last state, and what is missing.

use crate::chain::links::{check_length, check_links, incomplete};
use crate::chain::overlay::with_row;
use crate::chain::rows::StoredRow;
use crate::chain::source::Source;
use crate::crypto::id::{DomainId, StateId};
use crate::crypto::key::AccessKey;
use crate::error::{Error, Result};
use crate::read::reader::PublicReport;
use crate::read::state_output::Output;
use crate::salvage::hole::{Edge, Hole, Why};
use crate::salvage::merge::SoundItems;
use crate::salvage::open::{Damage, Salvaged, open};
use crate::state::selection::Selection;
use crate::state::sink::{OwnedTable, SchemaRow, Settings, StateSink, schema_from_value};
use crate::state::value::{Key, decode_key};
use std::ops::Bound;

/// A chain of bundles, some of which may be damaged. The signature of a footer or an index proves the rest.
///
/// All that it gives is part of the state that the chain leads to. It may not be all of that state, so it claims no
/// state id.
pub struct Salvage<'s> {
    bundles: Vec<Salvaged<'s>>,
}

/// A report on what was salvaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalvageReport {
    /// The name that the maker of the last bundle gave its domain. None where that is damaged.
    pub domain: Option<String>,
    /// Whether the domain has this name. None: only the holder of the recovery key can tell.
    pub domain_is_proven: Option<bool>,
    /// The settings of the state.
    pub settings: Settings,
    /// The schema of the state.
    pub schema: Vec<SchemaRow>,
    /// The part of a database that the state is. None for a whole database, or where the selection is missing.
    pub selection: Option<Selection>,
    /// The tables whose rows came back, and how many; `sqlite_sequence` and `sqlite_stat*` included.
    pub tables: Vec<(String, u64)>,
    /// The domain.
    pub domain_id: DomainId,
    /// The id of what was handed on, as if that were a whole state. A database that was built of it has this id. It is
    /// only for comparing these two: nobody exported a state with this id, and it is shown to nobody.
    pub proof: StateId,
}

/// A range of the state that damaged chunks may hold. Of this range nothing is given, except what a later bundle
/// proves.
pub struct Missing<'a> {
    /// The number of the bundle in its chain, from 1.
    pub bundle: usize,
    /// The number of the damaged item in the bundle, as errors count it: 1 is the first chunk.
    pub item: usize,
    /// How many items are damaged there, one after the other.
    pub items: usize,
    /// The offset of the first of them.
    pub offset: u64,
    /// What happened to it.
    pub why: &'static str,
    hole: &'a Hole,
}

/// The owner of the missing items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingPart<'a> {
    /// The settings.
    Settings,
    /// The schema.
    Schema,
    /// The selection.
    Selection,
    /// Rows of this table.
    Table(&'a str),
}

/// What a range is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingRange<'a> {
    /// This part, which is no table.
    Part(MissingPart<'a>),
    /// Rows of one table, whose keys [`Missing::from_key`] and [`Missing::to_key`] tell.
    Table(&'a str),
    /// All between two places. None: from the beginning of the state, up to its end.
    Between(Option<MissingPart<'a>>, Option<MissingPart<'a>>),
}

/// As many ranges are listed at most where all are shown: more of them say no more.
pub const LISTED_MAX: usize = 10_000;

impl<'a> Missing<'a> {
    /// What it is about.
    pub fn range(&self) -> MissingRange<'a> {
        match (self.from(), self.to()) {
            (Some(MissingPart::Table(from)), Some(MissingPart::Table(to))) if from == to => MissingRange::Table(from),
            (Some(from), Some(to)) if from == to => MissingRange::Part(from),
            (from, to) => MissingRange::Between(from, to),
        }
    }

    /// Where the range begins. None at the beginning of the state.
    pub fn from(&self) -> Option<MissingPart<'a>> {
        self.hole.from.as_ref().map(part)
    }

    /// Where the range ends. None at the end of the state.
    pub fn to(&self) -> Option<MissingPart<'a>> {
        self.hole.to.as_ref().map(part)
    }

    /// Rows are missing from this key on. None: from the beginning of the table. The key may be cut: then it has the
    /// first values of a primary key, and the first bytes of a long text or blob.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn from_key<T>(&self, take: impl FnOnce(Option<Key<'_>>) -> Result<T>) -> Result<T> {
        key_of(self.hole.from.as_ref(), take)
    }

    /// Rows are missing up to this key, with all keys that begin with it. None: up to the end of the table. The key may
    /// be cut.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn to_key<T>(&self, take: impl FnOnce(Option<Key<'_>>) -> Result<T>) -> Result<T> {
        key_of(self.hole.to.as_ref(), take)
    }
}

fn part(edge: &Edge) -> MissingPart<'_> {
    match &edge.table {
        OwnedTable::Settings => MissingPart::Settings,
        OwnedTable::Schema => MissingPart::Schema,
        OwnedTable::Selection => MissingPart::Selection,
        OwnedTable::Named(name) => MissingPart::Table(name),
    }
}

fn key_of<T>(edge: Option<&Edge>, take: impl FnOnce(Option<Key<'_>>) -> Result<T>) -> Result<T> {
    match edge.and_then(|edge| edge.bound.as_deref().filter(|_| !edge.table.as_table().is_one_item())) {
        Some(bound) => take(Some(decode_key(bound, &mut Vec::new())?)),
        None => take(None),
    }
}

/// The proved rows of one table, in key order.
pub struct SalvagedRows<'s>(SoundItems<'s>);

impl SalvagedRows<'_> {
    /// The next row. None at the end. A table of SQLite's own has one, with all of its rows.
    ///
    /// # Errors
    /// Corrupt for bundles that no exporter makes; those of the sources.
    #[allow(clippy::should_implement_trait)] // It can fail.
    pub fn next(&mut self) -> Result<Option<StoredRow>> {
        Ok(self.0.next()?.map(StoredRow::from))
    }
}

impl<'s> Salvage<'s> {
    /// Opens a chain, oldest bundle first, and reads all of it once to tell which chunks are sound.
    ///
    /// # Errors
    /// Those of [`Chain::open`](crate::chain::Chain::open) for a bundle that proves nothing; mismatch when the chain
    /// does not begin with a full bundle; those of the sources and of `interrupt`, which is called now and then.
    pub fn open(
        key: impl Into<AccessKey>,
        sources: impl IntoIterator<Item = impl Source + 's>,
        mut interrupt: impl FnMut() -> Result<()>,
    ) -> Result<Self> {
        let key = &key.into();
        let sources: Vec<_> = sources.into_iter().collect();
        check_length(sources.len())?;
        let several = sources.len() > 1;
        let mut bundles = Vec::new();
        for (number, source) in (1..).zip(sources) {
            let opened = open(key, Box::new(source), &mut interrupt);
            bundles.push(opened.map_err(|error| if several { error.in_bundle(number) } else { error })?);
        }
        let reports: Vec<PublicReport> = bundles.iter().map(|salvaged| salvaged.bundle.public().clone()).collect();
        check_links(&reports)?;
        match reports.first() {
            None => Err(Error::misuse("the chain is empty; give at least one bundle")),
            Some(first) => match first.base_id {
                Some(base) => Err(incomplete(base, reports.len())),
                None => Ok(Self { bundles }),
            },
        }
    }

    /// The missing ranges, bundle by bundle.
    pub fn missing(&self) -> impl Iterator<Item = Missing<'_>> {
        (1..).zip(&self.bundles).flat_map(|(number, salvaged)| {
            salvaged.holes.iter().map(move |hole| {
                let (first, last) = hole.items;
                Missing {
                    bundle: number,
                    item: first,
                    items: last - first + 1,
                    offset: salvaged.bundle.position(first).offset,
                    why: match hole.why {
                        Why::Damaged => "these bytes are not what the exporter wrote",
                        Why::PartDamaged => "a part of this large row is not what the exporter wrote",
                        Why::Unknown => {
                            "these bytes are not what the exporter wrote, nor is the index, which would tell what they held"
                        }
                    },
                    hole,
                }
            })
        })
    }

    /// The damaged parts of each bundle, oldest first.
    pub fn damage(&self) -> Vec<Damage> {
        self.bundles.iter().map(|salvaged| salvaged.damage).collect()
    }

    /// The number of bytes of all bundles together.
    pub fn length(&self) -> u64 {
        self.bundles.iter().map(|salvaged| salvaged.bundle.public().length).sum()
    }

    /// The name of the domain in the last bundle. None where its index is damaged.
    pub fn domain(&self) -> Option<&str> {
        self.bundles.last().filter(|last| last.is_indexed).map(|last| last.bundle.domain())
    }

    /// The settings. None where they may be missing.
    ///
    /// # Errors
    /// As [`SalvagedRows::next`].
    pub fn settings(&self) -> Result<Option<Settings>> {
        self.item(&OwnedTable::Settings, Settings::from_value)
    }

    /// The schema. None where it may be missing.
    ///
    /// # Errors
    /// As [`SalvagedRows::next`].
    pub fn schema(&self) -> Result<Option<Vec<SchemaRow>>> {
        self.item(&OwnedTable::Schema, schema_from_value)
    }

    /// The selection. None for a whole database, or where it may be missing.
    ///
    /// # Errors
    /// As [`SalvagedRows::next`].
    pub fn selection(&self) -> Result<Option<Selection>> {
        self.item(&OwnedTable::Selection, Selection::from_value)
    }

    fn item<T>(&self, table: &OwnedTable, read: impl FnOnce(&[u8]) -> Result<T>) -> Result<Option<T>> {
        SoundItems::new(&self.bundles, table)?.next()?.map(|item| read(item.value.bytes())).transpose()
    }

    /// The tables of which sound chunks hold changes, in the order of a state. [`Salvage::rows`] tells which of them
    /// have proved rows.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.all_tables().filter_map(|table| match table {
            OwnedTable::Named(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// A list would take memory, which may be short.
    fn all_tables(&self) -> impl Iterator<Item = &OwnedTable> {
        let behind = |before: Bound<&OwnedTable>| {
            let tables = self.bundles.iter().map(|salvaged| &salvaged.bundle.tables);
            tables.filter_map(|tables| Some(tables.range((before, Bound::Unbounded)).next()?.0)).min()
        };
        std::iter::successors(behind(Bound::Unbounded), move |before| behind(Bound::Excluded(before)))
    }

    /// The proved rows of a table. None if there is no such table.
    ///
    /// # Errors
    /// As [`SalvagedRows::next`].
    pub fn rows(&self, name: &str) -> Result<SalvagedRows<'s>> {
        SoundItems::new(&self.bundles, &OwnedTable::Named(name.to_owned())).map(SalvagedRows)
    }

    /// Hands all proved items to a sink, in the order of a state.
    ///
    /// # Errors
    /// Corrupt where settings or schema are not proved: without them there is no database. [`Salvage::rows`] gives rows
    /// even then. Those of the bundles, of the sink and of `interrupt`, which is called for each row.
    pub fn walk<S: StateSink>(&self, sink: S, mut interrupt: impl FnMut() -> Result<()>) -> Result<(SalvageReport, S)> {
        let lacks = |what: &str| {
            Error::corrupt(format!(
                "the {what} may have been in a damaged chunk, so that no database can be built; the rows that are proved can \
                 still be read, table by table"
            ))
        };
        let mut out = Output::new(sink);
        for table in self.all_tables() {
            match table {
                OwnedTable::Settings => {}
                OwnedTable::Schema if out.settings.is_none() => return Err(lacks("settings")),
                OwnedTable::Schema => {}
                _ if out.schema.is_none() => return Err(lacks("schema")),
                _ => {}
            }
            let is_one_item = table.as_table().is_one_item();
            let mut begun = false;
            let mut items = SoundItems::new(&self.bundles, table)?;
            while let Some(item) = items.next()? {
                interrupt()?;
                if !std::mem::replace(&mut begun, true) {
                    out.begin(&table.as_table())?;
                }
                if is_one_item {
                    out.item(&table.as_table(), item.value.bytes(), item.digest)?
                } else {
                    with_row(&item.key.0, item.value.bytes(), |row| {
                        out.row_of_chain(row, &item.key.0, None, item.digest)
                    })
                    .map_err(Error::from)?
                }
            }
        }
        if out.settings.is_none() {
            return Err(lacks("settings"));
        }
        let last = self.bundles.last().ok_or_else(|| lacks("settings"))?;
        if out.schema.is_none() {
            return Err(lacks("schema"));
        }
        let proof = out.total.state_id(&last.bundle.keys);
        self.check_whole(last, proof)?;
        let (settings, schema) = out.take_schema()?;
        let report = SalvageReport {
            domain: self.domain().map(str::to_owned),
            domain_is_proven: last.bundle.domain_is_proven(),
            settings,
            schema,
            selection: out.selection.take(),
            tables: std::mem::take(&mut out.tables),
            domain_id: last.bundle.public().domain_id,
            proof,
        };
        Ok((report, out.sink))
    }

    /// Where nothing is missing, the items that were handed on must be the state that the last bundle names.
    fn check_whole(&self, last: &Salvaged<'_>, found: StateId) -> Result<()> {
        let is_whole = self.bundles.iter().all(|salvaged| salvaged.holes.is_empty());
        if is_whole && found != last.bundle.public().state_id {
            Err(Error::corrupt("the changes do not lead to the state that the footer names"))
        } else {
            Ok(())
        }
    }
}
