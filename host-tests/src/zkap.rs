//! The ZKAP database: the state of a client that pays for storage with tokens. One token pays for 1 MiB-month, so that 500
//! GiB-months are 512,000 rows. The names have hyphens, so quoting matters; the tokens are random, so nothing compresses
//! them below the bytes that they stand for.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE};
use rusqlite::{Connection, Result, params};

use crate::random::Random;

const SCHEMA: &str = r#"
CREATE TABLE "version" ( "version" INTEGER );
CREATE TABLE "vouchers" (
    "number" TEXT,
    "created" TEXT,                     -- ISO 8601
    "state" TEXT,                       -- pending, double-spend or redeemed
    "finished" TEXT DEFAULT NULL,       -- ISO 8601
    "token-count" NUM DEFAULT NULL,
    "public-key" TEXT DEFAULT NULL,
    "counter" INTEGER DEFAULT 0,
    "expected-tokens" INTEGER NOT NULL DEFAULT 0,
    "sequestered-count" INTEGER NOT NULL DEFAULT 0,

    PRIMARY KEY("number")
);
CREATE TABLE "tokens" (
    "text" TEXT,
    "voucher" TEXT,
    "counter" INTEGER NOT NULL DEFAULT 0,

    PRIMARY KEY("text")
    FOREIGN KEY("voucher") REFERENCES "vouchers"("number")
);
CREATE TABLE "unblinded-tokens" (
    "token" TEXT,
    "redemption-group" INTEGER,

    PRIMARY KEY("token")
);
CREATE TABLE "invalid-unblinded-tokens" (
    "token" TEXT,
    "reason" TEXT,

    PRIMARY KEY("token")
);
CREATE TABLE "redemption-groups" (
    "rowid" INTEGER PRIMARY KEY,
    "voucher" TEXT,
    "spendable" INTEGER,
    "public-key" TEXT
);
CREATE TABLE "lease-maintenance-spending" (
    "id" INTEGER PRIMARY KEY,
    "started" TEXT,
    "finished" TEXT,
    "count" INTEGER
);
"#;

/// How many rows of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Vouchers, all of them redeemed.
    pub vouchers: u64,
    /// Groups in which the vouchers were redeemed.
    pub groups: u64,
    /// Tokens that can be spent.
    pub unblinded: u64,
    /// Tokens in error state.
    pub invalid: u64,
}

impl Size {
    /// 500 GiB-months unused, 50 in error state, 100 vouchers, 1,600 groups: about 173 MB.
    pub const ACCEPTANCE: Self = Self { vouchers: 100, groups: 1_600, unblinded: 512_000, invalid: 51_200 };
    /// 100 vouchers redeemed in full, in 16 groups of 2,048 tokens each: 3,276,800 rows, about 1 GB.
    pub const STRESS: Self = Self { vouchers: 100, groups: 1_600, unblinded: 3_276_800, invalid: 0 };
    /// A thousandth of the acceptance size, for tests that look at each bit or each system call.
    pub const SMALL: Self = Self { vouchers: 2, groups: 32, unblinded: 512, invalid: 51 };
}

/// What the database file looks like: nothing of this is state.
#[derive(Clone, Copy, Debug)]
pub struct Physical<'a> {
    /// `PRAGMA journal_mode`
    pub journal: &'a str,
    /// `PRAGMA page_size`, in bytes
    pub page_size: u32,
}

impl Default for Physical<'_> {
    fn default() -> Self {
        Self { journal: "delete", page_size: 4096 }
    }
}

/// Makes the database in a new file. The same size and seed give the same state.
///
/// # Errors
/// When `path` exists with something in it, or cannot be written.
pub fn build(path: &Path, size: Size, seed: u64, physical: Physical) -> Result<()> {
    let mut db = Connection::open(path)?;
    db.execute_batch(&format!(
        "PRAGMA page_size={}; PRAGMA journal_mode=off; PRAGMA synchronous=off; PRAGMA cache_size=-2000000;
         PRAGMA locking_mode=exclusive;",
        physical.page_size
    ))?;
    let tx = db.transaction()?;
    tx.execute_batch(SCHEMA)?;
    fill(&tx, size, &mut Random::new(seed))?;
    tx.commit()?;
    db.execute_batch("PRAGMA locking_mode=normal; SELECT count(*) FROM sqlite_schema;")?;
    db.pragma_update(None, "journal_mode", physical.journal)?;
    db.close().map_err(|(_, error)| error)
}

/// A new random token as the database holds it: base64 of 96 bytes, 128 characters.
pub fn token(random: &mut Random) -> String {
    BASE64_STANDARD.encode(random.bytes::<96>())
}

fn fill(db: &Connection, size: Size, random: &mut Random) -> Result<()> {
    db.execute(r#"INSERT INTO "version" VALUES (7)"#, [])?;
    let vouchers: Vec<String> = (0..size.vouchers).map(|_| BASE64_URL_SAFE.encode(random.bytes::<32>())).collect();
    let issuers: Vec<String> = (0..3).map(|_| BASE64_STANDARD.encode(random.bytes::<32>())).collect();
    let issuer = |n: u64| issuers[(n % 3) as usize].as_str();

    let per_voucher = (size.unblinded + size.invalid) / size.vouchers;
    let mut insert = db.prepare(r#"INSERT INTO "vouchers" VALUES (?1,?2,'redeemed',?3,?4,?5,16,?4,0)"#)?;
    for (n, voucher) in (0..).zip(&vouchers) {
        let created = iso(n, random);
        insert.execute(params![voucher, created, iso(n, random), per_voucher as i64, issuer(n)])?;
    }
    let mut insert = db.prepare(r#"INSERT INTO "redemption-groups" VALUES (?,?,?,?)"#)?;
    for n in 0..size.groups {
        let voucher = &vouchers[(n * size.vouchers / size.groups) as usize];
        insert.execute(params![n as i64 + 1, voucher, 1, issuer(n)])?;
    }
    let mut insert = db.prepare(r#"INSERT INTO "unblinded-tokens" VALUES (?,?)"#)?;
    for n in 0..size.unblinded {
        insert.execute(params![token(random), (n * size.groups / size.unblinded) as i64 + 1])?;
    }
    let mut insert = db.prepare(r#"INSERT INTO "invalid-unblinded-tokens" VALUES (?,'not yet valid')"#)?;
    for _ in 0..size.invalid {
        insert.execute(params![token(random)])?;
    }
    let mut insert = db.prepare(r#"INSERT INTO "lease-maintenance-spending" VALUES (?,?,?,?)"#)?;
    for n in 0..30 {
        let started = iso(n, random);
        insert.execute(params![n as i64 + 1, started, iso(n, random), random.below(20_000) as i64])?;
    }
    Ok(())
}

/// Some moment of day `n` of the story.
fn iso(n: u64, random: &mut Random) -> String {
    let (month, day) = (1 + n / 28 % 12, 1 + n % 28);
    let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
    format!("2022-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}", random.below(1_000_000))
}
