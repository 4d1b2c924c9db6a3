//! The directory in which all happens: the ZKAP database, keys, and of each peer a full backup. All lines are run there.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lifeboat_host_tests::corpus::{self, package, workspace};
use lifeboat_host_tests::host::dist;
use lifeboat_host_tests::zkap::Size;

/// It goes when this is dropped.
pub struct Scene {
    directory: PathBuf,
    environment: Vec<(&'static str, OsString)>,
}

impl Scene {
    /// Makes it, beside the databases of the tests, so on the same disk.
    pub fn new(size: Size) -> Self {
        let directory = workspace().join("target/bench");
        // A run that was killed may have left it.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("the target directory can be written to");
        let environment = environment(&directory);
        let scene = Self { directory, environment };
        eprintln!("preparing: the database, and a full backup by each");
        let spending = scene.path().join("spending.sql");
        fs::write(&spending, corpus::SPENDING).expect("the disk has room");
        let artefacts = dist("liblifeboat.so");
        let artefacts = artefacts.parent().expect("a file lies in a directory");
        let mut prepare = scene.command(package().join("bench/prepare.sh"));
        prepare.arg(corpus::zkap(size)).arg(fs::canonicalize(artefacts).expect("it is there")).arg(spending);
        let done = prepare.status();
        assert!(done.is_ok_and(|status| status.success()), "prepare.sh failed; `make bench` installs what it needs");
        scene
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// A program that runs here.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Does something here, unmeasured. Panics when it fails.
    #[track_caller]
    pub fn shell(&self, script: &str) {
        if !script.is_empty() {
            let mut bash = self.command("bash");
            let bash = bash.args(["-euo", "pipefail", "-c", script]).stdin(Stdio::null()).stdout(Stdio::null());
            assert!(bash.status().is_ok_and(|status| status.success()), "failed: {script}");
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// What the programs find: their caches and passwords here, and nothing of the person who runs this.
fn environment(scene: &Path) -> Vec<(&'static str, OsString)> {
    let beside = env::current_exe().expect("a running program has a file");
    let beside = beside.parent().expect("a file lies in a directory");
    let own: [PathBuf; 3] =
        [workspace().join("target/peers/bin"), workspace().join("target/tools/bin"), beside.to_owned()];
    let others = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(own.into_iter().chain(env::split_paths(&others))).expect("no path has a colon");
    vec![
        ("PATH", path),
        ("HOME", scene.into()),
        ("XDG_CACHE_HOME", scene.join("cache").into()),
        ("LIFEBOAT_BENCH", package().join("bench").into()),
        ("RUSTIC_PASSWORD_FILE", "password".into()),
        ("RUSTIC_CACHE_DIR", scene.join("rustic/cache").into()),
        ("RUSTIC_LOG_LEVEL", "error".into()),
        ("RUSTIC_NO_PROGRESS", "true".into()),
        ("BORG_BASE_DIR", scene.join("borg/home").into()),
        ("BORG_PASSCOMMAND", "cat password".into()),
        // A copy of a repository is not the one that borg has seen.
        ("BORG_RELOCATED_REPO_ACCESS_IS_OK", "yes".into()),
    ]
}
