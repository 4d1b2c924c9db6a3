//! Memory. If an allocation fails in Rust, that is a trap, and a trap makes the instance useless. In SQLite, it is an
//! error code. So SQLite gets its memory through functions of its own, and Rust has a reserve that SQLite never sees.
//! When memory runs out, SQLite is refused first. Then Rust still has the little that it needs to report this and to
//! clean up.
//!
//! WebAssembly's memory only grows, and growing it is expensive: some hosts allocate all of it again each time, and
//! browsers and Node then collect their garbage. The system allocator asks only for what it needs. For a large
//! database, it would ask thousands of times. So whenever it had to ask, this module makes it ask for a sixteenth more.
//!
//! There is only one thread, as in WebAssembly without the threads proposal: the atomics are plain variables.

use lifeboat_core::{Error, Result};
use sqlite_wasm_rs as sqlite;
use std::alloc::{GlobalAlloc, Layout, System};
use std::arch::wasm32::memory_size;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::Relaxed};

/// Rust's reserve in bytes. It is more than any single step needs; only long values need more, and their allocation may
/// fail.
const RESERVE: usize = 24 << 20;
/// A page of WebAssembly.
const PAGE: usize = 64 << 10;
/// The memory grows by this part of what it has.
const AHEAD: usize = 16;
/// The size that stands before each of SQLite's allocations. It takes eight bytes, so that the memory after it is
/// aligned to eight.
const HEAD: usize = 8;

struct Reserved;

#[global_allocator]
static ALLOCATOR: Reserved = Reserved;
/// The reserve. It is null while it is not held.
static RESERVED: AtomicPtr<u8> = AtomicPtr::new(null_mut());
/// Whether the reserve was needed since the last [`check`].
static SHORT: AtomicBool = AtomicBool::new(false);

const fn layout(size: usize) -> Layout {
    match Layout::from_size_align(size, HEAD) {
        Ok(layout) => layout,
        Err(_) => Layout::new::<u8>(),
    }
}

/// Allocates from the system. If the memory had to grow, it grows ahead.
///
/// # Safety
/// The layout must not be empty.
unsafe fn allocate(layout: Layout) -> *mut u8 {
    let before = memory_size(0);
    // SAFETY: the caller promises that the layout is not empty.
    let memory = unsafe { System.alloc(layout) };
    grow_ahead(before);
    memory
}

/// The same as [`allocate`], for memory that is too small.
///
/// # Safety
/// The rules of [`GlobalAlloc::realloc`].
unsafe fn reallocate(memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
    let before = memory_size(0);
    // SAFETY: the caller keeps the rules of `realloc`.
    let new = unsafe { System.realloc(memory, layout, size) };
    grow_ahead(before);
    new
}

/// Takes more memory and gives it back. The allocator keeps it, and uses it for the next requests. If there is no more
/// memory, the allocator grows at each request.
fn grow_ahead(before: usize) {
    let pages = memory_size(0);
    if pages == before {
        return;
    }
    let layout = layout(pages * (PAGE / AHEAD));
    // SAFETY: the layout is not empty, and the memory is given back with the layout that it was taken with.
    unsafe {
        let memory = System.alloc(layout);
        if !memory.is_null() {
            System.dealloc(memory, layout);
        }
    }
}

/// Gives the reserve back to the system. False when there is none.
fn release() -> bool {
    let reserved = RESERVED.swap(null_mut(), Relaxed);
    if reserved.is_null() {
        return false;
    }
    SHORT.store(true, Relaxed);
    // SAFETY: `hold` allocated it with this layout, and after the swap nobody else has it.
    unsafe { System.dealloc(reserved, layout(RESERVE)) };
    true
}

/// Takes the reserve, unless it is already held. False: there is no memory for it.
fn hold() -> bool {
    if RESERVED.load(Relaxed).is_null() {
        // SAFETY: the layout is not empty.
        RESERVED.store(unsafe { System.alloc(layout(RESERVE)) }, Relaxed);
    }
    !RESERVED.load(Relaxed).is_null()
}

