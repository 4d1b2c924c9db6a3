//! Backups that happen by themselves: what is saved, what the application notices of it (nothing), and what is left
//! when it ends (nothing).
#![cfg(unix)]

mod beside;
mod commits;
#[path = "../common/mod.rs"]
mod common;
mod disk;
mod ends;
#[path = "../../../core/tests/support/evidence.rs"]
mod evidence;
mod process;
mod quick;
mod refusals;
mod reserve;
mod scene;
mod troubles;

/// This is not a test of its own, but another process.
#[test]
fn as_told() {
    process::obey();
}
