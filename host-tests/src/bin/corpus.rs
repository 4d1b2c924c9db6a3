//! Makes or fetches the databases that the tests share, and prints their paths: `corpus [NAME …]`, all of them unless named.

use std::process::ExitCode;

use lifeboat_host_tests::corpus;

fn main() -> ExitCode {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names = corpus::names().map(String::from).collect();
    }
    for name in names {
        match corpus::named(&name) {
            Some(path) => println!("{}", path.display()),
            None => {
                let known: Vec<&str> = corpus::names().collect();
                eprintln!("corpus: there is no {name}; there are {}", known.join(", "));
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
