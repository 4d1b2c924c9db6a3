//! The command line. Each command has the name of a function without `backup_`, and the options of that function.
//!
//! ```text
//! bundles  the commands on a database and on bundles
//! stores   the commands on stores: saves, checks, the log, and all of a key
//! keys     the commands that make and print keys
//! ```

mod bundles;
mod keys;
mod stores;

pub use bundles::{Compose, Diff, Estimate, Export, Info, Restore, Rows, Tables, Verify};
use clap::{Parser, Subcommand, ValueHint};
use clap_complete::Shell;
pub use keys::{DerivedKey, Keygen, Sheet, VerifyKey};
pub use stores::{Events, Log, Protect, Prune, Report, RestoreAll, Save, Scrub, Status};

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
