//! A process that protects a database: Lifeboat in `sqlite3`, or litestream in its normal mode.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::scene::Scene;

/// How long a commit may take to the store.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nothing came into the store for this long: all is there.
const QUIET: Duration = Duration::from_secs(3);
/// Of the times in `/proc/PID/stat`.
const TICKS_PER_SECOND: f64 = 100.0;

/// Who protects the database.
#[derive(Clone, Copy, PartialEq)]
pub enum Beside {
    Nobody,
    Lifeboat,
    Litestream,
}

/// The call that protects a database of this name, whatever its journal mode.
pub fn protect(name: &str) -> String {
    let options = format!("{{\"local\": \"{name}/local\", \"rollback\": true}}");
    format!("SELECT backup_protect('file:app.key', 'dir:{name}/copy', '{options}')")
}

/// A process that protects a database. It ends when this is dropped.
pub struct Protector {
    child: Child,
    /// The shell ends with its input.
    input: Option<ChildStdin>,
    beside: Beside,
    copy: std::path::PathBuf,
}

impl Protector {
    /// Starts it, and waits until the whole database is in the store.
    pub fn start(scene: &Scene, beside: Beside, name: &str) -> Self {
        scene.shell(&format!("rm -rf {name}; mkdir {name}"));
        let directory = scene.path().display();
        let mut command = match beside {
            Beside::Litestream => {
                let config = format!(
                    "logging: {{level: error, stderr: true}}\ndbs:\n  - path: {directory}/{name}.db\n    replica:\n      type: file\n      \
                     path: {directory}/{name}/copy\n"
                );
                fs::write(scene.path().join(format!("litestream-{name}.yml")), config).expect("the disk has room");
                let mut command = scene.command("litestream");
                command.args(["replicate", "-config", &format!("litestream-{name}.yml")]);
                command
            }
            _ => {
                let mut command = scene.command("sqlite3");
                command.args(["-bail", "-cmd", ".load dist/liblifeboat", &format!("{name}.db")]);
                command
            }
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts; `make bench` installs what it needs");
        let mut input = child.stdin.take().expect("it has an input");
        if beside == Beside::Lifeboat {
            writeln!(input, "{};", protect(name)).expect("the shell reads");
            let mut told = String::new();
            let output = child.stdout.take().expect("it has an output");
            BufReader::new(output).read_line(&mut told).expect("the shell answers");
            assert!(told.starts_with('{'), "{told}");
        }
        let protector = Self { child, input: Some(input), beside, copy: scene.path().join(name).join("copy") };
        let began = Instant::now();
        while protector.held() == 0 {
            assert!(began.elapsed() < PATIENCE, "nothing came into the store");
            sleep(Duration::from_millis(50));
        }
        protector.settle();
        protector
    }

    /// How many changes the store has: records, or files of litestream.
    pub fn held(&self) -> usize {
        fn count(directory: &Path, is_one: &dyn Fn(&Path) -> bool) -> usize {
            let Ok(entries) = fs::read_dir(directory) else { return 0 };
            entries
                .flatten()
                .map(|entry| {
                    let path = entry.path();
                    if path.is_dir() { count(&path, is_one) } else { usize::from(is_one(&path)) }
                })
                .sum()
        }
        let is_record = |path: &Path| path.components().any(|part| part.as_os_str() == "log");
        // Compactions bring files of higher levels.
        let is_change = |path: &Path| {
            path.extension().is_some_and(|extension| extension == "ltx")
                && path
                    .parent()
                    .and_then(Path::file_name)
                    .is_some_and(|level| level.as_encoded_bytes().iter().all(|digit| *digit == b'0'))
        };
        if self.beside == Beside::Lifeboat { count(&self.copy, &is_record) } else { count(&self.copy, &is_change) }
    }

    /// Waits until nothing more comes.
    pub fn settle(&self) {
        let (mut held, mut since) = (self.held(), Instant::now());
        while since.elapsed() < QUIET {
            sleep(Duration::from_millis(50));
            let now = self.held();
            if now != held {
                (held, since) = (now, Instant::now());
            }
        }
    }

    /// Commits, and waits until the store has it and nothing more comes. Gives the seconds from the commit to the store.
    pub fn follow(&self, commit: impl FnOnce()) -> f64 {
        let held = self.held();
        commit();
        let began = Instant::now();
        while self.held() == held {
            assert!(began.elapsed() < PATIENCE, "a commit did not come into the store");
            sleep(Duration::from_millis(5));
        }
        let lag = began.elapsed().as_secs_f64();
        self.settle();
        lag
    }

    /// Seconds of the processor, of all its threads.
    pub fn work(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let after_name = stat.rsplit_once(')').expect("the name stands in parentheses").1;
        let ticks: f64 =
            after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number")).sum();
        ticks / TICKS_PER_SECOND
    }
}

impl Drop for Protector {
    fn drop(&mut self) {
        self.input.take();
        if self.beside == Beside::Litestream {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
