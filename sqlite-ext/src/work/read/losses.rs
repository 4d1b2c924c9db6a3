//! What is missing of damaged bundles, as JSON. The recovery command has this file, too (`wasm-component/cli`), so that both
//! write the same.

use serde::Serialize;
use serde_json::value::RawValue;

/// What is damaged, and what may be missing for it.
#[derive(Serialize)]
pub(crate) struct Losses {
    pub damaged: Vec<DamageReport>,
    pub missing: Vec<MissingReport>,
    /// How many ranges are not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_more: Option<usize>,
}

/// A damaged bundle.
#[derive(Serialize)]
pub(crate) struct DamageReport {
    pub bundle: usize,
    pub header: bool,
    pub chunks: usize,
    pub index: bool,
    pub footer: bool,
}

/// A range of the state.
#[derive(Serialize)]
pub(crate) struct MissingReport {
    pub bundle: usize,
    pub item: usize,
    pub items: usize,
    pub offset: u64,
    pub why: String,
    #[serde(flatten)]
    pub range: Range,
}

/// What a range is about. Keys are JSON, as those of `backup_rows`.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Range {
    /// Settings, schema or selection.
    Part { part: &'static str },
    /// Rows of one table. No key: from its beginning, up to its end.
    Table { table: String, from: Option<Box<RawValue>>, to: Option<Box<RawValue>> },
    /// All between two keys, which may be of two tables. Nothing: from the beginning of the state, up to its end.
    Between { after: Option<End>, before: Option<End> },
}

/// An end of such a range.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum End {
    Part { part: &'static str },
    Table { table: String, key: Option<Box<RawValue>> },
}
