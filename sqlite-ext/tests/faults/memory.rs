//! SQLite's own allocator, in which each request can be made to fail.

use crate::injector::{Injector, State};
use rusqlite::ffi;
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Once, OnceLock};

type Malloc = unsafe extern "C" fn(c_int) -> *mut c_void;
type Realloc = unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void;

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::IDLE) };
}

/// The requests for memory.
pub const MEMORY: Injector = Injector(&STATE);

static SYSTEM: OnceLock<(Malloc, Realloc)> = OnceLock::new();

fn system() -> (Malloc, Realloc) {
    *SYSTEM.get().expect("set before SQLite can ask")
}

unsafe extern "C" fn malloc(size: c_int) -> *mut c_void {
    if MEMORY.fails() {
        return ptr::null_mut();
    }
    // SAFETY: passed on as it came.
    unsafe { (system().0)(size) }
}

unsafe extern "C" fn realloc(memory: *mut c_void, size: c_int) -> *mut c_void {
    if MEMORY.fails() {
        return ptr::null_mut();
    }
    // SAFETY: passed on as it came.
    unsafe { (system().1)(memory, size) }
}

/// Puts the allocator in its place, before SQLite is initialized. Small requests come to it too, which SQLite would else
/// take from a pool of its connection.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: nobody has initialized SQLite yet, as every test begins here; the options take what they are given.
        unsafe {
            let mut methods = MaybeUninit::<ffi::sqlite3_mem_methods>::uninit();
            assert_eq!(ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, methods.as_mut_ptr()), ffi::SQLITE_OK);
            let mut ours = methods.assume_init();
            let system = (ours.xMalloc.expect("xMalloc"), ours.xRealloc.expect("xRealloc"));
            assert!(SYSTEM.set(system).is_ok());
            ours.xMalloc = Some(malloc);
            ours.xRealloc = Some(realloc);
            assert_eq!(ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw mut ours), ffi::SQLITE_OK);
            let none: c_int = 0;
            assert_eq!(ffi::sqlite3_config(ffi::SQLITE_CONFIG_LOOKASIDE, none, none), ffi::SQLITE_OK);
        }
    });
}
