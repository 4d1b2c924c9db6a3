//! A line as one types it at a shell: programs with their arguments, `|` between them, `> FILE` at the end.

use std::path::PathBuf;
use std::process::Command;

use crate::scene::Scene;

/// The programs of a line, and the file to which the last one's output goes.
#[derive(Debug, Default, PartialEq)]
pub struct Line {
    programs: Vec<Vec<String>>,
    output: Option<String>,
}

impl Line {
    /// Quotes, single or double, keep together what is between them, and `\\` within double ones takes the next letter as it is. There is
    /// nothing else that a shell would do.
    pub fn parse(text: &str) -> Self {
        let mut line = Self { programs: vec![Vec::new()], output: None };
        let mut to_file = false;
        let mut letters = text.chars().peekable();
        while let Some(&letter) = letters.peek() {
            match letter {
                ' ' => drop(letters.next()),
                '|' => {
                    letters.next();
                    line.programs.push(Vec::new());
                }
                '>' => {
                    letters.next();
                    to_file = true;
                }
                _ => {
                    let word = word(&mut letters);
                    if to_file {
                        line.output = Some(word);
                    } else if let Some(program) = line.programs.last_mut() {
                        program.push(word);
                    }
                }
            }
        }
        line
    }

    /// The commands, to be run in the scene; and the output's path.
    pub fn commands(&self, scene: &Scene) -> (Vec<Command>, Option<PathBuf>) {
        let commands = self.programs.iter().map(|words| {
            let [program, arguments @ ..] = words.as_slice() else { panic!("a program is missing: {self:?}") };
            let mut command = scene.command(program);
            command.args(arguments);
            command
        });
        (commands.collect(), self.output.as_ref().map(|name| scene.path().join(name)))
    }
}

fn word(letters: &mut std::iter::Peekable<std::str::Chars>) -> String {
    let mut word = String::new();
    let mut quote = None;
    while let Some(&letter) = letters.peek() {
        match (quote, letter) {
            (None, ' ' | '|' | '>') => break,
            (Some('"'), '\\') => {
                letters.next();
                word.extend(letters.peek());
            }
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            _ => word.push(letter),
        }
        letters.next();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_programs_and_a_file() {
        let line = Line::parse("sqlite3 app.db .dump | zstd -q|age -R 'a file' > out.age");
        let words = |text: &str| text.split(',').map(String::from).collect::<Vec<_>>();
        assert_eq!(line.programs, [words("sqlite3,app.db,.dump"), words("zstd,-q"), words("age,-R,a file")]);
        assert_eq!(line.output.as_deref(), Some("out.age"));
    }

    #[test]
    fn quotes_keep_together() {
        let line = Line::parse(r#"sqlite3 "SELECT f('a > b', 'c | d')""#);
        let words = |text: &str| Line::parse(text).programs.remove(0);
        assert_eq!(words(r#"f "{\"a\": 1}" '\'"#), ["f", r#"{"a": 1}"#, r"\"]);
        assert_eq!(
            line,
            Line { programs: vec![vec!["sqlite3".into(), "SELECT f('a > b', 'c | d')".into()]], output: None }
        );
    }
}
