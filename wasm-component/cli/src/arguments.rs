//! The command line.

use crate::fail::Fail;
use crate::redact::redact;
use lexopt::{Arg, Parser, ValueExt};
use std::fmt;

/// What `--help` shows: the manual of the command.
pub const HELP: &str = include_str!("help.txt");

/// Where a bundle comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Bundle {
    StandardInput,
    File(String),
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StandardInput => "the standard input",
            Self::File(path) => path,
        })
    }
}

/// What the command does.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    /// `verify` and `info` without the recovery key.
    Check {
        bundles: Vec<Bundle>,
        verify_key: Option<String>,
        expect: Option<String>,
    },
    /// `verify` and `info` with it.
    Inspect {
        bundles: Vec<Bundle>,
        key_file: String,
        expect: Option<String>,
    },
    /// `info` for damaged bundles.
    Salvage {
        bundles: Vec<Bundle>,
        key_file: String,
    },
    Recover {
        bundles: Vec<Bundle>,
        key_file: String,
        expect: Option<String>,
        out: String,
        replace: bool,
        page_size: Option<u32>,
        skip_indexes: bool,
        salvage: bool,
    },
    Rows {
        bundles: Vec<Bundle>,
        key_file: String,
        expect: Option<String>,
        salvage: bool,
    },
    /// The saves in copies. One of the keys is given.
    Log {
        directories: Vec<Bundle>,
        key_file: Option<String>,
        verify_key: Option<String>,
    },
}

/// Which state of copies is meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Choice {
    pub domain: Option<String>,
    pub seq: Option<u64>,
    pub state: Option<String>,
    pub at: Option<String>,
}

/// The whole command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    pub command: Command,
    pub choice: Choice,
    pub json: bool,
    pub progress: bool,
}

#[derive(Default)]
struct Raw {
    words: Vec<String>,
    key_file: Option<String>,
    verify_key: Option<String>,
    expect: Option<String>,
    out: Option<String>,
    page_size: Option<u32>,
    replace: bool,
    skip_indexes: bool,
    salvage: bool,
    choice: Choice,
    json: bool,
    progress: bool,
}

/// # Errors
/// Misuse: an option that is unknown, missing, repeated, or of another command.
pub fn parse(mut parser: Parser) -> Result<Arguments, Fail> {
    let mut raw = Raw::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => {
                return Ok(Arguments {
                    command: Command::Help,
                    choice: Choice::default(),
                    json: false,
                    progress: false,
                });
            }
            Arg::Long("json") => raw.json = true,
            Arg::Long("progress") => raw.progress = true,
            Arg::Long("replace") => raw.replace = true,
            Arg::Long("skip-indexes") => raw.skip_indexes = true,
            Arg::Long("salvage") => raw.salvage = true,
            Arg::Long("key-file") => once("key-file", &mut raw.key_file, no_key(parser.value()?.string()?)?)?,
            Arg::Long("verify-key") => once("verify-key", &mut raw.verify_key, no_key(parser.value()?.string()?)?)?,
            Arg::Long("expect") => once("expect", &mut raw.expect, no_key(parser.value()?.string()?)?)?,
            Arg::Long("out") => once("out", &mut raw.out, no_key(parser.value()?.string()?)?)?,
            Arg::Long("domain") => once("domain", &mut raw.choice.domain, no_key(parser.value()?.string()?)?)?,
            Arg::Long("state") => once("state", &mut raw.choice.state, no_key(parser.value()?.string()?)?)?,
            Arg::Long("at") => once("at", &mut raw.choice.at, no_key(parser.value()?.string()?)?)?,
            Arg::Long("seq") => once("seq", &mut raw.choice.seq, parser.value()?.parse()?)?,
            Arg::Long("page-size") => once("page-size", &mut raw.page_size, parser.value()?.parse()?)?,
            Arg::Long("key" | "recovery-key") => return Err(key_shows()),
            Arg::Value(word) => raw.words.push(no_key(word.string()?)?),
            other => return Err(other.unexpected().into()),
        }
    }
    let (json, progress, choice) = (raw.json, raw.progress, std::mem::take(&mut raw.choice));
    let chosen = [choice.seq.is_some(), choice.state.is_some(), choice.at.is_some()];
    if chosen.into_iter().filter(|chosen| *chosen).count() > 1 {
        return Err(Fail::misuse("--seq, --state and --at exclude one another; give one"));
    }
    let command = command(raw)?;
    if matches!(command, Command::Log { .. }) && chosen.contains(&true) {
        return Err(Fail::misuse("log lists all saves; leave --seq, --state and --at out"));
    }
    Ok(Arguments { command, choice, json, progress })
}

/// A value of the command line that is not a recovery key.
fn no_key(value: String) -> Result<String, Fail> {
    if redact(&value) == value { Ok(value) } else { Err(key_shows()) }
}

