//! Of the tests alone: an allocator that can be told to have no more. A request that code takes for granted then ends the
//! process, as it would on a machine that has no more.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Up to this size a request is one of those whose size no bundle and no row decides.
const SMALL: usize = 64 << 10;
/// What these may come to beyond the limit.
const RESERVE: usize = 8 << 20;

struct Limited;

#[global_allocator]
static ALLOCATOR: Limited = Limited;
static LIVE: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Runs `body` with so many bytes more than are in use now. For the whole process: one thread at a time.
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
        // Both pieces are there for a while, unless it can grow in its place.
        if size > layout.size() && !grants(size, 0) {
            return null_mut();
        }
        LIVE.fetch_add(size, Relaxed);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }
}
