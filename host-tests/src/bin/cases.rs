//! Makes the bundles that every host is given, and their table `cases.json`: `cases DIRECTORY`, which must not exist.

use std::path::Path;
use std::process::ExitCode;

use lifeboat_host_tests::cases;

fn main() -> ExitCode {
    let Some(directory) = std::env::args().nth(1) else {
        eprintln!("usage: cases DIRECTORY");
        return ExitCode::FAILURE;
    };
    if let Err(error) = std::fs::create_dir_all(Path::new(&directory).parent().unwrap_or(Path::new(".")))
        .and_then(|()| std::fs::create_dir(&directory))
    {
        eprintln!("cases: {directory}: {error}");
        return ExitCode::FAILURE;
    }
    println!("{} cases in {directory}", cases::make(Path::new(&directory)).len());
    ExitCode::SUCCESS
}
