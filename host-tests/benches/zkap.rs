//! Lifeboat beside `sqlite3 .dump | zstd -3 | age` on the ZKAP database of full size, in turns, and the component. Prints a
//! table in Markdown: medians, and how many times the pipeline's.
//!
//! `cargo bench -p lifeboat-host-tests --bench zkap [-- ROUNDS]`, five rounds unless told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::host::{Host, keygen, quote};
use lifeboat_host_tests::usage::{Usage, measure};
use lifeboat_host_tests::zkap::Size;
use tempfile::tempdir;
use wasm::Instance;

#[path = "../tests/wasm/mod.rs"]
mod wasm;

/// One line of the table.
struct Line {
    name: &'static str,
    runs: Vec<Usage>,
    /// Bytes of the result.
    size: u64,
}

impl Line {
    fn new(name: &'static str) -> Self {
        Self { name, runs: Vec::new(), size: 0 }
    }

    fn add(&mut self, usage: Usage, result: &Path) {
        self.runs.push(usage);
        self.size = fs::metadata(result).map_or(0, |metadata| metadata.len());
    }

    fn time(&self) -> f64 {
        median(self.runs.iter().map(|usage| usage.time.as_secs_f64()).collect())
    }

    fn peak(&self) -> f64 {
        median(self.runs.iter().map(|usage| usage.peak as f64).collect())
    }

