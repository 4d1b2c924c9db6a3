//! Ctrl-C, and the end that systemd or a terminal that closes asks for: SQLite is interrupted, and the function undoes what
//! it has begun.

use crate::fail::Fail;
use rusqlite::Connection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Somebody has asked for the end.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether somebody has asked for the end.
pub fn is_asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// From now on, a signal interrupts what runs on this connection. A second signal ends the process at once.
///
/// # Errors
/// Host when the system refuses.
pub fn interrupts(db: &Connection) -> Result<(), Fail> {
    /// An interrupt has no effect between two statements, so it is given again.
    const AGAIN: Duration = Duration::from_millis(50);

    let handle = db.get_interrupt_handle();
    let interrupt = move || loop {
        handle.interrupt();
        thread::sleep(AGAIN);
    };
    on_signal(move || _ = thread::spawn(interrupt))
}

/// From now on, a signal sends a word. A second signal ends the process at once.
///
/// # Errors
/// Host when the system refuses.
pub fn words() -> Result<Receiver<()>, Fail> {
    let (sender, receiver) = channel();
    on_signal(move || _ = sender.send(()))?;
    Ok(receiver)
}

#[cfg(unix)]
fn on_signal(first: impl FnOnce() + Send + 'static) -> Result<(), Fail> {
    use crate::fail::Kind;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let failed = |error: std::io::Error| Fail::host(format!("signals cannot be received: {error}"));
    // What `nohup` and a shell's `&` let a process ignore stays ignored.
    let ignored = ignored();
    let watched = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(watched).map_err(failed)?;
    let receive = move || {
        let mut signals = signals.forever();
        if signals.next().is_some() {
            ASKED.store(true, Ordering::Relaxed);
            first();
        }
        if signals.next().is_some() {
            std::process::exit(Kind::Interrupted.exit_code().into());
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(receive).map_err(failed)?;
    Ok(())
}

/// There, Ctrl-C ends the process. What it had begun to write is a temporary file.
#[cfg(not(unix))]
fn on_signal(first: impl FnOnce() + Send + 'static) -> Result<(), Fail> {
    // What it would send is never sent, and never ends.
    std::mem::forget(first);
    Ok(())
}

/// The signals that this process was started to ignore, as a set of bits. 0 where that cannot be told.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}
