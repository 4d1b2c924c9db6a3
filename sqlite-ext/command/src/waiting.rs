//! A line on a terminal while something takes long. It tells the time, and what went to stores and came from them. How much is
//! still to come is not known, so it promises nothing.

use crate::stop;
use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};
use lifeboat_store::{Traffic, traffic};
use std::io::{self, IsTerminal};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What is done sooner shows nothing.
const BEFORE: Duration = Duration::from_millis(700);
const TICK: Duration = Duration::from_millis(100);

/// The line goes away when this is dropped.
pub struct Waiting {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Waiting {
    pub fn begin(doing: &'static str) -> Self {
        if !io::stderr().is_terminal() {
            return Self { end: None, thread: None };
        }
        let (end, ended) = channel();
        // Without a thread there is no line.
        let thread = thread::Builder::new().spawn(move || show(doing, &ended)).ok();
        Self { end: Some(end), thread }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn show(doing: &'static str, ended: &Receiver<()>) {
    let began = Instant::now();
    let goes_on = |time| ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
    if !goes_on(BEFORE) {
        return;
    }
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}{prefix}");
    let line = ProgressBar::new_spinner().with_elapsed(began.elapsed()).with_message(doing);
    line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    while goes_on(TICK) {
        line.set_prefix(told(traffic()));
        line.set_message(if stop::is_asked() { "stopping" } else { doing });
        line.tick();
    }
    line.finish_and_clear();
}

/// Such as `, 12.30 MB read, 4.50 MB put, 31 requests`. Nothing where no store was asked.
fn told(traffic: Traffic) -> String {
    let bytes = |bytes: u64, what: &str| match bytes {
        0 => String::new(),
        bytes => format!(", {} {what}", DecimalBytes(bytes)),
    };
    match traffic.requests {
        0 => String::new(),
        1 => ", 1 request".to_owned(),
        requests => format!("{}{}, {requests} requests", bytes(traffic.read, "read"), bytes(traffic.put, "put")),
    }
}