    /// Prints the line; the ratios are to `peer`.
    fn print(&self, peer: Option<&Self>) {
        let ratio = |own: f64, other: f64| format!(" ({:.2})", own / other);
        let (time, size) = match peer {
            Some(peer) => (ratio(self.time(), peer.time()), ratio(self.size as f64, peer.size as f64)),
            None => (String::new(), String::new()),
        };
        let mib = if self.peak() > 0.0 { format!("{:.0}", self.peak() / f64::from(1 << 20)) } else { "-".to_string() };
        println!("| {} | {:.3}{time} | {}{size} | {mib} |", self.name, self.time(), self.size);
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn main() {
    let rounds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(5);
    let directory = tempdir().expect("a directory for results");
    let path = |name: &str| directory.path().join(name);
    let database = corpus::zkap(Size::ACCEPTANCE);
    let wal = path("wal.db");
    fs::copy(&database, &wal).expect("the disk has room");
    Host::Rust.ok(&wal, "PRAGMA journal_mode = wal");
    let key = keygen();
    let (identity, recipient) = age_key(&path("age.key"));
    let shell = |sql: String| measure(vec![Host::Shell.command(Path::new(":memory:"))], &sql, None);

    // 100 tokens are spent: 10 go to the error table, 110 are deleted, a voucher comes.
    let (base, before) = (path("base.bundle"), path("before.ledger"));
    let spent = path("spent.db");
    fs::copy(&wal, &spent).expect("the disk has room");
    let with_ledger = |ledger: &Path| format!("{{\"ledger\": \"{}\"}}", ledger.display());
    let export_to = |bundle: &Path, options: String| {
        format!("SELECT backup_export_file({}, {}, {});", quote(&key), quote(bundle), quote(options))
    };
    Host::Rust.ok(&spent, &export_to(&base, with_ledger(&before)));
    Host::Rust.ok(&spent, corpus::SPENDING);

    let mut lines = [
        "export in WAL mode",
        "export in rollback mode",
        "dump, zstd, age",
        "restore",
        "age, zstd, sqlite3",
        "verify",
        "recover in the component",
        "delta, with the base",
        "delta, with a ledger",
    ]
    .map(Line::new);
    for _ in 0..rounds {
        let [export, copying, dump, restore, load, verify, component, by_base, by_ledger] = &mut lines;
        let (bundle, dumped, copy, loaded) = (path("app.bundle"), path("dump.age"), path("copy.db"), path("loaded.db"));
        for file in [&bundle, &dumped, &copy, &loaded] {
            let _ = fs::remove_file(file);
        }
        let sql = format!("SELECT backup_export_file({}, {});", quote(&key), quote(&bundle));
        copying.add(measure(vec![Host::Shell.command(&database)], &sql, None), &bundle);
        fs::remove_file(&bundle).expect("it was just made");
        export.add(measure(vec![Host::Shell.command(&wal)], &sql, None), &bundle);
        let source = database.to_str().expect("paths here are UTF-8");
        let pipeline = vec![
            command("sqlite3", &["-batch", source, ".dump"]),
            command("zstd", &["-q", "-3"]),
            command("age", &["-r", &recipient]),
        ];
        dump.add(measure(pipeline, "", Some(&dumped)), &dumped);
        let (bundle_text, key_text) = (quote(&bundle), quote(&key));
        restore.add(shell(format!("SELECT backup_restore_file({bundle_text}, {key_text}, {});", quote(&copy))), &copy);
        let dumped_path = dumped.to_str().expect("paths here are UTF-8");
        let pipeline = vec![
            command("age", &["-d", "-i", &identity, dumped_path]),
            command("zstd", &["-q", "-d"]),
            command("sqlite3", &["-batch", loaded.to_str().expect("paths here are UTF-8")]),
        ];
        load.add(measure(pipeline, "", None), &loaded);
        verify.add(shell(format!("SELECT backup_verify({bundle_text}, {key_text});")), &bundle);
        let recovered = path("recovered.db");
        component.add(in_component(&bundle, &key, &recovered), &recovered);
        let (delta, ledger) = (path("delta.bundle"), path("app.ledger"));
        for line in [by_base, by_ledger] {
            let _ = fs::remove_file(&delta);
            fs::copy(&before, &ledger).expect("the disk has room");
            let options = match line.name {
                "delta, with a ledger" => with_ledger(&ledger),
                _ => format!("{{\"base\": \"{}\"}}", base.display()),
            };
            line.add(measure(vec![Host::Shell.command(&spent)], &export_to(&delta, options), None), &delta);
        }
    }
    let [export, copying, dump, restore, load, verify, component, by_base, by_ledger] = &lines;
    println!("| on the ZKAP database, {rounds} rounds | s (times the pipeline's) | bytes (times) | MiB at the peak |");
    println!("|---|---|---|---|");
    export.print(Some(dump));
    copying.print(Some(dump));
    dump.print(None);
    restore.print(Some(load));
    load.print(None);
    verify.print(None);
    component.print(Some(load));
    println!();
    println!("| after 100 tokens were spent | s (times the full export's) | bytes (times) | MiB at the peak |");
    println!("|---|---|---|---|");
    by_base.print(Some(export));
    by_ledger.print(Some(export));
}

/// An age identity: its file, and its recipient.
fn age_key(file: &Path) -> (String, String) {
    let made = Command::new("age-keygen").arg("-o").arg(file).output().expect("age-keygen is installed");
    assert!(made.status.success(), "age-keygen failed");
    let text = fs::read_to_string(file).expect("age-keygen wrote it");
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("age writes it there");
    (file.to_str().expect("paths here are UTF-8").to_string(), recipient.to_string())
}

/// Recovers to a file in this process; the component is compiled before. The peak is that of the component's memory, which
/// is not measured: 0.
fn in_component(bundle: &Path, key: &str, target: &PathBuf) -> Usage {
    wasm::component();
    let bundle = fs::read(bundle).expect("the bundle was just made");
    let began = Instant::now();
    let mut file = fs::File::create(target).expect("the target can be made");
    let write = |piece: &[u8]| std::io::Write::write_all(&mut file, piece).expect("the disk has room");
    let recovered = Instance::new(4 << 30).recover(&bundle, key, wasm::PIECE, write);
    recovered.unwrap_or_else(|e| panic!("the component: {e:?}"));
    let time: Duration = began.elapsed();
    Usage { time, peak: 0 }
}
