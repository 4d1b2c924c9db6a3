//! What a pipeline of programs takes: time, and memory at its peak.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
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
    let mut peaks = BTreeMap::new();
    for round in 0.. {
        let mut running = false;
        // Others are looked for now and then: that takes a while.
        let mut processes: Vec<u32> = children.iter().map(Child::id).collect();
        if round % 16 == 0 {
            processes = with_descendants(processes);
        }
        for process in processes.into_iter().chain(peaks.keys().copied()).collect::<BTreeSet<_>>() {
            let peak = peaks.entry(process).or_insert(0);
            *peak = resident_peak(process).unwrap_or(0).max(*peak);
        }
        for child in &mut children {
            match child.try_wait().expect("the program was started") {
                None => running = true,
                Some(status) => assert!(status.success(), "a program of the pipeline failed: {status}"),
            }
        }
        if !running {
            return Usage { time: began.elapsed(), peak: peaks.into_values().sum() };
        }
        sleep(Duration::from_millis(1));
    }
    unreachable!("the loop ends when the programs have")
}

/// These processes, and all that they have started.
fn with_descendants(mut processes: Vec<u32>) -> Vec<u32> {
    let parent = |process: u32| -> Option<u32> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    let names =
        fs::read_dir("/proc").expect("Linux has it").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let all: Vec<(u32, u32)> =
        names.filter_map(|name| name.parse().ok()).filter_map(|n| Some((n, parent(n)?))).collect();
    let mut at = 0;
    while let Some(process) = processes.get(at).copied() {
        processes.extend(all.iter().filter(|(_, parent)| *parent == process).map(|(child, _)| *child));
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
