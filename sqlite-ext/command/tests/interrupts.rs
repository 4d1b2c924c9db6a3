//! Ctrl-C, and the end that systemd asks for.

mod common;

use common::{LIFEBOAT, Scene};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// So slow that no machine is done before it is interrupted.
const SLOW: &str = "instr(hex(zeroblob(2000000 + id)), 'x') = 0";

fn slow(scene: &Scene, arguments: &[&str]) -> Child {
    scene.sql(
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n LIMIT 20000)
         INSERT INTO notes SELECT i, i, NULL FROM n",
    );
    let all = [arguments, &["--where", "notes", SLOW]].concat();
    let command = scene.command(&all);
    // A shell lets what it starts in the background ignore Ctrl-C, and so do the tests then.
    let mut heeding = Command::new("env");
    heeding.arg("--default-signal=HUP,INT,TERM").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => heeding.env(name, value),
            None => heeding.env_remove(name),
        };
    }
    heeding.current_dir(scene.path("")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Waits until the work has begun.
fn wait_for(scene: &Scene, is_begun: impl Fn(&[String]) -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_begun(&scene.names()) {
        assert!(Instant::now() < end, "it does not begin: {:?}", scene.names());
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_export_that_is_interrupted_leaves_no_file() {
    for asked in [Signal::INT, Signal::TERM, Signal::HUP] {
        let scene = Scene::new();
        let child = slow(&scene, &["export", "app.db", "--out", "app.bundle"]);
        wait_for(&scene, |names| names.iter().any(|name| name.contains("app.bundle")));
        signal(&child, asked);
        let run = scene.ended(child.wait_with_output().unwrap());
        run.refused(130, "lifeboat export: interrupted: ");
        assert_eq!(scene.names(), ["app.db", "recovery.key"]);
    }
}

#[test]
fn a_save_that_is_interrupted_can_be_done_again() {
    let scene = Scene::new();
    let child = slow(&scene, &["save", "app.db", "dir:copy"]);
    wait_for(&scene, |names| names.iter().any(|name| name == "app.db-lifeboat"));
    sleep(Duration::from_millis(300));
    signal(&child, Signal::INT);
    scene.ended(child.wait_with_output().unwrap()).refused(130, "lifeboat save: interrupted: ");
    assert_eq!(scene.run(&["save", "app.db", "dir:copy", "--json"]).json()["number"], 1);
}

/// `nohup` goes on when the terminal closes.
#[test]
fn what_is_ignored_stays_ignored() {
    let scene = Scene::new();
    let mut command = Command::new("nohup");
    scene.sql("INSERT INTO notes SELECT id + 10, text, NULL FROM notes");
    command.args([LIFEBOAT, "export", "app.db", "--out", "app.bundle", "--where", "notes"]);
    // 4 rows, each of a second or less.
    command.arg("instr(hex(zeroblob(50000000 + id)), 'x') = 0").env("LIFEBOAT_KEY_FILE", "recovery.key");
    let child = command.current_dir(scene.path("")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&scene, |names| names.iter().any(|name| name.contains("app.bundle")));
    signal(&child, Signal::HUP);
    assert!(child.wait_with_output().unwrap().status.success());
    assert!(scene.path("app.bundle").exists());
}

/// What a command says on a terminal, where somebody looks on.
fn on_a_terminal(scene: &Scene, line: &str) -> String {
    let mut command = Command::new("script");
    command.args(["-qec", line, "/dev/null"]).env("LIFEBOAT_KEY_FILE", "recovery.key");
    let output = command.current_dir(scene.path("")).stdin(Stdio::null()).output().expect("util-linux is there");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// Somebody who looks on sees that work goes on. (The other tests see that nothing is told where nobody looks on.)
#[test]
fn a_terminal_shows_that_work_goes_on() {
    let scene = Scene::new();
    scene.sql(
        "INSERT INTO notes SELECT 100 * a.id + 10 * b.id + c.id, '', NULL FROM notes AS a, notes AS b, notes AS c",
    );
    let slow = "--where notes \"instr(hex(zeroblob(90000000 + id)), 'x') = 0\"";
    let said = on_a_terminal(&scene, &format!("'{LIFEBOAT}' export app.db --out app.bundle {slow}"));
    assert!(said.contains("exporting ") && !said.contains("request"), "{said}");
    // The line is gone before the result comes.
    let (_, behind) = said.rsplit_once("\u{1b}[2K").unwrap();
    assert!(behind.starts_with("wrote 'app.bundle': "), "{said}");
    // A save looks at its stores before it makes a bundle. On the standard output is the report, and nothing else.
    let said = on_a_terminal(&scene, &format!("'{LIFEBOAT}' save app.db dir:copy --json {slow} > report"));
    assert!(said.contains("saving ") && said.contains(" request"), "{said}");
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(scene.path("report")).unwrap()).unwrap();
    assert_eq!(report["number"], 1);
}

/// What comes from a store is told. So many rows take seconds.
#[test]
fn a_terminal_shows_what_came_from_a_store() {
    let scene = Scene::new();
    scene.sql(
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n LIMIT 2000000)
         INSERT INTO notes SELECT i, hex(randomblob(8)), NULL FROM n",
    );
    assert_eq!(scene.run(&["save", "app.db", "dir:copy"]).code, 0);
    let said = on_a_terminal(&scene, &format!("'{LIFEBOAT}' restore dir:copy --out back.db"));
    assert!(said.contains("restoring ") && said.contains(" MB read, ") && !said.contains(" put"), "{said}");
}
