//! What a pipeline of programs takes: time, and memory at its peak.

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
    /// The largest resident set of each program, summed, in bytes.
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
    let mut peaks = vec![0; children.len()];
    loop {
        let mut running = false;
        for (child, peak) in children.iter_mut().zip(&mut peaks) {
            *peak = resident_peak(child.id()).unwrap_or(0).max(*peak);
            match child.try_wait().expect("the program was started") {
                None => running = true,
                Some(status) => assert!(status.success(), "a program of the pipeline failed: {status}"),
            }
        }
        if !running {
            return Usage { time: began.elapsed(), peak: peaks.into_iter().sum() };
        }
        sleep(Duration::from_millis(1));
    }
}

/// The largest resident set of a process so far, in bytes; none when it has ended.
fn resident_peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
}
