//! Whatever fails, and whenever the process dies: afterwards the target is what it was or what it should become, whole.

mod bench;
#[path = "../../../core/tests/support/evidence.rs"]
mod evidence;
mod hosts;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bench::{ALL, Bench, COMPOSE, Call, EXPORT, EXPORT_DELTA, RESTORE, RESTORE_FILE, Tally};
use lifeboat_host_tests::corpus;
use lifeboat_host_tests::host::{Host, keygen, open, quote};
use lifeboat_host_tests::random::Random;
use lifeboat_host_tests::zkap::Size;
use tempfile::tempdir;

/// Puts faults into every work, and tells how many there were.
fn in_every_work(mode: &str) -> Tally {
    let mut tally = Tally::default();
    ALL.iter().for_each(|work| Bench::new(work).every_call(mode, &mut tally));
    let Tally { faults, errors, successes, kills } = tally;
    println!(
        "faults in system calls, {mode}: {} functions, {faults} faults: {errors} errors, {successes} overcome, {kills} kills; each \
         file the old or the new one",
        ALL.len()
    );
    evidence::at_least(&format!("faults in system calls, {mode}"), faults);
    tally
}

/// Z7 Z18: each system call fails once with an I/O error.
#[test]
fn io_errors() {
    assert!(in_every_work("once").errors > 0);
}

/// Z7 Z18: each system call fails with an I/O error, and all after it.
#[test]
fn io_errors_from_then_on() {
    assert!(in_every_work("forever").errors > 0);
}

/// Z7: the disk is full from some write on.
#[test]
fn full_disk() {
    assert!(in_every_work("full").errors > 0);
}

/// Z7 Z18 T1: the process is killed at each system call, in the midst of a write; the one file is the old or the new one.
#[test]
fn killed_at_every_call() {
    let Tally { faults, kills, .. } = in_every_work("kill");
    assert_eq!(kills, faults);
}

/// Z7: the power fails. What takes the place of a file was synced after it was written, and so is the directory then.
#[test]
fn synced_before_it_is_in_place() {
    let mut moves = 0;
    for work in ALL.into_iter().filter(|work| work.target != "main.db") {
        let bench = Bench::new(work);
        bench.reset();
        let (_, calls) = bench.run(None);
        let place = bench.path("place").display().to_string();
        for (at, Call { name, path }) in calls.iter().enumerate() {
            if !matches!(&name[..], "rename" | "link") {
                continue;
            }
            moves += 1;
            let last =
                calls[..at].iter().rposition(|call| call.path == *path && (call.writes() || call.name == "ftruncate"));
            let last = last.unwrap_or_else(|| panic!("{}: {path} was never written", work.sql));
            assert!(calls[last..at].iter().any(|call| call.syncs(path)), "{}: {path} was not synced", work.sql);
            assert!(calls[at..].iter().any(|call| call.syncs(&place)), "{}: its directory was not", work.sql);
        }
    }
    println!("synced before it is in place: {moves} files that took their places");
    assert!(moves >= 8, "{moves}");
}

/// A person whose disk is full is told so, and what to do.
#[test]
fn full_disk_is_explained() {
    for work in [&EXPORT, &EXPORT_DELTA, &COMPOSE, &RESTORE_FILE, &RESTORE] {
        let bench = Bench::new(work);
        bench.reset();
        let (_, calls) = bench.run(None);
        let write = calls.iter().position(Call::writes).expect("it writes");
        bench.reset();
        let (output, _) = bench.run(Some((write + 1, "full")));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("host"), "{said}");
        assert!(said.contains("free") && said.contains("space"), "{said} does not say what to do");
    }
}

/// Z7: kill -9 at random times, on the database of full size.
#[test]
fn killed_at_random_times() {
    let directory = tempdir().unwrap();
    let key = keygen();
    let path = |name: &str| directory.path().join(name);
    let database = corpus::zkap(Size::ACCEPTANCE);
    let export = format!("SELECT length(backup_export_file({}, {}));", quote(&key), quote(path("app.bundle")));
    Host::Shell.ok(&corpus::zkap(Size::SMALL), &export);
    let old_bundle = fs::read(path("app.bundle")).unwrap();
    let began = Instant::now();
    Host::Shell.ok(&database, &export);
    let export_time = began.elapsed();
    let new_bundle = fs::read(path("app.bundle")).unwrap();
    fs::write(path("new.bundle"), &new_bundle).unwrap();
    let restore = format!(
        "SELECT length(backup_restore_file({}, {}, {}, '{{\"replace\": true}}'));",
        quote(path("new.bundle")),
        quote(&key),
        quote(path("copy.db"))
    );
    let small = corpus::zkap(Size::SMALL);
    let rows = |database: &Path| -> i64 {
        let db = open(database);
        assert_eq!(db.query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
        db.query_row("SELECT count(*) FROM \"unblinded-tokens\"", [], |row| row.get(0)).unwrap()
    };
    let mut random = Random::new(9);
    let runs = if std::env::var_os("LIFEBOAT_SOAK").is_some() { 200 } else { 5 };
    let mut done = 0;
    for run in 0..runs {
        fs::write(path("app.bundle"), &old_bundle).unwrap();
        kill_after(&database, &export, export_time.mul_f64(random.below(1_100) as f64 / 1_000.0));
        let bundle = fs::read(path("app.bundle")).unwrap();
        assert!(bundle == old_bundle || bundle == new_bundle, "run {run}: {} bytes of a bundle", bundle.len());

        let _ = fs::remove_file(path("copy.db"));
        fs::copy(&small, path("copy.db")).unwrap();
        kill_after(Path::new(":memory:"), &restore, export_time.mul_f64(random.below(2_000) as f64 / 1_000.0));
        let found = rows(&path("copy.db"));
        assert!(found == 512 || found == 512_000, "run {run}: {found} rows");
        done += usize::from(bundle == new_bundle) + usize::from(found == 512_000);
        for entry in fs::read_dir(directory.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.starts_with('.') {
                fs::remove_file(path(&name)).unwrap();
            }
        }
    }
    println!(
        "killed at random times: {} kills, {done} came when the work was done; each file the old or the new one",
        2 * runs
    );
}

fn kill_after(database: &Path, sql: &str, time: Duration) {
    let mut command = Host::Shell.command(database);
    command.arg(sql).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(time);
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().unwrap();
}