fn key_shows() -> Fail {
    Fail::misuse(
        "a key does not belong on the command line, where others can see it (in the list of processes, in the \
         history of the shell): put it into a file that you alone can read, and give --key-file FILE",
    )
}

fn once<T>(name: &str, slot: &mut Option<T>, value: T) -> Result<(), Fail> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Fail::misuse(format!("--{name} is given twice"))),
    }
}

fn command(raw: Raw) -> Result<Command, Fail> {
    let mut words = raw.words.into_iter();
    let bundle = |word| if word == "-" { Bundle::StandardInput } else { Bundle::File(word) };
    let (verb, bundles) = (words.next().unwrap_or_default(), words.map(bundle).collect::<Vec<_>>());
    if bundles.is_empty() {
        return Err(Fail::misuse(
            "give one of verify, info, recover, rows or log, and a bundle, a chain or a copy; see --help",
        ));
    }
    if bundles.len() > 1 && bundles.contains(&Bundle::StandardInput) {
        return Err(Fail::misuse("the bundles of a chain are files: - stands for a bundle that is given alone"));
    }
    if bundles.contains(&Bundle::StandardInput) && raw.key_file.as_deref() == Some("-") {
        return Err(Fail::misuse("the standard input is the bundle or the key: give a file for one of them"));
    }
    let refuse = |given: bool, option: &str| {
        if given { Err(Fail::misuse(format!("{verb} takes no --{option}; see --help"))) } else { Ok(()) }
    };
    let recovers = verb == "recover";
    refuse(!recovers && raw.out.is_some(), "out")?;
    refuse(!recovers && raw.replace, "replace")?;
    refuse(!recovers && raw.skip_indexes, "skip-indexes")?;
    refuse(!recovers && raw.page_size.is_some(), "page-size")?;
    let lists = verb == "log";
    refuse(verb != "verify" && !lists && raw.verify_key.is_some(), "verify-key")?;
    refuse((verb == "info" || lists) && raw.expect.is_some(), "expect")?;
    refuse((verb == "verify" || lists) && raw.salvage, "salvage")?;
    let (expect, salvage) = (raw.expect, raw.salvage);
    if salvage && expect.is_some() {
        return Err(Fail::misuse(
            "--salvage and --expect exclude one another: what is salvaged has the id of no state",
        ));
    }
    match (verb.as_str(), raw.key_file) {
        ("verify" | "log", Some(_)) if raw.verify_key.is_some() => {
            Err(Fail::misuse("the recovery key tells the verify key: give --key-file or --verify-key"))
        }
        ("info", Some(key_file)) if salvage => Ok(Command::Salvage { bundles, key_file }),
        ("info", None) if salvage => Err(Fail::misuse(
            "--salvage needs --key-file, the file with the recovery key: without it nothing is proved",
        )),
        ("verify" | "info", Some(key_file)) => Ok(Command::Inspect { bundles, key_file, expect }),
        ("verify" | "info", None) => Ok(Command::Check { bundles, verify_key: raw.verify_key, expect }),
        ("recover", Some(key_file)) => match raw.out {
            Some(out) => {
                let Raw { replace, page_size, skip_indexes, .. } = raw;
                Ok(Command::Recover { bundles, key_file, expect, out, replace, page_size, skip_indexes, salvage })
            }
            None => Err(Fail::misuse("recover needs --out, the file to write")),
        },
        ("log", None) if raw.verify_key.is_none() => {
            Err(Fail::misuse("log needs --key-file or --verify-key: without a key nobody knows whose saves they are"))
        }
        ("log", key_file) => Ok(Command::Log { directories: bundles, key_file, verify_key: raw.verify_key }),
        ("rows", Some(key_file)) => Ok(Command::Rows { bundles, key_file, expect, salvage }),
        ("recover" | "rows", None) => {
            Err(Fail::misuse(format!("{verb} needs --key-file, the file with the recovery key")))
        }
        _ => Err(Fail::misuse(format!("no such command: {verb}; there are verify, info, recover, rows and log"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fail::Kind;

    fn parsed(line: &str) -> Result<Arguments, Fail> {
        parse(Parser::from_args(line.split(' ')))
    }

    #[test]
    fn each_command_is_understood() {
        let files = |names: &[&str]| names.iter().map(|name| Bundle::File((*name).to_owned())).collect::<Vec<_>>();
        let check =
            Command::Check { bundles: files(&["a.bundle"]), verify_key: Some("v".into()), expect: Some("e".into()) };
        let line = "verify a.bundle --verify-key v --expect=e --json";
        assert_eq!(
            parsed(line).unwrap(),
            Arguments { command: check, choice: Choice::default(), json: true, progress: false }
        );

        let inspect = Command::Inspect { bundles: vec![Bundle::StandardInput], key_file: "k".into(), expect: None };
        assert_eq!(
            parsed("info - --key-file k").unwrap(),
            Arguments { command: inspect, choice: Choice::default(), json: false, progress: false }
        );

        let recover = Command::Recover {
            bundles: files(&["a.bundle", "b.bundle", "c.bundle"]),
            key_file: "k".into(),
            expect: None,
            out: "app.db".into(),
            replace: true,
            page_size: Some(512),
            skip_indexes: true,
            salvage: false,
        };
        let line = "recover a.bundle --out app.db b.bundle --key-file k c.bundle --replace --page-size 512 \
                    --skip-indexes --progress";
        assert_eq!(
            parsed(line).unwrap(),
            Arguments { command: recover, choice: Choice::default(), json: false, progress: true }
        );

        let rows = Command::Rows { bundles: files(&["a", "b"]), key_file: "-".into(), expect: None, salvage: false };
        assert_eq!(parsed("rows a b --key-file -").unwrap().command, rows);
        let rows = Command::Rows { bundles: files(&["a"]), key_file: "k".into(), expect: None, salvage: true };
        assert_eq!(parsed("rows a --key-file k --salvage").unwrap().command, rows);
        let salvage = Command::Salvage { bundles: files(&["a", "b"]), key_file: "k".into() };
        assert_eq!(parsed("info a b --salvage --key-file k").unwrap().command, salvage);
        let recover = parsed("recover a --key-file k --out b --salvage").unwrap().command;
        assert!(matches!(recover, Command::Recover { salvage: true, .. }));
        let log = Command::Log { directories: files(&["a", "b"]), key_file: None, verify_key: Some("v".into()) };
        assert_eq!(parsed("log a b --verify-key v").unwrap().command, log);
        let chosen = parsed("rows a --key-file k --domain d --seq 7").unwrap().choice;
        assert_eq!(chosen, Choice { domain: Some("d".into()), seq: Some(7), ..Choice::default() });
        assert_eq!(parsed("recover --help").unwrap().command, Command::Help);
    }

    /// Whatever kind of key it is, and however it is written.
    #[test]
    fn a_key_on_the_command_line_is_refused_and_not_shown() {
        let key = "qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86";
        for line in [
            &format!("recover a --key lifeboatkey1{key} --out b"),
            &format!("recover a --key-file lifeboatkey1{key} --out b"),
            &format!("recover a --key-file={} --out b", key.to_uppercase()),
            &format!("recover lifeboatkey1{key} --key-file a --out b"),
            &format!("recover a --key-file k --out lifeboatkey1{key}"),
            &format!("verify a --verify-key {key}"),
            &format!("verify a --expect {key}"),
            &format!("lifeboatkey1{key} a"),
        ] {
            let refused = parsed(line).unwrap_err();
            assert!(refused.kind == Kind::Misuse && refused.message.contains("--key-file FILE"), "{line}: {refused}");
        }
        for line in [
            &format!("recover a --key-file k --page-size {key}"),
            &format!("recover a --lifeboatkey1{key}"),
            &format!("verify a --json=lifeboatkey1{key}"),
        ] {
            let refused = redact(&parsed(line).unwrap_err().to_string());
            assert!(!refused.contains(&key[10..]), "{refused}");
        }
        // A verify key and a state id are public.
        parsed(&format!("verify a --verify-key lifeboatverify1{key} --expect {}", "0123456789abcdef".repeat(4)))
            .unwrap();
    }

    #[test]
    fn what_makes_no_sense_is_misuse() {
        for line in [
            "verify",
            "info a -",
            "verify - - --key-file k",
            "restore a",
            "verify a --out b",
            "verify a --key-file k --verify-key v",
            "info a --replace",
            "rows a --key-file k --skip-indexes",
            "info a --expect e",
            "info a --verify-key v",
            "recover a --out b",
            "rows a",
            "rows a --key-file k --out b",
            "rows - --key-file -",
            "recover a --key-file k",
            "recover a --key-file k --key-file k --out b",
            "recover a --key-file k --out b --page-size many",
            "recover a --key-file k --out b --fast",
            "verify a --expect",
            "verify a --salvage",
            "info a --salvage",
            "rows a --key-file k --salvage --expect e",
            "recover a --key-file k --out b --salvage --expect e",
            "log",
            "log a",
            "log a --key-file k --verify-key v",
            "log a --key-file k --out b",
            "log a --key-file k --expect e",
            "log a --key-file k --seq 7",
            "info a --seq 7 --state s",
            "info a --at d --state s",
            "info a --seq seven",
            "info a --seq -1",
        ] {
            assert_eq!(parsed(line).unwrap_err().kind, Kind::Misuse, "{line}");
        }
    }
}
