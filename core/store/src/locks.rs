//! Which locks on files can be believed.

use std::fs::File;

/// Whether a lock on this file shows all processes that use it. It does not if a server has the files.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn locks_tell(file: &File) -> bool {
    /// `statfs(2)`: ext, XFS, Btrfs, F2FS, ZFS, bcachefs, tmpfs, ramfs, overlayfs, exFAT, FAT,
    /// NTFS, JFS.
    const LOCAL: [u32; 13] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0xF2F5_2010,
        0x2FC1_2FC1,
        0xCA45_1A4E,
        0x0102_1994,
        0x8584_58F6,
        0x794C_7630,
        0x2011_BAB0,
        0x4D44,
        0x7366_746E,
        0x3153_464A,
    ];
    // The type of the number differs between machines. For all these file systems, 32 bits are enough.
    rustix::fs::fstatfs(file).is_ok_and(|found| LOCAL.contains(&(found.f_type as u32)))
}

/// No file system of these systems is known to tell.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn locks_tell(_: &File) -> bool {
    false
}
