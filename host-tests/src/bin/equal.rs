//! Compares two SQLite files: `equal A B`. Prints the differences; exits with 0 if there are none, 1 if there are, 2 if it
//! cannot tell.

use std::path::Path;
use std::process::ExitCode;

use lifeboat_host_tests::equal;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [a, b] = args.as_slice() else {
        eprintln!("usage: equal A B");
        return ExitCode::from(2);
    };
    match equal::compare(Path::new(a), Path::new(b)) {
        Ok(found) if found.is_empty() => ExitCode::SUCCESS,
        Ok(found) => {
            for difference in found {
                println!("{difference}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("equal: cannot compare {a} and {b}: {error}");
            ExitCode::from(2)
        }
    }
}
