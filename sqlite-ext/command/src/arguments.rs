//! The command line. Each command has the name of a function without `backup_`, and the options of that function.

use crate::groups::{Base, Budget, Bundles, Key, Packing, Saving, Series, Snapshot, Stores};
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

/// The codes, at the end of the help.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  host: the file system or SQLite refused
    2  misuse: the command line asks for something that cannot be done
    3  wrong key
    4  corrupt: use another copy
    5  truncated: get the bundle again
    6  unsupported
    7  too big
    8  mismatch: another state or signer than expected, or something to decide
    9  busy: somebody else has the lock; run it again
   10  incomplete: not all came back (--salvage, restore-all); not all copies are sound (scrub)
   11  unreachable: too few stores could be reached; nothing is lost, run it again
   12  internal error: a bug; please report it
  130  interrupted: by Ctrl-C or an end that was asked for; nothing is half done";

/// What the help says of all commands.
const ABOUT: &str = "Exact, encrypted backups of SQLite databases";

/// The same at more length.
const LONG_ABOUT: &str = "\
Exact, encrypted backups of SQLite databases.

Each command does what the SQL function of Lifeboat with its name does: `lifeboat save` calls backup_save. A bundle is \
one encrypted file with the state of a database. A store is a place for bundles: dir:PATH, volume:LABEL or \
s3://BUCKET/PREFIX. A key comes from a file or an environment variable, and never stands on the command line.";

const FIRST_SESSION: &str = "\
Examples:
  lifeboat keygen --out recovery.key
  export LIFEBOAT_KEY_FILE=recovery.key
  lifeboat save app.db dir:/mnt/disk/backup/copy dir:/mnt/stick/backup/copy
  lifeboat status app.db
  lifeboat restore dir:/mnt/stick/backup/copy --out app.db

More of one command, with examples: lifeboat help COMMAND

";

/// The whole command line.
#[derive(Parser)]
#[command(name = "lifeboat", version, about = ABOUT, long_about = LONG_ABOUT, after_help = format!("{FIRST_SESSION}{EXIT_CODES}"), max_term_width = 100)]
#[command(disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    /// Print the JSON of the function; of rows, one JSON object on each line
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Write the live state of a database into a bundle
    #[command(after_help = crate::examples::EXPORT)]
    Export(Export),
    /// Tell what an export would write
    #[command(after_help = crate::examples::ESTIMATE)]
    Estimate(Estimate),
    /// Save the live state of a database, or files, to all copies in stores
    #[command(after_help = crate::examples::SAVE)]
    Save(Box<Save>),
    /// Save a database after commits of any process, until a signal ends it
    #[command(after_help = crate::examples::PROTECT)]
    Protect(Box<Protect>),
    /// Tell how the saves of a database stand, and what stores hold now
    #[command(after_help = crate::examples::STATUS)]
    Status(Status),
    /// Check all copies in stores, and heal them from one another
    #[command(after_help = crate::examples::SCRUB)]
    Scrub(Scrub),
    /// Delete old saves from stores, or drop a copy
    #[command(after_help = crate::examples::PRUNE)]
    Prune(Prune),
    /// List the saves in stores, the newest first
    #[command(after_help = crate::examples::LOG)]
    Log(Log),
    /// List the events of saves and checks, the oldest first
    #[command(after_help = crate::examples::EVENTS)]
    Events(Events),
    /// Write a page with pictures: saves, bytes, copies, limits, events
    #[command(after_help = crate::examples::REPORT)]
    Report(Report),
    /// Check a bundle, a chain or a store
    #[command(after_help = crate::examples::VERIFY)]
    Verify(Verify),
    /// Tell what a bundle, a chain or a store holds
    #[command(after_help = crate::examples::INFO)]
    Info(Info),
    /// List the tables in a bundle, a chain or a store
    #[command(after_help = crate::examples::TABLES)]
    Tables(Tables),
    /// Read the rows of one table, without a restore
    #[command(after_help = crate::examples::ROWS)]
    Rows(Rows),
    /// List the differences between two states
    #[command(after_help = crate::examples::DIFF)]
    Diff(Diff),
    /// Make one bundle out of a chain
    #[command(after_help = crate::examples::COMPOSE)]
    Compose(Compose),
    /// Restore a bundle, a chain or a store into a new database file
    #[command(after_help = crate::examples::RESTORE)]
    Restore(Restore),
    /// Restore all databases and files of a key out of stores
    #[command(after_help = crate::examples::RESTORE_ALL)]
    RestoreAll(RestoreAll),
    /// Make a recovery key in a new file
    #[command(after_help = crate::examples::KEYGEN)]
    Keygen(Keygen),
    /// Make a file with the key that backs up one domain
    #[command(after_help = crate::examples::WRITE_KEY)]
    WriteKey(DerivedKey),
    /// Make a file with the key that opens one domain, and makes nothing
    #[command(after_help = crate::examples::READ_KEY)]
    ReadKey(DerivedKey),
    /// Print the verify key of a domain: anybody may have it
    #[command(after_help = crate::examples::VERIFY_KEY)]
    VerifyKey(VerifyKey),
    /// Write a recovery sheet to print. It holds the key, as text and as a QR code
    #[command(after_help = crate::examples::SHEET)]
    Sheet(Sheet),
    /// Tell the versions that are in use
    Version,
    /// Print the completions for a shell
    #[command(after_help = crate::examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the pages for man into a directory
    #[command(after_help = crate::examples::MAN)]
    Man {
        /// The directory. It must exist
        #[arg(value_hint = ValueHint::DirPath)]
        directory: String,
    },
}

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

#[derive(Args)]
pub struct Keygen {
    /// The file to write. It must not exist. Only you may read it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: String,
    /// Make the key from the secret in this file: at least 16 random bytes as text. Needs --label
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, conflicts_with = "secret_env", requires = "label")]
    pub secret_file: Option<String>,
    /// Make the key from the secret in this environment variable. Needs --label
    #[arg(long, value_name = "NAME", requires = "label")]
    pub secret_env: Option<String>,
    /// The use of the key, such as the name of the application
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
}

#[derive(Args)]
pub struct DerivedKey {
    /// The file to write. It must not exist. Only you may read it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: String,
    /// The domain. Default: default, or that of the key
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct VerifyKey {
    /// The domain. Default: default, or that of the key
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    #[command(flatten)]
    pub key: Key,
}

#[derive(Args)]
pub struct Sheet {
    /// The stores that the sheet names
    #[arg(value_name = "STORE")]
    pub stores: Vec<String>,
    /// The page to write. It must not exist. Only you may read it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: String,
    /// A domain that the sheet names. May be given several times. Others that the stores hold stand there by their ids
    #[arg(long = "domain", value_name = "NAME")]
    pub domains: Vec<String>,
    #[command(flatten)]
    pub key: Key,
}
