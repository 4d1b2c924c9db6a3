//! Processes that save are killed with SIGKILL, again and again, over real directories.
#![cfg(unix)]

#[path = "../../tests/support/evidence.rs"]
mod evidence;
#[path = "save/support.rs"]
mod support;

use lifeboat_store::events;
use lifeboat_store::save::SystemFiles;
use lifeboat_store::{Places, Store};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use support::{Database, Place, records, restore};

/// Where the child process finds what to save.
const PLACE: &str = "LIFEBOAT_TEST_SAVES";
/// At least this many are killed; in `make soak` many more.
const KILLS: usize = 500;

fn stores(directory: &Path) -> Vec<Arc<dyn Store>> {
    let place = |number: usize| format!("dir:{}", directory.join(format!("copy{number}")).display());
    let open = |number: usize| Places::parse(&place(number)).unwrap().places()[0].open().unwrap();
    (0..3).map(|number| Arc::from(open(number))).collect()
}

/// This is not a test of its own, but the process that is killed. It prints each state before it saves it, and after.
#[test]
fn child_that_saves() {
    let Some(directory) = std::env::var_os(PLACE) else { return };
    let directory = Path::new(&directory);
    let stores = stores(directory);
    let mut place = Place::new(directory.join("local"), 2);
    // Each save writes an event, since the clock goes on: also from one process to the next.
    place.now = std::env::var("LIFEBOAT_TEST_NOW").unwrap().parse().unwrap();
    place.settings = serde_json::from_str(r#"{"normal_every": 1}"#).unwrap();
    // Whatever the last process was doing when it was killed: the database has the state that it printed last, or the
    // next one.
    let live = std::env::var("LIFEBOAT_TEST_LIVE").unwrap().parse().unwrap();
    // Deltas are small, so that short cuts are made and are killed, too.
    let mut database = Database { size: 20_000, ..Database::new(live) };
    loop {
        println!("\nlive {}", database.live);
        match place.save(&stores, &mut database) {
            Ok(summary) => println!("\nsaved {} in {}", database.live, summary.done),
            Err(error) => {
                println!("\nfailed {error}");
                return;
            }
        }
        database.live += 1;
    }
}

#[test]
fn killed_at_random() {
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let kills = std::env::var("LIFEBOAT_SOAK").map_or(KILLS, |_| KILLS * 20);
    let (mut live, mut saved, mut random) = (1, 0, 0x9e37_79b9_u64);
    let (mut in_spool, mut saves) = (0, 0);
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_saves", "--nocapture", "--test-threads", "1"])
            .env(PLACE, directory.path())
            .env("LIFEBOAT_TEST_LIVE", live.to_string())
            .env("LIFEBOAT_TEST_NOW", (1_000_000 + 10_000 * kill).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (after, delay) = (random >> 33 & 1, Duration::from_micros(random >> 35 & 0x1fff));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        // It is killed in the first save, which has to go on from the last kill, or in the second.
        while let Some(Ok(line)) = lines.next() {
            assert!(!line.starts_with("failed"), "after {kill} kills: {line}");
            seen += u64::from(line.starts_with("live"));
            note(&line, &mut live, &mut saved, &mut saves);
            if seen > after {
                break;
            }
        }
        std::thread::sleep(delay);
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            assert!(!line.starts_with("failed"), "after {kill} kills: {line}");
            note(&line, &mut live, &mut saved, &mut saves);
        }
        in_spool += usize::from(directory.path().join("local/spool/spool").exists());
        // Two copies hold what was acknowledged or something newer, and each restores alone.
        let restored: Vec<_> = stores(directory.path()).iter().map(|store| restore(&**store).unwrap_or(0)).collect();
        assert!(restored.iter().filter(|state| **state >= saved).count() >= 2 || saved == 0, "{restored:?}, {saved}");
        assert!(restored.iter().all(|state| *state <= live), "{restored:?}, {live}");
    }
    let records = records(&*stores(directory.path())[0]);
    let short_cuts = records.iter().filter(|record| record.entry().bundles.len() > 1).count();
    println!("{kills} kills, {saves} saves between them, {in_spool} kills with a record in the spool");
    let events = events::read(&SystemFiles, &directory.path().join("local"), 0).unwrap();
    let numbers: Vec<_> = events.iter().map(|event| event.number).collect();
    // Each save that was acknowledged has its event, and no number is missing or comes twice.
    println!("{} events, up to number {:?}", numbers.len(), numbers.last());
    assert!(numbers.last().is_some_and(|last| *last >= saves as u64), "{saves} saves");
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    let added = events.iter().filter(|event| event.kind == events::Kind::CopyAdded).count();
    assert!(added == 3 || events[0].kind == events::Kind::Gone, "each copy is added once");
    println!("{} records, {short_cuts} of them with short cuts", records.len());
    assert!(short_cuts > records.len() / 32 && records.len() > kills / 8, "{short_cuts} of {}", records.len());
    assert!(in_spool > kills / 50 && saves > kills / 4, "the kills hit nothing: {in_spool}, {saves}");
    evidence::at_least("processes that save, killed", kills);
}

fn note(line: &str, live: &mut u64, saved: &mut u64, saves: &mut usize) {
    if let Some(number) = line.strip_prefix("live ") {
        *live = number.parse().unwrap();
    }
    if let Some(rest) = line.strip_prefix("saved ") {
        *saved = rest.split(' ').next().unwrap().parse().unwrap();
        *saves += 1;
    }
}
