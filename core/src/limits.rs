//! The revisions of the format, and every limit of it with its reason (`FORMAT.md`, "Limits"). All are bytes or counts.
//! The limits of the log are in [`log`](crate::log).

/// The revision of states: ids, order and encoding of items.
pub const STATE_REVISION: u8 = 1;
/// The version of ledgers (`LEDGER.md`).
pub const LEDGER_VERSION: u8 = 1;
/// The revision of bundles: cutting, compression, seal and signature.
pub const SUITE: u8 = 1;

/// A chunk's plaintext: what a reader must hold at once, and what one lookup costs.
pub const CHUNK_MAX: usize = 1 << 20;
/// No chunk is cut before this size, so that sealing and hashing cost little per byte.
pub const CHUNK_MIN: usize = 64 << 10;
/// A chunk of a ledger ends at this size. A delta opens one for each place where rows changed.
pub const LEDGER_CHUNK: usize = 8 << 10;
/// The mean size of a chunk where rows are small: a changed row changes about this much of a full bundle.
pub const CHUNK_TARGET: usize = 256 << 10;
/// Headers of tables in one chunk, so that an index entry stays small.
pub const RUNS_MAX: usize = 4096;
/// Items of a bundle: the header, all chunks and all pages of the index. At the target size: 256 GiB of rows.
pub const ITEMS_MAX: usize = 1 << 20;
/// One text or blob: SQLite's own default.
pub const VALUE_MAX: u64 = 1_000_000_000;
/// One encoded change: the largest row of SQLite by default, and room for the heads of its 32,767 columns.
pub const CHANGE_MAX: u64 = 1_001_000_000;
/// One encoded primary key of a WITHOUT ROWID table: readers copy keys to compare them.
pub const KEY_MAX: usize = 1 << 20;
/// Columns of a row: SQLite's hard maximum.
pub const COLUMNS_MAX: usize = 32_767;
/// The encoded schema item: it is held whole. proj.db has 17 KB.
pub const SCHEMA_MAX: usize = 16 << 20;
/// Rows of the schema item: SQLite's own time grows with their square.
pub const SCHEMA_ROWS_MAX: usize = 1 << 17;
/// The encoded rows of `sqlite_sequence` or of a `sqlite_stat*` table: they are held whole.
pub const SYSTEM_TABLE_MAX: usize = 16 << 20;
/// The values in these rows: each takes a reader 24 bytes.
pub const SYSTEM_VALUES_MAX: usize = 1 << 21;
/// The encoded selection item: it is held whole, and its conditions are SQL that a user wrote.
pub const SELECTION_MAX: usize = 1 << 20;
/// The name of a table, in bytes of UTF-8: it stands in each index entry.
pub const TABLE_NAME_MAX: usize = 4096;
/// The head of a run: the name with the head of its text.
pub(crate) const RUN_HEAD_MAX: usize = TABLE_NAME_MAX + 3;
/// The name of a domain, in bytes of UTF-8: people read it.
pub const DOMAIN_NAME_MAX: usize = 255;
/// A text or blob in the key bound of an index entry is cut to this length.
pub const BOUND_VALUE_MAX: usize = 32;
/// The values in the key bound of an index entry.
pub const BOUND_VALUES_MAX: usize = 16;
/// The whole index, opened: what reading it may cost.
pub const INDEX_MAX: u64 = 256 << 20;
/// Bundles of a chain: each costs a reader a footer and a few chunks. Compose a longer chain into one bundle.
pub const CHAIN_MAX: usize = 1000;
/// Extension chunks of a bundle.
pub const EXTENSIONS_MAX: usize = 16;
/// The summary at the end of the index.
pub const SUMMARY_MAX: usize = 512;
