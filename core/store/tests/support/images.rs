//! FAT32 and exFAT file systems in files. The kernel mounts them; if it cannot, FUSE does.

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A mounted image. It is unmounted when it is dropped.
pub struct Image {
    directory: TempDir,
    device: Option<String>,
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let done = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if done.status.success() {
        Ok(text(&done.stdout))
    } else {
        Err(format!("{program} {}: {} {}", arguments.join(" "), text(&done.stdout), text(&done.stderr)))
    }
}

impl Image {
    /// The error says why it cannot be mounted here: no right to mount, or no such file system.
    pub fn fat32(megabytes: u64) -> Result<Self, String> {
        Self::new(
            megabytes,
            |image| run("mkfs.vfat", &["-F", "32", image]).map(drop),
            "vfat",
            |image, at| run("fusefat", &["-o", "rw+", image, at]).map(|_| None),
        )
    }

    /// The same for exFAT.
    pub fn exfat(megabytes: u64) -> Result<Self, String> {
        Self::new(
            megabytes,
            |image| run("mkfs.exfat", &[image]).map(drop),
            "exfat",
            |image, at| {
                let device = run("losetup", &["--find", "--show", image])?;
                match run("mount.exfat-fuse", &[&device, at]) {
                    Ok(_) => Ok(Some(device)),
                    Err(error) => {
                        let _ = run("losetup", &["--detach", &device]);
                        Err(error)
                    }
                }
            },
        )
    }

    fn new(
        megabytes: u64,
        make: impl Fn(&str) -> Result<(), String>,
        kind: &str,
        fuse: impl Fn(&str, &str) -> Result<Option<String>, String>,
    ) -> Result<Self, String> {
        // It is in memory, where a sync costs nothing: the test is about the file system.
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let (image, at) = (directory.path().join("image"), directory.path().join("mounted"));
        std::fs::create_dir(&at).unwrap();
        std::fs::File::create(&image).unwrap().set_len(megabytes << 20).unwrap();
        let (image, at) = (image.display().to_string(), at.display().to_string());
        make(&image)?;
        let device = match run("mount", &["-t", kind, "-o", "loop", &image, &at]) {
            Ok(_) => None,
            Err(kernel) => fuse(&image, &at).map_err(|error| format!("{kernel}; {error}"))?,
        };
        Ok(Self { directory, device })
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("mounted")
    }

    /// Which file system it is, as the system says.
    pub fn kind(&self) -> String {
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let at = format!(" {} ", self.path().display());
        let line = table.lines().find(|line| line.contains(&at)).expect("it is mounted");
        line.split(" - ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
    }

    pub fn file(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let at = self.path().display().to_string();
        let unmounted = run("umount", &[&at]).or_else(|_| run("fusermount", &["-u", &at]));
        if let Some(device) = &self.device {
            let _ = run("losetup", &["--detach", device]);
        }
        if let Err(error) = unmounted {
            eprintln!("{error}");
        }
    }
}
