//! The interface of `wit/recovery.wit`, in terms of this crate. There are only conversions here.

use super::bindings::exports::lifeboat::recovery::recovery as wit;
use super::{bindings, losses, memory};
use crate::{Batch, Built, Cell, Checking, Database, Inspection, Layout, Rescue, Row, Rows, Store};
use lifeboat_core::keys::VerifyKey;
use lifeboat_core::limits::{STATE_REVISION, SUITE};
use lifeboat_core::state::{SchemaKind, SchemaRow, Selection, TextEncoding};
use lifeboat_core::{Error, ErrorKind, PublicReport, Report, Result};
use lifeboat_sqlite::{Api, linked_api};
use sqlite_wasm_rs as _;
use std::cell::RefCell;
use zeroize::Zeroizing;

struct Component;

bindings::export!(Component with_types_in bindings);

impl wit::Guest for Component {
    type Audit = Shared<Checking>;
    type Inspection = Shared<Inspection>;
    type Database = Shared<Database>;
    type Rows = Shared<Rows>;
    type Salvage = Shared<Rescue>;
    type Copies = Shared<Store>;

    fn check_links(bundles: Vec<wit::Report>) -> Result<(), wit::Error> {
        memory::prepare()?;
        let reports = bundles.iter().map(PublicReport::try_from).collect::<Result<Vec<_>>>()?;
        Ok(lifeboat_core::chain::check_links(&reports)?)
    }
}

/// A resource. Its methods get a shared reference, one method at a time.
pub(super) struct Shared<T>(RefCell<T>);

impl<T> Shared<T> {
    pub(super) fn new(inner: T) -> Self {
        Self(RefCell::new(inner))
    }

    pub(super) fn with<R, W>(
        &self,
        call: impl FnOnce(&mut T) -> Result<R>,
        convert: impl FnOnce(R) -> W,
    ) -> Result<W, wit::Error> {
        let mut inner = self.0.try_borrow_mut().map_err(|_| Error::misuse("called from within itself"))?;
        call(&mut inner).map(convert).map_err(wit::Error::from)
    }
}

fn api() -> Api {
    linked_api!()
}

impl wit::GuestAudit for Shared<Checking> {
    fn open(verify_key: Option<String>, expect: Option<String>) -> Result<wit::Audit, wit::Error> {
        memory::prepare()?;
        let checking = Checking::open(verify_key.as_deref(), expect.as_deref())?;
        Ok(wit::Audit::new(Self::new(checking)))
    }

    fn push(&self, piece: Vec<u8>) -> Result<(), wit::Error> {
        self.with(|checking| checking.push(&piece), |()| ())
    }

    fn finish(&self) -> Result<wit::Report, wit::Error> {
        self.with(
            |checking| Ok((checking.finish()?, checking.expects_signer())),
            |(report, is_expected)| public(&report, is_expected),
        )
    }
}

impl wit::GuestInspection for Shared<Inspection> {
    fn open(key: String, expect: Option<String>) -> Result<wit::Inspection, wit::Error> {
        let key = Zeroizing::new(key);
        memory::prepare()?;
        let inspection = Inspection::open(api(), &key, expect.as_deref())?;
        Ok(wit::Inspection::new(Self::new(inspection)))
    }

    fn begin_delta(&self) -> Result<(), wit::Error> {
        self.with(Inspection::begin_delta, |()| ())
    }

    fn push_delta(&self, piece: Vec<u8>) -> Result<(), wit::Error> {
        self.with(|inspection| inspection.push_delta(&piece), |()| ())
    }

    fn push(&self, piece: Vec<u8>) -> Result<(), wit::Error> {
        self.with(|inspection| inspection.push(&piece), |()| ())
    }

    fn finish(&self) -> Result<wit::Summary, wit::Error> {
        self.with(Inspection::finish, wit::Summary::from)
    }
}

impl wit::GuestDatabase for Shared<Database> {
    fn open(key: String, expect: Option<String>, layout: Option<wit::Layout>) -> Result<wit::Database, wit::Error> {
        let key = Zeroizing::new(key);
        memory::prepare()?;
        let database = Database::open(api(), &key, expect.as_deref(), layout_of(layout))?;
        Ok(wit::Database::new(Self::new(database)))
    }

    fn begin_delta(&self) -> Result<(), wit::Error> {
        self.with(Database::begin_delta, |()| ())
    }

    fn push_delta(&self, piece: Vec<u8>) -> Result<(), wit::Error> {
        self.with(|database| database.push_delta(&piece), |()| ())
    }

