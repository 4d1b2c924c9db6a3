//! The descriptors of the locks that this process holds.
//!
//! A child that is forked has them, too. A lock lasts until the last descriptor of its file is closed; so, if the parent is
//! killed, a child that lives on would keep its locks: others would wait for a save that nobody does any more, and take a
//! database for protected that is not. So a child closes them ([`close_locks_of_parent`]).

use std::sync::atomic::{AtomicI32, Ordering};

/// A process with more locks than this (one for each running save, one for each protected database) leaves the others to
/// its children.
const MAX: usize = 1024;
const NONE: i32 = -1;

static HELD: [AtomicI32; MAX] = [const { AtomicI32::new(NONE) }; MAX];

/// A descriptor in the list.
pub(crate) struct Listed {
    place: Option<usize>,
    descriptor: i32,
}

impl Listed {
    pub(crate) fn new(descriptor: i32) -> Self {
        let is_free =
            |held: &AtomicI32| held.compare_exchange(NONE, descriptor, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        Self { place: HELD.iter().position(is_free), descriptor }
    }

    /// Takes it out of the list, before it is closed: the number may be another file's then. False: this is a child, which
    /// has closed it already.
    pub(crate) fn remove(&self) -> bool {
        let held = self.place.map(|place| &HELD[place]);
        held.is_none_or(|held| held.compare_exchange(self.descriptor, NONE, Ordering::SeqCst, Ordering::SeqCst).is_ok())
    }
}

/// For a child that was just forked, before it does anything else: `close` is called with the descriptor of each lock of its
/// parent. Only atomics are used, since threads of the parent may have held any mutex.
pub fn close_locks_of_parent(close: impl Fn(i32)) {
    for held in &HELD {
        let descriptor = held.swap(NONE, Ordering::SeqCst);
        if descriptor != NONE {
            close(descriptor);
        }
    }
}
