//! Makes the torture database: `torture PATH [UTF-8 | UTF-16le | UTF-16be]`.

use std::path::Path;
use std::process::ExitCode;

use lifeboat_host_tests::torture::{self, Encoding};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let path = args.first().map(Path::new);
    let name = args.get(1).map_or("UTF-8", String::as_str);
    let encoding = Encoding::ALL.into_iter().find(|encoding| encoding.name() == name);
    let (Some(path), Some(encoding)) = (path, encoding) else {
        eprintln!("usage: torture PATH [UTF-8 | UTF-16le | UTF-16be]");
        return ExitCode::FAILURE;
    };
    if path.exists() {
        eprintln!("torture: {} exists: choose a new file or delete it first", path.display());
        return ExitCode::FAILURE;
    }
    match torture::build(path, encoding) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("torture: {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
