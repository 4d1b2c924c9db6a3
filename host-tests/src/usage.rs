//! What a pipeline of programs takes: time, and memory at its peak.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread::spawn;
use std::time::{Duration, Instant};

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// From the start of the first program to the end of the last.
    pub time: Duration,
    /// The largest resident set of each program and of each that it started, summed, in bytes.
    pub peak: u64,
}

/// Runs programs, each one's output the next one's input; the first reads `input`, the last writes to `output`, if there
/// is one. Panics when one of them fails.
#[track_caller]
pub fn measure(commands: Vec<Command>, input: &str, output: Option<&Path>) -> Usage {
    assert!(Path::new("/proc/thread-self/children").exists(), "this Linux does not tell the children of a process");
    let last = commands.len() - 1;
    let began = Instant::now();
    let mut children: Vec<Child> = Vec::new();
    for (n, mut command) in commands.into_iter().enumerate() {
        match children.last_mut().and_then(|previous| previous.stdout.take()) {
            None => command.stdin(Stdio::piped()),
            Some(pipe) => command.stdin(pipe),
        };
        command.stdout(match output {
            Some(path) if n == last => Stdio::from(File::create(path).expect("the output can be written")),
            None if n == last => Stdio::null(),
            _ => Stdio::piped(),
        });
        let program = command.get_program().to_owned();
        children.push(command.spawn().unwrap_or_else(|e| panic!("cannot start {}: {e}", program.display())));
    }
    if let Some(mut stdin) = children[0].stdin.take() {
        stdin.write_all(input.as_bytes()).expect("the first program reads its input");
    }
    // Threads wait for the programs, so that their ends are seen at once, whatever is done here meanwhile.
    let started: Vec<u32> = children.iter().map(Child::id).collect();
    let (ends, ended) = channel();
    for mut child in children {
        let ends = ends.clone();
        spawn(move || {
            let status = child.wait();
            let _ = ends.send((Instant::now(), status));
        });
    }
    let (mut peaks, mut running, mut end) = (BTreeMap::new(), started.len(), began);
    for round in 0.. {
        // Others are looked for now and then: that takes a while.
        let processes = if round % 16 == 0 { with_descendants(started.clone()) } else { started.clone() };
        for process in processes.into_iter().chain(peaks.keys().copied()).collect::<BTreeSet<_>>() {
            let peak = peaks.entry(process).or_insert(0);
            *peak = resident_peak(process).unwrap_or(0).max(*peak);
        }
        let mut wait = Duration::from_millis(1);
        while let Ok((at, status)) = ended.recv_timeout(wait) {
            let status = status.expect("the program was started");
            assert!(status.success(), "a program of the pipeline failed: {status}");
            (running, end, wait) = (running - 1, end.max(at), Duration::ZERO);
        }
        if running == 0 {
            return Usage { time: end - began, peak: peaks.into_values().sum() };
        }
    }
    unreachable!("the loop ends when the programs have")
}

/// These processes, and all that they have started. To look at no others keeps what is measured undisturbed.
fn with_descendants(mut processes: Vec<u32>) -> Vec<u32> {
    let mut at = 0;
    while let Some(process) = processes.get(at).copied() {
        for thread in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            processes.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        at += 1;
    }
    processes
}

/// The largest resident set of a process so far, in bytes; none when it has ended.
fn resident_peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_starts_counts() {
        let mut shell = Command::new("sh");
        let hold = "import time; held = b'x' * (1 << 26); time.sleep(0.5)";
        shell.args(["-c", &format!("python3 -c \"{hold}\"; exit")]);
        let usage = measure(vec![shell], "", None);
        assert!(usage.peak > 1 << 26 && usage.time > Duration::from_millis(500), "{usage:?}");
    }
}
