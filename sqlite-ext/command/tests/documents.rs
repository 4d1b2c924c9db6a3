//! The README's examples print what it says, and the units are understood.

mod common;

use common::{LIFEBOAT, Scene};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs a line in the directory, with the command on the path: what it prints, errors too.
fn shell(directory: &Path, line: &str) -> String {
    let bin = Path::new(LIFEBOAT).parent().unwrap().display().to_string();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{line}")])
        .current_dir(directory)
        .env("PATH", path)
        .env_remove("LIFEBOAT_KEY_FILE")
        .output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

/// `…` stands for anything.
fn matches(expected: &str, said: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = said.strip_prefix(parts.next().unwrap()) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

/// Runs the commands of a document. A block of JSON with a name behind it is a file that the reader writes.
fn run_document(path: &str) -> usize {
    let document = fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut ran = 0;
    for block in document.split("```").skip(1).step_by(2) {
        let (language, block) = block.split_once('\n').unwrap();
        if let Some(name) = language.strip_prefix("json ") {
            fs::write(directory.path().join(name), block).unwrap();
            Command::new("chmod").arg("go-w").arg(directory.path().join(name)).status().unwrap();
        }
        if language != "console" {
            continue;
        }
        for step in block.strip_prefix("$ ").unwrap().split("\n$ ") {
            let (line, expected) = step.split_once('\n').unwrap_or((step, ""));
            let said = shell(directory.path(), line);
            let (expected, said) = (expected.trim_end(), said.trim_end());
            assert!(matches(expected, said), "{path}: {line}\nshould print\n{expected}\nbut printed\n{said}");
            ran += 1;
        }
    }
    ran
}

#[test]
fn the_readme_says_what_happens() {
    let ran = run_document("README.md");
    assert!(ran >= 10, "{ran}");
}

/// The pages of the manual that call the command. The host tests run the others.
#[test]
fn the_manual_says_what_happens() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../manual");
    let pages = fs::read_dir(manual).unwrap().map(|page| page.unwrap().path());
    let pages = pages.filter(|page| fs::read_to_string(page).unwrap().contains("\n$ lifeboat "));
    let names = pages.map(|page| page.file_name().unwrap().to_str().unwrap().to_owned());
    let ran: Vec<_> = names.map(|name| (run_document(&format!("../manual/{name}")), name)).collect();
    assert!(ran.len() >= 4 && ran.iter().all(|(steps, _)| *steps >= 9), "{ran:?}");
}

#[test]
fn the_readme_lists_all_exit_codes() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let scene = Scene::new();
    let help = scene.run(&["--help"]);
    let mut codes = help.lines().into_iter().skip_while(|line| *line != "Exit codes:").skip(1);
    assert!(codes.all(|line| {
        let code = line.split_whitespace().next().unwrap();
        let kind = line.trim_start().trim_start_matches(code).trim_start().split(':').next().unwrap();
        readme.contains(&format!("| {code} | `{kind}` |")) || code == "0"
    }));
}

fn unit(name: &str) -> String {
    fs::read_to_string(format!("{}/units/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The line of cron, with the paths of this machine and as little around it as cron gives: it saves, and says nothing. When it
/// fails, it says why, which cron sends as mail.
#[test]
fn the_line_of_cron_saves() {
    let scene = Scene::new();
    let home = scene.path("");
    fs::rename(scene.path("app.db"), scene.path("wallet.db")).unwrap();
    fs::copy(scene.path("recovery.key"), scene.path("wallet.key")).unwrap();
    for store in ["disk/backup", "stick/backup"] {
        fs::create_dir_all(scene.path(store)).unwrap();
    }
    let cron = unit("lifeboat.cron");
    let line = cron.lines().last().unwrap().strip_prefix("17 * * * * wallet ").unwrap();
    let line = line.replace("/usr/local/bin/lifeboat", LIFEBOAT).replace("/home/wallet/", &home.display().to_string());
    let line = line.replace("/mnt/", &home.display().to_string());
    let cron = || {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &line]).current_dir("/").env_clear().env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh");
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(cron(), (Some(0), String::new(), String::new()));
    assert!(scene.path("stick/backup/wallet").is_dir() && scene.path("disk/backup/wallet").is_dir());
    // One disk is away.
    fs::remove_dir_all(scene.path("disk")).unwrap();
    rusqlite::Connection::open(scene.path("wallet.db")).unwrap().execute_batch("DELETE FROM settings").unwrap();
    let (code, out, err) = cron();
    assert_eq!((code, &*out, err.lines().count()), (Some(11), "", 1), "{err}");
    assert!(err.starts_with("lifeboat save: unreachable: saved in 1 of 2 copies, and the minimum is 2"), "{err}");
}

/// systemd understands the units, where its tool is at hand.
#[test]
fn the_units_are_understood() {
    let service = unit("lifeboat-save@.service");
    let run = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    assert_eq!(run, "/usr/local/bin/lifeboat save ${DATABASE} $STORES");
    let directory = tempfile::tempdir().unwrap();
    // The template, as systemd makes an instance of it.
    let service = service.replace("/usr/local/bin/lifeboat", LIFEBOAT);
    fs::write(directory.path().join("lifeboat-save@wallet.service"), service).unwrap();
    fs::write(directory.path().join("lifeboat-save@wallet.timer"), unit("lifeboat-save@.timer")).unwrap();
    let service = unit("lifeboat-protect@.service");
    let run = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    assert_eq!(run, "/usr/local/bin/lifeboat protect ${DATABASE} $STORES");
    let service = service.replace("/usr/local/bin/lifeboat", LIFEBOAT);
    fs::write(directory.path().join("lifeboat-protect@wallet.service"), service).unwrap();
    for name in ["lifeboat-save@wallet.service", "lifeboat-save@wallet.timer", "lifeboat-protect@wallet.service"] {
        let verify =
            Command::new("systemd-analyze").args(["verify", "--man=no", name]).current_dir(directory.path()).output();
        let Ok(output) = verify else {
            eprintln!("no systemd-analyze here: the units are not tried");
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{name}: {said}");
    }
}