// SAFETY: all memory comes from the system allocator, with the layouts that the caller gave.
unsafe impl GlobalAlloc for Reserved {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        let memory = unsafe { allocate(layout) };
        if !memory.is_null() || layout.size() > RESERVE || !release() {
            return memory;
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`; on failure the old memory is intact.
        let new = unsafe { reallocate(memory, layout, size) };
        if !new.is_null() || size > RESERVE || !release() {
            return new;
        }
        // SAFETY: the caller keeps the contract of `realloc`, and the old memory is intact after the failure.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Call this after each call of the interface: it says whether there was enough memory.
///
/// # Errors
/// Too big when the reserve had to be used.
pub(crate) fn check() -> Result<()> {
    if SHORT.swap(false, Relaxed) {
        return Err(Error::too_big("out of memory: allow this instance more, or take rows instead of a database file"));
    }
    Ok(())
}

/// Call this before something is held: it says whether this many bytes would still be free, in addition to the reserve.
///
/// # Errors
/// Too big when they would not be free.
pub(crate) fn room(bytes: usize) -> Result<()> {
    let too_little = || {
        Error::too_big(format!(
            "there is no memory for these deltas and {bytes} bytes besides: allow this instance more, or compose the \
             chain into fewer bundles"
        ))
    };
    let layout = Layout::from_size_align(bytes.max(1), HEAD).map_err(|_| too_little())?;
    // SAFETY: the layout is not empty, and the memory is given back with the layout that it was taken with.
    unsafe {
        let memory = System.alloc(layout);
        if memory.is_null() {
            return Err(too_little());
        }
        System.dealloc(memory, layout);
    }
    Ok(())
}

/// Call this before each piece of work. It takes the reserve. The first time, it also gives SQLite its functions for
/// memory.
///
/// # Errors
/// Too big when the reserve cannot be taken; host when SQLite refuses.
pub(crate) fn prepare() -> Result<()> {
    static READY: AtomicBool = AtomicBool::new(false);
    SHORT.store(false, Relaxed);
    if !hold() {
        return Err(Error::too_big("open: less than 32 MiB of memory are left: allow this instance more"));
    }
    if !READY.load(Relaxed) {
        let methods = sqlite::sqlite3_mem_methods {
            xMalloc: Some(malloc),
            xFree: Some(free),
            xRealloc: Some(realloc),
            xSize: Some(size),
            xRoundup: Some(roundup),
            xInit: Some(init),
            xShutdown: Some(shutdown),
            pAppData: null_mut(),
        };
        // SAFETY: SQLite is not initialized yet, and copies the table.
        let code = unsafe { sqlite::sqlite3_config(sqlite::SQLITE_CONFIG_MALLOC, &raw const methods) };
        if code != sqlite::SQLITE_OK {
            return Err(Error::host(format!("open: SQLite did not take its memory functions (code {code})")));
        }
        READY.store(true, Relaxed);
    }
    Ok(())
}

fn block(size: c_int) -> Option<Layout> {
    let size = usize::try_from(size).ok().filter(|size| *size > 0)?;
    Layout::from_size_align(size.checked_add(HEAD)?, HEAD).ok()
}

/// # Safety
/// `memory` came from [`malloc`] or [`realloc`].
unsafe fn head(memory: *mut c_void) -> *mut c_int {
    // SAFETY: a head stands before all memory that these functions gave out.
    unsafe { memory.cast::<u8>().sub(HEAD).cast() }
}

/// Puts the head before a block; null stays null.
///
/// # Safety
/// `start` is null or the start of a block with room for the head.
unsafe fn with_head(start: *mut u8, size: c_int) -> *mut c_void {
    if start.is_null() {
        return null_mut();
    }
    // SAFETY: there is room for the head, and the block is aligned for it.
    unsafe {
        start.cast::<c_int>().write(size);
        start.add(HEAD).cast()
    }
}

unsafe extern "C" fn malloc(size: c_int) -> *mut c_void {
    match block(size) {
        // SAFETY: the layout is not empty.
        Some(layout) if !SHORT.load(Relaxed) => unsafe { with_head(allocate(layout), size) },
        _ => null_mut(),
    }
}

unsafe extern "C" fn free(memory: *mut c_void) {
    if memory.is_null() {
        return;
    }
    // SAFETY: SQLite gives back what it got, with the size that it asked for.
    unsafe {
        let head = head(memory);
        if let Some(layout) = block(head.read()) {
            System.dealloc(head.cast(), layout);
        }
    }
}

unsafe extern "C" fn realloc(memory: *mut c_void, size: c_int) -> *mut c_void {
    if SHORT.load(Relaxed) {
        return null_mut();
    }
    // SAFETY: SQLite calls this with what it got and a size above zero; on failure the old memory is intact.
    unsafe {
        let head = head(memory);
        match (block(head.read()), block(size)) {
            (Some(old), Some(new)) => with_head(reallocate(head.cast(), old, new.size()), size),
            _ => null_mut(),
        }
    }
}

unsafe extern "C" fn size(memory: *mut c_void) -> c_int {
    // SAFETY: SQLite asks only about memory that it got from these functions.
    unsafe { head(memory).read() }
}

unsafe extern "C" fn roundup(size: c_int) -> c_int {
    size.saturating_add(7) & !7
}

unsafe extern "C" fn init(_data: *mut c_void) -> c_int {
    sqlite::SQLITE_OK
}

unsafe extern "C" fn shutdown(_data: *mut c_void) {}
