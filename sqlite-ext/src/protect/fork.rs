//! A process that forks while a thread of ours is inside SQLite.
//!
//! The child gets a copy of all memory, and only the thread that called `fork`. Mutexes of SQLite that another thread held at
//! that moment stay locked in the child forever. So before a fork, our threads leave SQLite: each is inside only
//! between [`enter`] and the end of its [`Inside`], and steps aside at each [`step_aside`]. The fork waits for that, at
//! most [`PATIENCE`]. Statements ask each 1,000 instructions, so that takes well below a millisecond.
//!
//! The child also has the descriptors of its parent's locks, and closes them: otherwise a parent that is killed would seem to
//! save, and to protect its databases, as long as the child lives.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a fork waits. After this it goes on, as it would with the threads of any other library.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_millis(200);
const STEP: Duration = Duration::from_micros(100);

/// How many threads of ours are inside SQLite.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// How many forks are waiting or under way.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// A thread of ours is inside SQLite as long as this lives.
pub(super) struct Inside(());

/// Waits for a fork that is under way, and enters SQLite.
pub(super) fn enter() -> Inside {
    go_in();
    Inside(())
}

/// Lets a fork happen. Only for a thread that is [`Inside`], at a moment when SQLite holds no mutex for it: in a
/// progress handler, or between two calls.
pub(super) fn step_aside() {
    if FORKS.load(Ordering::SeqCst) > 0 {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
        go_in();
    }
}

fn go_in() {
    loop {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        if FORKS.load(Ordering::SeqCst) == 0 {
            return;
        }
        INSIDE.fetch_sub(1, Ordering::SeqCst);
        while FORKS.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(STEP);
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// From now on, forks wait for our threads. Once for the process: the library stays loaded.
#[cfg(unix)]
pub(super) fn watch() {
    static WATCHED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

    unsafe extern "C" fn before() {
        FORKS.fetch_add(1, Ordering::SeqCst);
        let began = std::time::Instant::now();
        while INSIDE.load(Ordering::SeqCst) > 0 && began.elapsed() < PATIENCE {
            std::thread::sleep(STEP);
        }
    }

    unsafe extern "C" fn in_parent() {
        FORKS.fetch_sub(1, Ordering::SeqCst);
    }

    unsafe extern "C" fn in_child() {
        FORKS.store(0, Ordering::SeqCst);
        INSIDE.store(0, Ordering::SeqCst);
        lifeboat_store::close_locks_of_parent(|descriptor| {
            // SAFETY: the descriptor is that of a lock of ours, which no code of the child uses: the threads that hold locks
            // are not there. A lock of the thread that forks knows that it was closed.
            unsafe { libc::close(descriptor) };
        });
    }

    if !WATCHED.swap(true, Ordering::SeqCst) {
        // SAFETY: the handlers take no arguments, never unwind, and use only atomics, sleep and close. They stay where they
        // are: `pin` keeps the library loaded. Without memory for them (the only error) forks do not wait.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    }
}

#[cfg(not(unix))]
pub(super) fn watch() {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// One test, since all of it is the process's.
    #[test]
    fn a_fork_finds_no_thread_of_ours_inside() {
        watch();
        let inside = enter();
        assert_eq!(INSIDE.load(Ordering::SeqCst), 1);
        let working = std::thread::spawn(|| {
            let _inside = enter();
            let began = std::time::Instant::now();
            let mut steps = 0_u64;
            while began.elapsed() < Duration::from_millis(300) {
                step_aside();
                steps += 1;
            }
            steps
        });
        drop(inside);
        for _ in 0..20 {
            // SAFETY: the child does nothing but to say what it found.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let wrong = INSIDE.load(Ordering::SeqCst) + FORKS.load(Ordering::SeqCst);
                // SAFETY: it ends this process at once.
                unsafe { libc::_exit(i32::from(wrong != 0)) };
            }
            assert!(INSIDE.load(Ordering::SeqCst) <= 1);
            let mut status = 0;
            // SAFETY: it waits for the child above.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(status, 0);
        }
        assert!(working.join().unwrap() > 0);
        assert_eq!((INSIDE.load(Ordering::SeqCst), FORKS.load(Ordering::SeqCst)), (0, 0));
    }
}
