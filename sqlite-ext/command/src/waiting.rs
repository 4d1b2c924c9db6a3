//! A line on a terminal while something takes long. It tells the time, and promises nothing.

use crate::stop;
use indicatif::{ProgressBar, ProgressStyle};
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
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
    let line = ProgressBar::new_spinner().with_elapsed(began.elapsed()).with_message(doing);
    line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    while goes_on(TICK) {
        line.set_message(if stop::is_asked() { "stopping" } else { doing });
        line.tick();
    }
    line.finish_and_clear();
}
