//! Z6 Z7 C5: a program commits, exports a delta after each commit, and is killed at random, again and again. What it said to be
//! safe is safe, its chain always verifies, and after a restart the restored rows are the committed rows.

#[path = "../../core/tests/support/evidence.rs"]
mod evidence;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{dist, keygen, load, program};
use lifeboat_host_tests::random::Random;
use rusqlite::{Connection, params};
use tempfile::tempdir;

const KILLS: u32 = 500;

/// The bundles of the newest generation, oldest first, as JSON.
fn chain(directory: &Path) -> (usize, String) {
    let mut files: Vec<PathBuf> = fs::read_dir(directory.join("saved"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "bundle"));
    files.sort();
    let generation = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap()[..6].to_owned();
    if let Some(newest) = files.last().map(generation) {
        files.retain(|path| generation(path) == newest);
    }
    let names: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
    (files.len(), serde_json::to_string(&names).unwrap())
}

fn saver(directory: &Path, key_file: &Path, commits: u32) -> Child {
    dist("liblifeboat.so");
    let mut command = Command::new(program("saver"));
    command.arg(directory).arg(key_file).arg(commits.to_string());
    command.stdout(Stdio::piped()).spawn().expect("the program was built")
}

/// The last change that the program said to be safe, and its state id.
fn last_saved(child: &mut Child) -> Option<(i64, String)> {
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    // The last line may be cut short.
    let saved = lines.map_while(Result::ok).filter_map(|line| {
        let (n, id) = line.strip_prefix("saved ")?.split_once(' ')?;
        (id.len() == 64).then(|| Some((n.parse().ok()?, id.to_owned())))?
    });
    saved.last()
}

#[test]
fn killed_at_any_time() {
    let directory = tempdir().unwrap();
    let key = keygen();
    let key_file = directory.path().join("key");
    fs::write(&key_file, &key).unwrap();
    let memory = load(Connection::open_in_memory().unwrap());
    let mut random = Random::new(6);
    let (mut safe, mut caught_up, mut behind, mut longest) = (0_i64, 0, 0, 0);
    for kill in 0..KILLS {
        let mut child = saver(directory.path(), &key_file, 1000);
        std::thread::sleep(Duration::from_micros(8_000 + random.below(120_000)));
        child.kill().unwrap();
        let saved = last_saved(&mut child);
        child.wait().unwrap();
        safe = saved.as_ref().map_or(safe, |(n, _)| *n);

        let (length, bundles) = chain(directory.path());
        longest = longest.max(length);
        if length == 0 {
            assert_eq!(safe, 0, "nothing was said to be safe");
            continue;
        }
        let restored: i64 = memory
            .query_row("SELECT row ->> 'n' FROM backup_rows(?1, ?2, 'progress')", params![bundles, key], |row| {
                row.get(0)
            })
            .unwrap_or_else(|error| panic!("kill {kill}, {bundles}: {error}"));
        assert!(restored >= safe, "kill {kill}: change {safe} was safe, and {restored} is restored");
        let sql = "SELECT backup_verify(?1, ?2) ->> 'state_id'";
        let state: String = memory.query_row(sql, params![bundles, key], |row| row.get(0)).unwrap();
        if let Some((n, id)) = saved
            && n == restored
        {
            assert_eq!(state, id, "kill {kill}");
        }
        let committed: i64 = Connection::open(directory.path().join("app.db"))
            .unwrap()
            .query_row("SELECT n FROM progress", [], |row| row.get(0))
            .unwrap();
        assert!(
            (restored..=restored + 1).contains(&committed),
            "kill {kill}: {committed} committed, {restored} restored"
        );
        behind += u32::from(committed > restored);
        // Now and then the program gets the time to catch up, and then the device is lost.
        if kill % 10 == 0 {
            caught_up += 1;
            let mut child = saver(directory.path(), &key_file, 0);
            let (n, _) = last_saved(&mut child).expect("it saved something");
            assert!(child.wait().unwrap().success());
            safe = n;
            let (_, bundles) = chain(directory.path());
            let copy = directory.path().join("copy.db");
            let sql = "SELECT backup_restore_file(?1, ?2, ?3, '{\"replace\": true}')";
            memory.query_row(sql, params![bundles, key, copy.to_str().unwrap()], |_| Ok(())).unwrap();
            assert_equal(&directory.path().join("app.db"), &copy);
        }
    }
    assert!(
        safe > i64::from(KILLS) / 2 && behind > 0 && longest > 3,
        "{safe} {behind} {longest}: the kills were too early"
    );
    // What is kept does not grow: one chain, one ledger, and what kills left behind.
    let kept = fs::read_dir(directory.path().join("saved")).unwrap().count();
    println!("{KILLS} kills, {safe} commits, {behind} behind by one, {caught_up} times caught up, {kept} files");
    assert!(kept <= 2 * 25 + 3, "{kept} files");
    evidence::counted("kills of an application between commits and exports", KILLS as usize);
}
