//! The report about a bundle that was made.

use crate::work::rebuild::scratch::{NeedReport, Verdict};
use lifeboat_core::BundleSummary;
use lifeboat_core::state::Selection;
use lifeboat_sqlite::Dangling;
use serde::Serialize;
use std::collections::BTreeMap;

/// The summary of an export or a composition, as JSON. Its fields come in the order of their declaration.
#[derive(Serialize)]
pub(crate) struct Summary<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    pub bytes: u64,
    pub state_id: String,
    pub domain: &'a str,
    pub verify_key: String,
    pub chunks: u64,
    pub items: u64,
    /// None where nobody can tell: for deltas that were composed without their full bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    pub base_id: Option<String>,
    pub full: bool,
    pub changes: u64,
    pub changed: bool,
    #[serde(flatten)]
    pub narrowed: Option<&'a Narrowed>,
}

impl<'a> Summary<'a> {
    /// For a bundle in this domain, of a state with this many rows.
    pub fn new(bundle: &BundleSummary, domain: &'a str, rows: Option<u64>) -> Self {
        Self {
            path: None,
            bytes: bundle.length,
            state_id: bundle.state_id.to_string(),
            domain,
            verify_key: bundle.verify_key.to_string(),
            chunks: bundle.chunks,
            items: bundle.items,
            rows,
            base_id: bundle.base_id.map(|id| id.to_string()),
            full: bundle.base_id.is_none(),
            changes: bundle.changes,
            changed: true,
            narrowed: None,
        }
    }

    /// Nothing was written, since nothing has changed.
    pub fn unwritten(self) -> Self {
        Self { bytes: 0, chunks: 0, changed: false, ..self }
    }
}

/// The effects of a selection on a state. Empty for a whole database.
#[derive(Default, Serialize)]
pub(crate) struct Narrowed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection: Option<SelectionReport>,
    /// The tables of which the closure may keep more rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closure: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dangling: Vec<DanglingReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub carried_empty: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What the schema needs of the application, or of some SQLites.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<NeedReport>,
    /// SQLite's findings in the database itself, if it was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Verdict>,
}

/// A selection under the names of its options.
#[derive(Serialize)]
pub(crate) struct SelectionReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    tables: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exclude: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    r#where: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cache: Vec<String>,
}

impl From<&Selection> for SelectionReport {
    fn from(selection: &Selection) -> Self {
        Self {
            tables: selection.tables.clone(),
            exclude: selection.exclude.clone(),
            r#where: selection.conditions.iter().cloned().collect(),
            cache: selection.cache.clone(),
        }
    }
}

/// A foreign key with exported rows that refer to rows which are left out.
#[derive(Serialize)]
pub(crate) struct DanglingReport {
    table: String,
    parent: String,
    columns: Vec<String>,
    rows: u64,
}

impl From<Dangling> for DanglingReport {
    fn from(dangling: Dangling) -> Self {
        let Dangling { table, parent, columns, rows } = dangling;
        Self { table, parent, columns, rows }
    }
}
