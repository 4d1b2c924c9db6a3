//! The help, the completions and the pages for man.

mod common;

use common::{Scene, names};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// Of each command: its function, with arguments up to an option that nobody knows.
const FUNCTIONS: [(&str, &str); 14] = [
    ("export", "SELECT backup_export_file(?1, 'x', ?2)"),
    ("estimate", "SELECT backup_estimate(?1, ?2)"),
    ("save", "SELECT backup_save(?1, 'dir:x', ?2)"),
    ("protect", "SELECT backup_protect(?1, 'dir:x', ?2)"),
    ("status", "SELECT backup_status('dir:x', ?1, ?2)"),
    ("scrub", "SELECT backup_scrub('dir:x', ?1, ?2)"),
    ("prune", "SELECT backup_prune('dir:x', ?1, ?2)"),
    ("verify", "SELECT backup_verify('x', ?1, ?2)"),
    ("info", "SELECT backup_info('x', ?1, ?2)"),
    ("rows", "SELECT * FROM backup_rows('x', ?1, 't', ?2)"),
    ("compose", "SELECT backup_compose_file('x', ?1, 'y', ?2)"),
    ("restore", "SELECT backup_restore_file('x', ?1, 'y', ?2)"),
    ("restore-all", "SELECT backup_restore_all('dir:x', ?1, 'y', ?2)"),
    ("keygen", ""),
];

/// What the command has for arguments of the functions, and for itself.
const OWN: [&str; 11] =
    ["json", "help", "key-file", "key-env", "out", "lookup", "limit", "secret-file", "secret-env", "label", "old"];

/// An option of a function cannot be forgotten: the function itself tells which it knows.
#[test]
fn the_help_has_each_option_of_the_function_and_no_other() {
    lifeboat::auto_extension().unwrap();
    let db = Connection::open_in_memory().unwrap();
    let key: String = db.query_row("SELECT backup_keygen()", [], |row| row.get(0)).unwrap();
    let scene = Scene::new();
    for (command, sql) in FUNCTIONS.iter().filter(|(_, sql)| !sql.is_empty()) {
        let error =
            db.prepare(sql).unwrap().query((&key, r#"{"nobody_knows": 1}"#)).unwrap().next().err().unwrap().to_string();
        let known = error.split_once("known options: ").unwrap_or_else(|| panic!("{command}: {error}")).1;
        // The command opens one database, whose schema is `main`.
        let known: BTreeSet<String> =
            known.split(", ").filter(|option| *option != "schema").map(|option| option.replace('_', "-")).collect();
        assert!(!known.is_empty(), "{command}");
        let help = scene.run(&[command, "--help"]);
        let has = long_options(&help.lines());
        let told: BTreeSet<String> = has.iter().filter(|option| known.contains(*option)).cloned().collect();
        assert_eq!(told, known, "{command}");
        let others: Vec<_> = has.difference(&known).filter(|option| !OWN.contains(&option.as_str())).collect();
        assert!(others.is_empty(), "{command}: {others:?}");
    }
}

fn long_options(help: &[&str]) -> BTreeSet<String> {
    let lines = help.iter().filter(|line| line.starts_with("  ") && line.trim_start().starts_with('-'));
    let option = |line: &&str| {
        let name = line.split_once("--")?.1;
        Some(name.split(|letter: char| !letter.is_ascii_lowercase() && letter != '-').next()?.to_owned())
    };
    lines.filter_map(option).collect()
}

#[test]
fn each_command_has_help_with_examples_and_the_exit_codes_are_told() {
    let scene = Scene::new();
    let help = scene.run(&["--help"]);
    assert!(help.lines().contains(&"  130  interrupted: by Ctrl-C or an end that was asked for; nothing is half done"));
    assert!(help.out.lines().all(|line| line.chars().count() <= 100), "{}", help.out);
    for (command, _) in FUNCTIONS {
        let help = scene.run(&[command, "--help"]);
        assert!(
            help.out.contains("\nExample") && help.out.lines().all(|line| line.chars().count() <= 100),
            "{}",
            help.out
        );
    }
}

#[test]
fn help_before_a_command_and_behind_it_say_the_same() {
    let scene = Scene::new();
    let commands = commands(&scene);
    assert!(commands.len() > 20);
    for command in &commands {
        let (before, behind) = (scene.run(&["help", command]), scene.run(&[command, "--help"]));
        assert_eq!((before.code, &before.err), (0, &behind.err), "{command}");
        assert_eq!(before.out, behind.out, "{command}");
    }
    let whole = scene.run(&["--help"]).out;
    assert_eq!(scene.run(&["help"]).out, whole);
    assert_eq!(scene.run(&["--json", "help", "save", "app.db"]).out, scene.run(&["save", "--help"]).out);
    let (unknown, named) = (scene.run(&["help", "nothing"]), scene.run(&["nothing"]));
    assert_eq!((unknown.code, unknown.err), (2, named.err));
}

/// The examples of the help are commands that the command line understands.
#[test]
fn the_examples_of_the_help_are_understood() {
    let scene = Scene::new();
    let mut ran = 0;
    for name in commands(&scene) {
        let help = scene.run(&[&name, "--help"]);
        for example in help.lines().iter().filter_map(|line| line.strip_prefix("  lifeboat ")) {
            // An example that is understood comes as far as to miss its files; a mistake in it is told by the parser.
            let line = format!("\"$0\" {}", example.split(" > ").next().unwrap());
            let output =
                Command::new("sh").args(["-c", &line, common::LIFEBOAT]).current_dir(scene.path("")).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!said.starts_with("error: "), "{example}: {said}");
            ran += 1;
        }
    }
    assert!(ran > 25, "{ran}");
}

fn commands(scene: &Scene) -> Vec<String> {
    let help = scene.run(&["--help"]);
    let lines =
        help.lines().into_iter().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn completions_and_pages_for_man_are_made() {
    let scene = Scene::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let made = scene.run(&["completions", shell]);
        assert!(made.code == 0 && made.out.contains("restore-all") && made.out.contains("skip-indexes"), "{shell}");
    }
    fs::create_dir(scene.path("man")).unwrap();
    scene.run(&["man", "man"]).lines();
    let commands = commands(&scene);
    assert!(commands.len() == 26, "{commands:?}");
    let pages = names(&scene.path("man"));
    assert_eq!(pages.len(), commands.len() + 1, "{pages:?}");
    for command in commands {
        let page = fs::read_to_string(scene.path(&format!("man/lifeboat-{command}.1"))).unwrap();
        assert!(page.contains(".SH NAME"), "{page}");
    }
    scene.run(&["man", "lost"]).refused(1, "lifeboat man: host: cannot write into the directory 'lost'");
}
