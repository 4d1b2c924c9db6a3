//! Options that several commands share.

use clap::{ArgAction, Args, ValueHint};

/// Where the key is.
#[derive(Args, Default)]
pub struct Key {
    /// The file that holds the key. Of several places, the first that can be read counts. Default: the file that
    /// the environment variable LIFEBOAT_KEY_FILE names
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, help_heading = "Key")]
    pub key_file: Vec<String>,
    /// The environment variable that holds the key
    #[arg(long, value_name = "NAME", help_heading = "Key")]
    pub key_env: Vec<String>,
}

/// What is exported, and how.
#[derive(Args, Default)]
pub struct Snapshot {
    /// The name of the key's domain. Default: default
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    #[command(flatten)]
    pub packing: Packing,
    /// Take only this table. May be given several times
    #[arg(long, value_name = "TABLE")]
    pub tables: Vec<String>,
    /// Leave out this table. May be given several times
    #[arg(long, value_name = "TABLE")]
    pub exclude: Vec<String>,
    /// Of this table, take only the rows for which the SQL condition is true. May be given several times
    #[arg(long = "where", num_args = 2, value_names = ["TABLE", "CONDITION"], action = ArgAction::Append)]
    pub conditions: Vec<String>,
    /// This table comes back empty. May be given several times
    #[arg(long, value_name = "TABLE")]
    pub cache: Vec<String>,
    /// Also take the rows to which the chosen rows refer by foreign keys
    #[arg(long)]
    pub closure: bool,
    /// The value of :now in conditions: a number, or else a text
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    pub now: Option<String>,
    /// How many threads may work on it, 1 to 3. Default: 3, and of protect 1
    #[arg(long, value_name = "NUMBER")]
    pub threads: Option<u64>,
    /// Whether SQLite checks the database first. Default: up to 4 MiB
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub check: Option<bool>,
}

/// How each save is done, one that is asked for and one of a protection.
#[derive(Args, Default)]
pub struct Saving {
    /// How many copies must hold the state. Default: minimum of the configuration, or more than half of them
    #[arg(long, value_name = "NUMBER")]
    pub minimum: Option<u64>,
    /// The directory of the local state. Default: beside the database, its name with -lifeboat behind it
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub local: Option<String>,
    /// For how many seconds a copy may stand still. Default: 30
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<String>,
    /// Who saves: a text in the record
    #[arg(long, value_name = "TEXT")]
    pub writer: Option<String>,
    /// What is saved: a text in the record
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
    /// What is told in the log of events, and to whom: a file with the settings as JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub events: Option<String>,
}

/// The copies that a command works on.
#[derive(Args)]
pub struct Stores {
    /// The stores
    #[arg(value_name = "STORE", required = true)]
    pub stores: Vec<String>,
}

/// From what a delta leads on.
#[derive(Args, Default)]
pub struct Base {
    /// Make a delta from the state of this bundle. For a chain, give it several times, oldest first
    #[arg(long, value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub base: Vec<String>,
    /// The file that remembers the last exported state: make a delta from it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ledger: Option<String>,
}

/// What a restore may take.
#[derive(Args, Default)]
pub struct Budget {
    /// How many bytes the database may take
    #[arg(long, value_name = "BYTES")]
    pub max_bytes: Option<u64>,
    /// You know who made the bundle: no limit of time or space for what its schema asks
    #[arg(long)]
    pub trusted: bool,
}

/// What is read.
#[derive(Args)]
pub struct Bundles {
    /// A bundle; the bundles of a chain, oldest first; or stores, which are copies. Behind the name of a store may
    /// stand #seq=N, #state=HEX or #at=DATE
    #[arg(value_name = "BUNDLE", required = true, value_hint = ValueHint::FilePath)]
    pub bundles: Vec<String>,
}

/// How chunks are packed.
#[derive(Args, Default)]
pub struct Packing {
    /// How chunks are packed: zstd (the default) or none; for one table, TABLE=none, where * is all other tables. May
    /// be given several times
    #[arg(long, value_name = "[TABLE=]HOW")]
    pub compress: Vec<String>,
}

/// Which series in stores.
#[derive(Args)]
pub struct Series {
    /// The series of this domain, if the key has several in the stores
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
}
