//! The commands on stores: saves, checks, the log, and all of a key.

use crate::groups::{Budget, Key, Saving, Snapshot, Stores};
use clap::{Args, ValueHint};

#[derive(Args)]
#[command(override_usage = "lifeboat save [OPTIONS] DATABASE STORE...\n       \
    lifeboat save [OPTIONS] --files FILE --domain NAME --local DIRECTORY STORE...")]
pub struct Save {
    /// The database. Leave it out with --files
    #[arg(value_hint = ValueHint::FilePath, required = true)]
    pub database: Option<String>,
    /// The stores: each is a copy. Or file:PATH, the configuration of a reserve
    #[arg(value_name = "STORE")]
    pub stores: Vec<String>,
    /// Fill copies that are new, lost or rolled back
    #[arg(long)]
    pub add: bool,
    /// Go on from the record with this hash, if the copies are ahead or fork
    #[arg(long = "continue", value_name = "HASH")]
    pub go_on: Option<String>,
    /// The date in the record: 2026-11-29T12:30:00Z, or a number of seconds since 1970. Default: now
    #[arg(long, value_name = "DATE", allow_negative_numbers = true)]
    pub date: Option<String>,
    /// Save this file in place of a database, under its own name or under NAME. May be given several times. A path
    /// with = in it needs a NAME
    #[arg(long, value_name = "[NAME=]FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<String>,
    #[command(flatten)]
    pub saving: Saving,
    #[command(flatten)]
    pub snapshot: Snapshot,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Protect {
    /// The database
    #[arg(value_hint = ValueHint::FilePath)]
    pub database: String,
    #[command(flatten)]
    pub stores: Stores,
    /// Also protect a database that has no write-ahead log
    #[arg(long)]
    pub rollback: bool,
    /// Read all rows again after this many seconds. The saves between read only what can have changed. Default: 21600
    #[arg(long, value_name = "SECONDS")]
    pub read_all_every: Option<f64>,
    #[command(flatten)]
    pub saving: Saving,
    #[command(flatten)]
    pub snapshot: Snapshot,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
#[command(override_usage = "lifeboat status [OPTIONS] DATABASE [STORE]...\n       lifeboat status [OPTIONS] STORE...")]
pub struct Status {
    /// The database. Leave it out on a machine that only keeps the stores
    #[arg(value_hint = ValueHint::FilePath, required = true)]
    pub database: Option<String>,
    /// The stores to ask
    #[arg(value_name = "STORE")]
    pub stores: Vec<String>,
    /// The directory of the local state. Default: beside the database, its name with -lifeboat behind it
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub local: Option<String>,
    /// The series of this domain in the stores
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Scrub {
    #[command(flatten)]
    pub stores: Stores,
    /// How much to check: list, hashes, contents or restore. Default: list
    #[arg(long, value_name = "LEVEL")]
    pub level: Option<String>,
    /// Only the series of this domain; for a verify key, the id of the domain
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    /// Copy what is missing or damaged from a copy where it is sound
    #[arg(long)]
    pub repair: bool,
    /// With --repair: also fill stores that hold nothing of a series
    #[arg(long)]
    pub add: bool,
    /// About how long it may take. Then the report has a cursor
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<String>,
    /// Go on where an earlier check stopped: the cursor of its report
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
    /// The directory in which this place keeps its events, and remembers what was read when. Without --cursor, a check
    /// goes on with what was not read for the longest time
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub local: Option<String>,
    /// With --local: what is told, and to whom: a file with the settings as JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub events: Option<String>,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Prune {
    #[command(flatten)]
    pub stores: Stores,
    /// Which saves are kept: last, daily, weekly, monthly or yearly, and how many. May be given several times. Default:
    /// retention of the configuration
    #[arg(long, value_name = "RULE=NUMBER", value_parser = rule, conflicts_with = "copy")]
    pub keep: Vec<(String, u64)>,
    /// In place of --keep: drop the copy in this store, or with this name in the configuration, as a whole
    #[arg(long, value_name = "STORE")]
    pub copy: Option<String>,
    /// Only report what would go. This is the default: to delete, say --dry-run=false
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub dry_run: Option<bool>,
    /// How many copies have to be proved sound. Default: minimum of the configuration, or more than half of them
    #[arg(long, value_name = "NUMBER")]
    pub minimum: Option<u64>,
    /// Do what is refused otherwise: the report says what that is
    #[arg(long)]
    pub force: bool,
    /// The series of this domain
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    /// The directory in which this place keeps its events, and remembers which bundles no save names. A week later,
    /// these go
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub local: Option<String>,
    #[command(flatten)]
    pub key: Key,
}

/// Reads `daily=7`.
fn rule(text: &str) -> Result<(String, u64), String> {
    let (name, number) = text.split_once('=').ok_or("say how many, such as daily=7")?;
    if !["last", "daily", "weekly", "monthly", "yearly"].contains(&name) {
        return Err("the rules are last, daily, weekly, monthly and yearly".to_owned());
    }
    number.parse().map(|number| (name.to_owned(), number)).map_err(|_| "the number is not a whole number".to_owned())
}

#[derive(Args)]
pub struct Log {
    #[command(flatten)]
    pub stores: Stores,
    /// At most so many saves
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<u32>,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
#[command(override_usage = "lifeboat events [OPTIONS] DATABASE\n       lifeboat events [OPTIONS] --local DIRECTORY")]
pub struct Events {
    /// The database whose saves tell them
    #[arg(value_hint = ValueHint::FilePath, required_unless_present = "local", conflicts_with = "local")]
    pub database: Option<String>,
    /// The directory of the local state, in place of a database
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub local: Option<String>,
    /// Only events after the one with this number
    #[arg(long, value_name = "NUMBER")]
    pub after: Option<u32>,
    /// At most so many events
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<u32>,
}

#[derive(Args)]
pub struct Report {
    #[command(flatten)]
    pub stores: Stores,
    /// The page to write. Only you may read it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: String,
    /// Replace an older report at that path
    #[arg(long)]
    pub replace: bool,
    /// The series of this domain, if the key has several in the stores
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    /// The directory of the local state, of a database or of a keeper: adds events, and since when all was read. The
    /// check is noted there
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub local: Option<String>,
    /// The limits of the forecast: a file with the settings of events as JSON. Default: those of the configuration
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub events: Option<String>,
    /// At most so many saves, the newest ones
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    pub limit: u32,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct RestoreAll {
    #[command(flatten)]
    pub stores: Stores,
    /// The directory to write into. It is made if it is missing
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub out: String,
    /// Replace what is there
    #[arg(long)]
    pub replace: bool,
    /// Leave out, and list, the indexes that this SQLite cannot build
    #[arg(long)]
    pub skip_indexes: bool,
    /// Let the restored databases go on saving to these stores from here
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub budget: Budget,
    #[command(flatten)]
    pub key: Key,
}
