//! Z17: the documented examples are run, and print what the documents say. The convention is in `README.md` of this package.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use lifeboat_host_tests::corpus::workspace;
use lifeboat_host_tests::host::{dist, finish, program};
use tempfile::tempdir;

/// One fenced block: its language, the line where it begins, its text.
struct Block {
    language: String,
    line: usize,
    text: String,
}

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(document.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Block { language: language.to_string(), line: number + 1, text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// A command with what was typed into it, and what it should print.
#[derive(Default)]
struct Step {
    command: String,
    typed: String,
    expected: String,
}

/// Reads a console block: `$ ` before a command, `sqlite> ` and `   ...> ` before what is typed into it.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_string(), ..Step::default() });
            continue;
        }
        let step = steps.last_mut().unwrap_or_else(|| panic!("a console block begins with `$ `, not {line:?}"));
        if step.command.ends_with('\\') {
            step.command.truncate(step.command.len() - 1);
            step.command.push_str(line.strip_prefix("> ").unwrap_or(line));
        } else if let Some(typed) = line.strip_prefix("sqlite> ").or_else(|| line.strip_prefix("   ...> ")) {
            step.typed.push_str(typed);
            step.typed.push('\n');
        } else {
            step.expected.push_str(line);
            step.expected.push('\n');
        }
    }
    steps
}

/// True when the text is what is expected, where `…` stands for anything, line ends included.
fn matches(expected: &str, text: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or("")) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Runs a command of a document in its directory: what it prints, errors too.
fn run(command: &str, typed: &str, directory: &Path) -> String {
    // A host of the tests stands for the runtime.
    let host = format!("{} .", program("examples/command").display());
    let command = command.replace("wasmtime run --dir . dist/lifeboat-cli.wasm", &host);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec 2>&1\n{command}")]).current_dir(directory).env("HOME", directory);
    let output = finish(shell, typed);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn check(name: &str, document: &str) {
    let directory = tempdir().unwrap();
    symlink(dist("liblifeboat.so").parent().unwrap(), directory.path().join("dist")).unwrap();
    let mut ran = 0;
    for block in blocks(document) {
        let place = format!("{name}:{}", block.line);
        match block.language.as_str() {
            "console" => {
                for step in steps(&block.text) {
                    let said = run(&step.command, &step.typed, directory.path());
                    let (expected, said) = (step.expected.trim_end(), said.trim_end());
                    let context = format!("{place}: {}\n{}", step.command, step.typed);
                    assert!(matches(expected, said), "{context}\nshould print\n{expected}\nbut printed\n{said}");
                    ran += 1;
                }
            }
            "sql" => {
                let said = run(
                    "sqlite3 -batch -bail -cmd '.load dist/liblifeboat' app.db && echo done",
                    &block.text,
                    directory.path(),
                );
                assert!(said.ends_with("done\n"), "{place}:\n{}\nfailed:\n{said}", block.text);
                ran += 1;
            }
            "sh" | "shell" | "bash" => panic!("{place}: make it a `console` block, so that it is run, or `sh by-hand`"),
            _ => {}
        }
    }
    assert!(ran > 0, "{name} has no examples");
}

fn read(name: &str) -> String {
    fs::read_to_string(workspace().join(name)).unwrap_or_else(|e| panic!("cannot read {name}: {e}"))
}

#[test]
fn readme() {
    check("README.md", &read("README.md"));
}

/// T10: the commands of the safety guide.
#[test]
fn safety_guide() {
    check("core/SAFETY.md", &read("core/SAFETY.md"));
}

#[test]
fn recover_anywhere() {
    check("wasm-component/README.md", &read("wasm-component/README.md"));
}

#[test]
fn recovery_page() {
    check("wasm-component/page/README.md", &read("wasm-component/page/README.md"));
}

#[test]
fn sql_manual() {
    check("sqlite-ext/README.md", &read("sqlite-ext/README.md"));
    for page in fs::read_dir(workspace().join("sqlite-ext/manual")).unwrap() {
        let name = page.unwrap().file_name().into_string().unwrap();
        let name = format!("sqlite-ext/manual/{name}");
        let page = read(&name);
        // The blocks of the first are parts of a Rust program, and those of the second are about Windows. The tests of the
        // command run what calls it.
        let is_not_run = name.ends_with("/rust.md") || name.ends_with("/windows.md");
        if !is_not_run && !page.contains("\n$ lifeboat ") {
            check(&name, &page);
        }
    }
}

/// The checker sees what is wrong.
#[test]
fn the_convention() {
    assert!(matches("a…c", "abbc") && matches("…", "") && matches("a\n…\nd", "a\nb\nc\nd"));
    assert!(!matches("a…c", "abbcd") && !matches("a", "ab") && !matches("…b…", "ac") && !matches("ab…ba", "aba"));
    let document = "text\n```console\n$ sqlite3 :memory: \\\n> -batch\nsqlite> select 1,\n   ...> 2;\n1|2\n```\n";
    check("a document", document);
    let wrong = document.replace("1|2", "1|3");
    assert!(std::panic::catch_unwind(|| check("a document", &wrong)).is_err());
    assert!(std::panic::catch_unwind(|| check("a document", "```sql\nselect nothing;\n```")).is_err());
}
