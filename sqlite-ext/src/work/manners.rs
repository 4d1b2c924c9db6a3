//! What the threads that an export, a restore or a protection starts leave to the application: its signals, and the processor
//! where it is wanted.

/// Takes them for the thread that calls.
pub(crate) fn take() {
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
    // On Linux this is of the thread. If it is refused, the thread works like any other.
    let _ = rustix::process::getpriority_process(None)
        .and_then(|priority| rustix::process::setpriority_process(None, priority.max(LESS)));
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn give_way() {}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use lifeboat_core::parallel;
    use std::thread;

    fn priority() -> i32 {
        rustix::process::getpriority_process(None).expect("a priority")
    }

    #[test]
    fn workers_give_way_and_their_caller_does_not() {
        parallel::begin_with(super::take);
        let before = priority();
        let (worker, of_worker) = thread::scope(|scope| {
            // A worker that starts another one, as the thread of a protection does.
            let first = parallel::start(scope, || {
                (
                    priority(),
                    thread::scope(|scope| {
                        parallel::start(scope, priority).expect("a thread").join().expect("a priority")
                    }),
                )
            });
            first.expect("a thread").join().expect("a priority")
        });
        assert_eq!((worker, of_worker), (before.max(10), before.max(10)));
        assert_eq!(priority(), before);
    }
}
