//! The command `lifeboat`: the SQL functions of Lifeboat for people who work at a shell or from cron, without `sqlite3` and
//! without an extension to load.
//!
//! Each command opens a connection of its own SQLite, and calls one function there. So there is one implementation, and one
//! manual: that of the functions (`sqlite-ext/manual`).
//!
//! ```text
//! arguments  the command line; groups: options that several commands share; examples: the end of each command's help
//! run        what each command does; protect: the one that stays; systemd: what it is told; options: a function's options, from those of the command line
//! keys       where keys come from and go to
//! session    the connection; stop: signals; waiting: the line on a terminal
//! sheet      the recovery sheet; overview: the report as a page, with pictures; page: a page of HTML that stands alone
//! report     reports for people; lines, table, node, output: what is printed, and how
//! fail       kinds and exit codes; words: the shell's words in place of SQL's
//! pages      completions, and pages for man
//! ```

mod arguments;
mod examples;
mod fail;
mod groups;
mod keys;
mod lines;
mod node;
mod options;
mod output;
mod overview;
mod page;
mod pages;
mod protect;
// This file belongs to the extension: the same keys are cut out of texts everywhere.
#[path = "../../../core/store/src/redact.rs"]
mod redact;
mod report;
mod run;
mod session;
mod sheet;
mod stop;
mod systemd;
mod table;
mod waiting;
mod words;

use arguments::{Arguments, Command};
use clap::{CommandFactory, FromArgMatches};
use fail::Fail;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let shown: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    // Before the parser sees it, which would show it.
    if let Err(fail) = keys::refuse_keys(shown.iter().map(|word| &**word)) {
        return end("lifeboat", &fail);
    }
    let matches = Arguments::command().get_matches_from(with_help_behind(words));
    let name = format!("lifeboat {}", matches.subcommand_name().unwrap_or_default());
    let done = Arguments::from_arg_matches(&matches).map_err(|error| Fail::misuse(error.to_string()));
    let done = done.and_then(|arguments| match arguments.command {
        Command::Completions { shell } => pages::completions(shell),
        Command::Man { directory } => pages::man(&directory),
        command => run::run(command, arguments.json),
    });
    done.map_or_else(|fail| end(&name, &fail), |()| ExitCode::SUCCESS)
}

/// `help COMMAND` as `COMMAND --help`, so that both say the same.
fn with_help_behind(mut words: Vec<OsString>) -> Vec<OsString> {
    let is_flag = |word: &OsString| word.to_string_lossy().starts_with('-');
    let at = words.iter().skip(1).take_while(|word| is_flag(word)).count() + 1;
    if words.get(at).is_none_or(|word| word != "help") {
        return words;
    }
    words.remove(at);
    // Whatever stands behind the command, its help is asked for.
    words.truncate(at + 1);
    words.push("--help".into());
    words
}

/// Tells of a failure.
fn end(name: &str, fail: &Fail) -> ExitCode {
    // If nobody reads it, the code tells.
    let _ = writeln!(io::stderr(), "{name}: {fail}");
    ExitCode::from(fail.kind.exit_code())
}
