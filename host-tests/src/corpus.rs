//! The databases that tests share, made or fetched once into `target/corpus` and never written again.
//!
//! Several test programs may ask at once: a lock file lets one of them work. The name of a generated file holds a hash of its
//! generator, so that a changed generator makes a new file.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::torture::{self, Encoding};
use crate::zkap::{self, Physical, Size};

/// What the spending of 100 tokens changes in the ZKAP database: 10 go to the error table, 110 are deleted, a voucher comes.
pub const SPENDING: &str = r#"
    CREATE TEMP TABLE spent AS SELECT token FROM "unblinded-tokens" ORDER BY token LIMIT 110;
    INSERT INTO "invalid-unblinded-tokens" SELECT token, 'spent' FROM spent LIMIT 10;
    DELETE FROM "unblinded-tokens" WHERE token IN (SELECT token FROM spent);
    INSERT INTO "vouchers"("number", "state", "created", "counter")
        SELECT substr("number", 1, 43) || '_', "state", "created", "counter" FROM "vouchers" LIMIT 1;"#;

/// The names of the real databases, from packages: 0.1 to 86 MB.
pub const REAL: [&str; 4] = ["proj.db", "epsg.sqlite", "zipcodes.db", "GO.sqlite"];

/// The names of those that are made here.
const MADE: [&str; 5] = ["zkap-small", "zkap", "torture-utf-8", "torture-utf-16le", "torture-utf-16be"];

/// The names of all databases but the stress sizes.
pub fn names() -> impl Iterator<Item = &'static str> {
    MADE.into_iter().chain(REAL)
}

/// The database of one of the [`names`], made or fetched if need be.
pub fn named(name: &str) -> Option<PathBuf> {
    match name {
        "zkap-small" => Some(zkap(Size::SMALL)),
        "zkap" => Some(zkap(Size::ACCEPTANCE)),
        "torture-utf-8" => Some(torture(Encoding::Utf8)),
        "torture-utf-16le" => Some(torture(Encoding::Utf16le)),
        "torture-utf-16be" => Some(torture(Encoding::Utf16be)),
        real_name => REAL.contains(&real_name).then(|| real(real_name)),
    }
}

/// The directory of this package.
pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory of the workspace.
pub fn workspace() -> &'static Path {
    package().parent().expect("the package lies in the workspace")
}

/// The ZKAP database of this size, with seed 1.
pub fn zkap(size: Size) -> PathBuf {
    let text = format!("{}{size:?}", concat!(include_str!("zkap.rs"), include_str!("random.rs")));
    made(&format!("zkap-{}", hash(&text)), |path| zkap::build(path, size, 1, Physical::default()))
}

/// The torture database in this encoding.
pub fn torture(encoding: Encoding) -> PathBuf {
    let name = format!("torture-{}-{}", encoding.name(), hash(&torture::source()));
    made(&name, |path| torture::build(path, encoding))
}

/// One of the [`REAL`] databases, or another corpus that `corpus.py` knows; fetched if need be.
pub fn real(name: &str) -> PathBuf {
    once(name, |directory| {
        let script = package().join("python/corpus.py");
        let done = Command::new("python3").arg(script).arg(directory).arg(name).status();
        let fetched = done.is_ok_and(|status| status.success());
        assert!(
            fetched,
            "cannot fetch {name}: the message above says why. It needs python3 with pip, and for GO.sqlite and sqlite-tests \
             apt-get after `apt-get update`; put what it names into {} by hand if this machine has no registries",
            directory.display()
        );
    })
}

/// The directory of SQLite's own tests: `fuzzdata1.db` to `fuzzdata8.db`, and 1,148 `.test` files. Fetched if need be.
pub fn sqlite_tests() -> PathBuf {
    real("sqlite-tests")
}

fn made(name: &str, build: impl Fn(&Path) -> rusqlite::Result<()>) -> PathBuf {
    once(&format!("{name}.db"), |directory| {
        let draft = directory.join(format!("{name}.tmp"));
        let _ = fs::remove_file(&draft);
        build(&draft).unwrap_or_else(|e| panic!("cannot make {}: {e}", draft.display()));
        fs::rename(&draft, directory.join(format!("{name}.db"))).expect("the draft was just made");
    })
}

/// The file of this name, which `make` puts there if it is missing. It cannot be written to afterwards.
fn once(name: &str, make: impl Fn(&Path)) -> PathBuf {
    let directory = workspace().join("target/corpus");
    let file = directory.join(name);
    let prepare = || -> std::io::Result<()> {
        fs::create_dir_all(&directory)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("lock"))?;
        lock.lock()?;
        if !file.exists() {
            make(&directory);
            if file.is_file() {
                fs::set_permissions(&file, Permissions::from_mode(0o444))?;
            }
        }
        Ok(())
    };
    prepare().unwrap_or_else(|e| panic!("cannot prepare {}: {e}", file.display()));
    file
}

/// FNV-1a, 64 bits: enough to tell two versions of a generator apart.
fn hash(text: &str) -> String {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
}
