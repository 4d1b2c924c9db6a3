//! The command component as a program of its own, which may die: `command DIRECTORY ARGUMENT…`.

use std::path::Path;
use std::process::exit;

#[path = "../tests/wasi/mod.rs"]
mod wasi;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, arguments @ ..] = arguments.as_slice() else {
        eprintln!("usage: command DIRECTORY ARGUMENT…");
        exit(2);
    };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = wasi::run(&arguments, Path::new(directory), b"");
    print!("{}", run.out);
    eprint!("{}", run.err);
    exit(run.code);
}