    fn push(&self, piece: Vec<u8>) -> Result<(), wit::Error> {
        self.with(|database| database.push(&piece), |()| ())
    }

    fn finish(&self) -> Result<wit::Recovered, wit::Error> {
        self.with(Database::finish, |recovered| wit::Recovered {
            summary: recovered.report.into(),
            built: recovered.built.into(),
        })
    }

    fn pull(&self) -> Result<Option<Vec<u8>>, wit::Error> {
        self.with(Database::pull, |piece| piece)
    }
}

impl wit::GuestRows for Shared<Rows> {
    fn open(key: String, expect: Option<String>) -> Result<wit::Rows, wit::Error> {
        let key = Zeroizing::new(key);
        memory::prepare()?;
        let rows = Rows::open(api(), &key, expect.as_deref())?;
        Ok(wit::Rows::new(Self::new(rows)))
    }

    fn begin_delta(&self) -> Result<(), wit::Error> {
        self.with(Rows::begin_delta, |()| ())
    }

    fn push_delta(&self, piece: Vec<u8>) -> Result<(), wit::Error> {
        self.with(|rows| rows.push_delta(&piece), |()| ())
    }

    fn push(&self, piece: Vec<u8>) -> Result<(), wit::Error> {
        self.with(|rows| rows.push(&piece), |()| ())
    }

    fn next(&self) -> Result<Option<wit::Batch>, wit::Error> {
        self.with(Rows::next, |batch| batch.map(wit::Batch::from))
    }

    fn pull(&self) -> Result<Option<Vec<u8>>, wit::Error> {
        self.with(Rows::pull, |piece| piece)
    }

    fn finish(&self) -> Result<wit::Summary, wit::Error> {
        self.with(Rows::finish, wit::Summary::from)
    }
}

fn layout_of(layout: Option<wit::Layout>) -> Layout {
    layout.map_or_else(Layout::default, |wit::Layout { page_size, skip_indexes }| Layout { page_size, skip_indexes })
}

/// A number for the interface. No chain and no bundle has more items than this type can count.
pub(super) fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl wit::GuestSalvage for Shared<Rescue> {
    fn open(key: String) -> Result<wit::Salvage, wit::Error> {
        let key = Zeroizing::new(key);
        memory::prepare()?;
        Ok(wit::Salvage::new(Self::new(Rescue::open(api(), &key)?)))
    }

    fn begin_bundle(&self) -> Result<(), wit::Error> {
        self.with(Rescue::begin_bundle, |()| ())
    }

    fn push(&self, piece: Vec<u8>) -> Result<(), wit::Error> {
        self.with(|rescue| rescue.push(&piece), |()| ())
    }

    fn finish(&self) -> Result<wit::Salvaged, wit::Error> {
        self.with(|rescue| rescue.finish(losses::missing), wit::Salvaged::from)
    }

    fn next(&self) -> Result<Option<wit::Batch>, wit::Error> {
        self.with(Rescue::next, |batch| batch.map(wit::Batch::from))
    }

    fn pull(&self) -> Result<Option<Vec<u8>>, wit::Error> {
        self.with(Rescue::pull, |piece| piece)
    }

    fn build(&self, layout: Option<wit::Layout>) -> Result<wit::SalvagedDatabase, wit::Error> {
        self.with(
            |rescue| rescue.build(layout_of(layout)),
            |database| wit::SalvagedDatabase {
                built: database.built.into(),
                foreign_key_check: losses::listed(database.foreign_keys),
            },
        )
    }

    fn pull_file(&self) -> Result<Option<Vec<u8>>, wit::Error> {
        self.with(Rescue::pull_file, |piece| piece)
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::WrongKey => wit::ErrorKind::WrongKey,
            ErrorKind::Corrupt => wit::ErrorKind::Corrupt,
            ErrorKind::Truncated => wit::ErrorKind::Truncated,
            ErrorKind::Unsupported => wit::ErrorKind::Unsupported,
            ErrorKind::TooBig => wit::ErrorKind::TooBig,
            ErrorKind::Misuse => wit::ErrorKind::Misuse,
            ErrorKind::Mismatch => wit::ErrorKind::Mismatch,
            // In the component, nobody else holds a lock, nobody interrupts, and there is no
            // network.
            _ => wit::ErrorKind::Host,
        };
        Self {
            kind,
            text: error.message().to_owned(),
            bundle: error.bundle().map(number),
            position: error.position().map(|at| wit::Position { item: number(at.item), offset: at.offset }),
        }
    }
}

