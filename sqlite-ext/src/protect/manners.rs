//! What the thread of a protection leaves to the application: its signals, and the processor where it is wanted. The threads
//! that a save starts inherit both.

/// Takes them for the thread that calls.
pub(super) fn take() {
    heed_no_signals();
    give_way();
}

/// Signals are for the threads of the application: its handlers may expect to run there. What a thread does to itself
/// still reaches it.
#[cfg(unix)]
fn heed_no_signals() {
    let mut signals = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is filled before it is used, and a null pointer asks for no old set.
    unsafe {
        libc::sigfillset(signals.as_mut_ptr());
        for own in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT] {
            libc::sigdelset(signals.as_mut_ptr(), own);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, signals.as_ptr(), std::ptr::null_mut());
    }
}

#[cfg(not(unix))]
fn heed_no_signals() {}

/// Other threads come first where there are more of them than processors. On other systems this would be a matter of the
/// whole process.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn give_way() {
    /// About a tenth of the time of a thread of the application.
    const LESS: i32 = 10;
    // If it is refused, the thread works like any other.
    let _ = rustix::process::nice(LESS);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn give_way() {}
