//! The commands on a database and on bundles.

use crate::groups::{Base, Budget, Bundles, Key, Packing, Series, Snapshot};
use clap::{Args, ValueHint};

#[derive(Args)]
pub struct Export {
    /// The database
    #[arg(value_hint = ValueHint::FilePath)]
    pub database: String,
    /// The bundle to write. It appears complete or not at all
    #[arg(long, value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub out: String,
    /// Replace the file at that path
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub base: Base,
    #[command(flatten)]
    pub snapshot: Snapshot,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Estimate {
    /// The database
    #[arg(value_hint = ValueHint::FilePath)]
    pub database: String,
    #[command(flatten)]
    pub base: Base,
    #[command(flatten)]
    pub snapshot: Snapshot,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    pub bundles: Bundles,
    /// How much to check: hashes, contents or restore. Default: contents with a key that opens bundles, else hashes
    #[arg(long, value_name = "LEVEL")]
    pub level: Option<String>,
    /// The state that it must hold, of a chain the last one
    #[arg(long, value_name = "STATE-ID")]
    pub expect: Option<String>,
    #[command(flatten)]
    pub series: Series,
    #[command(flatten)]
    pub budget: Budget,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Info {
    #[command(flatten)]
    pub bundles: Bundles,
    /// Of damaged bundles: what comes back, and what is missing
    #[arg(long)]
    pub salvage: bool,
    #[command(flatten)]
    pub series: Series,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Tables {
    #[command(flatten)]
    pub bundles: Bundles,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Rows {
    /// The table
    pub table: String,
    #[command(flatten)]
    pub bundles: Bundles,
    /// Of damaged bundles: the rows that come back
    #[arg(long)]
    pub salvage: bool,
    /// Only the row with this key: a number, or a key as this command prints it
    #[arg(long, value_name = "ROW", allow_negative_numbers = true)]
    pub lookup: Option<String>,
    /// At most so many rows
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<u32>,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Diff {
    /// The old state: a bundle; the bundles of a chain, oldest first; or stores
    #[arg(long, value_name = "BUNDLE", required = true, num_args = 1.., value_hint = ValueHint::FilePath)]
    pub old: Vec<String>,
    /// The new state, in the same forms
    #[arg(long, value_name = "BUNDLE", required = true, num_args = 1.., value_hint = ValueHint::FilePath)]
    pub new: Vec<String>,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Compose {
    #[command(flatten)]
    pub bundles: Bundles,
    /// The bundle to write. It appears complete or not at all
    #[arg(long, value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub out: String,
    /// Replace the file at that path, even one of the chain
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub packing: Packing,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Restore {
    #[command(flatten)]
    pub bundles: Bundles,
    /// The database file to write. It appears complete or not at all
    #[arg(long, value_name = "DATABASE", value_hint = ValueHint::FilePath)]
    pub out: String,
    /// Replace the file at that path
    #[arg(long)]
    pub replace: bool,
    /// The state that it must hold, of a chain the last one
    #[arg(long, value_name = "STATE-ID")]
    pub expect: Option<String>,
    /// A power of two from 512 to 65536. Default: 4096
    #[arg(long, value_name = "BYTES")]
    pub page_size: Option<u32>,
    /// none (the default), full or incremental
    #[arg(long, value_name = "MODE")]
    pub auto_vacuum: Option<String>,
    /// Leave out, and list, the indexes that this SQLite cannot build
    #[arg(long)]
    pub skip_indexes: bool,
    /// Of damaged bundles: what comes back
    #[arg(long)]
    pub salvage: bool,
    #[command(flatten)]
    pub series: Series,
    /// Of a store: the new database saves to this series from now on
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub budget: Budget,
    #[command(flatten)]
    pub key: Key,
}
