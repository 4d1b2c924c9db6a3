//! What SQLite asks of a machine. There is no machine: the component imports nothing. So the clock stands still, and
//! the randomness is a fixed sequence.
//!
//! Neither becomes a part of a state. SQLite uses randomness for `random()`, `randomblob()`, names of temporary files
//! (all of them in memory here), and WAL salts (there is no WAL). It also uses randomness when the largest rowid is
//! taken and a row is inserted without a rowid; but here, rows are written with their rowids. The clock is for
//! `CURRENT_TIME` and the like. Defaults are never evaluated, and SQLite refuses both kinds of function in indexes and
//! generated columns. If such a function was used nevertheless, the state id would show it, because the id is computed
//! from what SQLite gives back.

use sqlite_wasm_rs::host::{Error, LocalTime, OK};

#[unsafe(no_mangle)]
extern "C" fn rust_sqlite_wasm_host_sleep(_seconds: u64, _nanoseconds: u32) {}

/// # Safety
/// `out` is writable for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn rust_sqlite_wasm_host_random(out: *mut u8, length: usize) -> usize {
    for at in 0..length {
        // SAFETY: within the `length` bytes that the caller gave.
        unsafe { out.add(at).write(at as u8 ^ 0x5a) };
    }
    length
}

/// # Safety
/// `out` is writable.
#[unsafe(no_mangle)]
unsafe extern "C" fn rust_sqlite_wasm_host_epoch_timestamp_in_ms(out: *mut i64) -> i32 {
    // SAFETY: the caller gave a place for the result.
    unsafe { out.write(0) };
    OK
}

#[unsafe(no_mangle)]
extern "C" fn rust_sqlite_wasm_host_fill_entropy(_out: *mut u8, _length: usize) -> i32 {
    Error::Unsupported as i32
}

#[unsafe(no_mangle)]
extern "C" fn rust_sqlite_wasm_host_localtime(_seconds: i64, _out: *mut LocalTime) -> i32 {
    Error::Unsupported as i32
}