impl From<Built> for wit::Built {
    fn from(built: Built) -> Self {
        Self {
            size: built.size,
            expression_indexes: built.rebuilt.expression_indexes,
            partial_indexes: built.rebuilt.partial_indexes,
            stored_columns: built.rebuilt.stored_columns,
            left_out: built.rebuilt.left_out,
            sqlite_version: built.sqlite_version,
        }
    }
}

fn public(report: &PublicReport, authentic: bool) -> wit::Report {
    wit::Report {
        state_revision: STATE_REVISION.into(),
        suite: SUITE.into(),
        state_id: report.state_id.to_string(),
        base_id: report.base_id.map(|id| id.to_string()),
        domain_id: report.domain_id.to_string(),
        verify_key: report.verify_key.to_string(),
        authentic,
        size: report.length,
        chunks: report.chunks,
    }
}

impl TryFrom<&wit::Report> for PublicReport {
    type Error = Error;

    fn try_from(report: &wit::Report) -> Result<Self> {
        Ok(Self {
            domain_id: report.domain_id.parse()?,
            base_id: report.base_id.as_deref().map(str::parse).transpose()?,
            state_id: report.state_id.parse()?,
            verify_key: VerifyKey::from_text(&report.verify_key)?,
            length: report.size,
            chunks: report.chunks,
        })
    }
}

impl From<Selection> for wit::Selection {
    fn from(selection: Selection) -> Self {
        let condition = |(table, sql)| wit::Condition { table, sql };
        Self {
            tables: selection.tables,
            exclude: selection.exclude,
            conditions: selection.conditions.into_iter().map(condition).collect(),
            cache: selection.cache,
        }
    }
}

impl From<SchemaRow> for wit::SchemaObject {
    fn from(row: SchemaRow) -> Self {
        Self {
            kind: match row.kind {
                SchemaKind::Table => wit::SchemaKind::Table,
                SchemaKind::Index => wit::SchemaKind::Index,
                SchemaKind::View => wit::SchemaKind::View,
                SchemaKind::Trigger => wit::SchemaKind::Trigger,
            },
            name: row.name,
            table: row.table,
            sql: row.sql,
        }
    }
}

pub(super) fn tables(tables: Vec<(String, u64)>) -> Vec<wit::Table> {
    tables.into_iter().map(|(name, rows)| wit::Table { name, rows }).collect()
}

impl From<Report> for wit::Summary {
    fn from(report: Report) -> Self {
        Self {
            // Each key that opens the bundle also gives the domain's verify key, and the core has
            // compared the two.
            report: public(&report.public, true),
            bundles: report.bundles.iter().map(|bundle| public(bundle, true)).collect(),
            domain: report.domain,
            domain_proven: report.domain_is_proven,
            application_id: report.settings.application_id,
            user_version: report.settings.user_version,
            encoding: report.settings.encoding.into(),
            schema: report.schema.into_iter().map(wit::SchemaObject::from).collect(),
            tables: tables(report.tables),
            selection: report.selection.map(wit::Selection::from),
        }
    }
}

impl From<TextEncoding> for wit::Encoding {
    fn from(encoding: TextEncoding) -> Self {
        match encoding {
            TextEncoding::Utf8 => Self::Utf8,
            TextEncoding::Utf16le => Self::Utf16le,
            TextEncoding::Utf16be => Self::Utf16be,
        }
    }
}

impl From<Batch> for wit::Batch {
    fn from(batch: Batch) -> Self {
        let row =
            |row: Row| wit::Row { rowid: row.rowid, values: row.values.into_iter().map(wit::Value::from).collect() };
        Self {
            table: batch.table,
            columns: batch.columns,
            encoding: batch.encoding.into(),
            rows: batch.rows.into_iter().map(row).collect(),
        }
    }
}

impl From<Cell> for wit::Value {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Integer(integer) => Self::Integer(integer),
            Cell::Real(real) => Self::Real(real),
            Cell::Text(text) => Self::Text(text),
            Cell::Blob(bytes) => Self::Blob(bytes),
            Cell::IllFormed(encoding, bytes) => {
                Self::IllFormedText(wit::StoredText { encoding: encoding.into(), bytes })
            }
            Cell::Long(encoding, length) => {
                Self::Long(wit::LongValue { text: encoding.map(wit::Encoding::from), length })
            }
        }
    }
}
