//! Processes that work on cases, one after the other, each under a time limit.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Outcome;

/// How many times its limit a case may take where it does not get the processor.
const WAITING: u32 = 10;

/// How one case ended.
pub enum Ended {
    /// The process said so.
    Reply(Outcome),
    /// The process ended: what it was at, how, and what it last said.
    Crash(String),
    /// The process did not reply in time, and was killed: what it was at.
    Hang(String),
}

/// Runs cases on `jobs` processes, each within `limit` of processor time. `command` starts one: it reads the number of a case from its input, a line each, and
/// writes an [`Outcome`] as a line of JSON; before that, other lines may say what it is [`at`]. `done` is told of each case, in the order in which they end.
pub fn run(
    cases: impl Iterator<Item = usize> + Send,
    jobs: usize,
    limit: Duration,
    command: impl Fn() -> Command + Sync,
    done: impl FnMut(usize, Ended, Duration) + Send,
) {
    let (cases, done) = (Mutex::new(cases.into_iter()), Mutex::new(done));
    let (cases, done, command) = (&cases, &done, &command);
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(move || {
                let mut worker = None;
                loop {
                    let next = cases.lock().expect("no thread has panicked").next();
                    let Some(number) = next else { break };
                    let began = Instant::now();
                    let ended = worker.get_or_insert_with(|| Worker::start(command())).work(number, limit);
                    if !matches!(ended, Ended::Reply(_)) {
                        worker = None;
                    }
                    done.lock().expect("no thread has panicked")(number, ended, began.elapsed());
                }
            });
        }
    });
}

/// In a working process: says what comes next, to be named if it does not end well.
pub fn at(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}").and_then(|()| out.flush()).expect("somebody reads");
}

struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    replies: Receiver<String>,
    said: std::fs::File,
}

impl Worker {
    fn start(mut command: Command) -> Self {
        // A pipe that nobody reads would fill up; a file whose name is gone does not.
        let path =
            std::env::temp_dir().join(format!("lifeboat-worker-{:?}-{}", thread::current().id(), std::process::id()));
        let mut options = std::fs::File::options();
        let said = options.read(true).write(true).create(true).truncate(true).open(&path).expect("a temporary file");
        std::fs::remove_file(&path).expect("the file was just made");
        let stderr = said.try_clone().expect("a file has another handle");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("it is piped"));
        let (sender, replies) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, input, replies, said }
    }

    fn work(&mut self, number: usize, limit: Duration) -> Ended {
        let input = self.input.as_mut().expect("it is piped");
        // A process that is gone does not read; what happened to it is found out below.
        let _ = writeln!(input, "{number}").and_then(|()| input.flush());
        let (began, used_before, mut at) = (Instant::now(), self.used(), String::from("the beginning"));
        loop {
            match self.replies.recv_timeout(Duration::from_secs(1)) {
                Ok(line) => match serde_json::from_str(&line) {
                    Ok(outcome) => return Ended::Reply(outcome),
                    Err(_) => at = line,
                },
                Err(RecvTimeoutError::Timeout) => {
                    // On a busy machine a process waits for its turn; one that waits forever is a hang, too.
                    if self.used().saturating_sub(used_before) >= limit || began.elapsed() >= limit * WAITING {
                        return Ended::Hang(at);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().expect("the child was started");
                    return Ended::Crash(format!("{at}: {status}; {}", self.last_words()));
                }
            }
        }
    }

    /// The processor time of the process so far; none where the system does not tell.
    fn used(&self) -> Duration {
        const PER_SECOND: u64 = 100;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // Behind the name, which may have spaces in it: `utime` and `stime` are the 12th and 13th of the other fields.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace().skip(11).take(2);
        Duration::from_millis(fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * 1000 / PER_SECOND)
    }

    fn last_words(&mut self) -> String {
        let mut words = Vec::new();
        let length = self.said.seek(SeekFrom::End(0)).unwrap_or(0);
        let read = self.said.seek(SeekFrom::Start(length.saturating_sub(2000)));
        let _ = read.and_then(|_| self.said.read_to_end(&mut words));
        String::from_utf8_lossy(&words).trim().to_owned()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // At the end of its input a worker ends by itself, after tidying up; one that hangs does not.
        drop(self.input.take());
        for _ in 0..100 {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(super::directory_of(self.child.id()));
    }
}
