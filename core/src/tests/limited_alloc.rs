//! Only for tests: an allocator with a limit. A small request above the limit ends the process, as on a machine without
//! more memory.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Neither a bundle nor a row decides the size of a request up to this size.
const SMALL: usize = 64 << 10;
/// The small requests may go beyond the limit by this much in total.
const RESERVE: usize = 8 << 20;

struct Limited;

#[global_allocator]
static ALLOCATOR: Limited = Limited;
static LIVE: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Runs `body` with this many bytes more than are in use now. The limit is that of the whole process: one thread at a
/// time.
pub(crate) fn with_memory<R>(bytes: usize, body: impl FnOnce() -> R) -> R {
    LIMIT.store(LIVE.load(Relaxed).saturating_add(bytes), Relaxed);
    let result = body();
    LIMIT.store(usize::MAX, Relaxed);
    result
}

fn grants(size: usize, instead_of: usize) -> bool {
    let reserve = if size > SMALL { 0 } else { RESERVE };
    let live = LIVE.load(Relaxed).saturating_sub(instead_of).saturating_add(size);
    live <= LIMIT.load(Relaxed).saturating_add(reserve)
}

// SAFETY: all memory is the system allocator's, with the layouts that the caller gave.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !grants(layout.size(), 0) {
            return null_mut();
        }
        LIVE.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both pieces exist for a while, unless the piece can grow in place.
        if size > layout.size() && !grants(size, 0) {
            return null_mut();
        }
        LIVE.fetch_add(size, Relaxed);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }
}
