//! What must hold of the files that others install: read from the files, so that it holds for each platform, whatever machine
//! checks it.

use object::macho::{DylibCommand, LC_CODE_SIGNATURE, MachHeader64};
use object::pe::ImageNtHeaders64;
use object::read::elf::{Dyn, ElfFile64, FileHeader as _, SectionHeader as _};
use object::read::macho::{LoadCommandVariant, MachOFile};
use object::read::pe::{ImageNtHeaders as _, PeFile64};
use object::{Architecture, BinaryFormat, Endianness, Object, ObjectKind, elf};

/// The oldest glibc that the files of a release run with: that of CentOS 7, and of `manylinux_2_17`.
pub const GLIBC: (u32, u32) = (2, 17);
/// The oldest macOS.
pub const MACOS: (u32, u32) = (11, 0);
/// The function that SQLite calls. Its name comes from the file's.
const ENTRY: &str = "sqlite3_lifeboat_init";

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The file that SQLite loads.
    Loadable,
    /// The command.
    Command,
}

/// A system and a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The name of its directory: `linux-x64-musl`.
    pub name: &'static str,
    /// What wheels of Python call it.
    pub wheel: &'static str,
    format: BinaryFormat,
    architecture: Architecture,
    is_musl: bool,
}

impl Platform {
    /// Those of a release.
    #[rustfmt::skip]
    pub const ALL: [Self; 7] = [
        Self::new("linux-x64",        "manylinux_2_17_x86_64",  BinaryFormat::Elf,   Architecture::X86_64,  false),
        Self::new("linux-arm64",      "manylinux_2_17_aarch64", BinaryFormat::Elf,   Architecture::Aarch64, false),
        Self::new("linux-x64-musl",   "musllinux_1_2_x86_64",   BinaryFormat::Elf,   Architecture::X86_64,  true),
        Self::new("linux-arm64-musl", "musllinux_1_2_aarch64",  BinaryFormat::Elf,   Architecture::Aarch64, true),
        Self::new("win32-x64",        "win_amd64",              BinaryFormat::Pe,    Architecture::X86_64,  false),
        Self::new("darwin-x64",       "macosx_11_0_x86_64",     BinaryFormat::MachO, Architecture::X86_64,  false),
        Self::new("darwin-arm64",     "macosx_11_0_arm64",      BinaryFormat::MachO, Architecture::Aarch64, false),
    ];

    const fn new(
        name: &'static str,
        wheel: &'static str,
        format: BinaryFormat,
        architecture: Architecture,
        is_musl: bool,
    ) -> Self {
        Self { name, wheel, format, architecture, is_musl }
    }

    /// The names of its files.
    pub fn files(self) -> [(Kind, &'static str); 2] {
        let (library, command) = match self.format {
            BinaryFormat::Pe => ("lifeboat.dll", "lifeboat.exe"),
            BinaryFormat::MachO => ("liblifeboat.dylib", "lifeboat"),
            _ => ("liblifeboat.so", "lifeboat"),
        };
        [(Kind::Loadable, library), (Kind::Command, command)]
    }
}

/// All that is wrong with a file of a release. Nothing: the file is right.
///
/// # Errors
/// It is no file of that format.
pub fn faults(platform: Platform, kind: Kind, bytes: &[u8]) -> Result<Vec<String>, object::Error> {
    let file = object::File::parse(bytes)?;
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault: String| faults.extend((!holds).then_some(fault));
    must(file.format() == platform.format, format!("it is {:?}", file.format()));
    must(file.architecture() == platform.architecture, format!("it is for {:?}", file.architecture()));
    let kind_wanted = if kind == Kind::Loadable { ObjectKind::Dynamic } else { ObjectKind::Executable };
    // A command of Linux that can lie anywhere in memory is a library by its header.
    must(
        file.kind() == kind_wanted || (file.format() == BinaryFormat::Elf && file.kind() == ObjectKind::Dynamic),
        format!("it is {:?}", file.kind()),
    );
    must(!file.has_debug_symbols(), "it has debug symbols".to_owned());
    must(kind == Kind::Command || exports(&file)?.iter().any(|name| name == ENTRY), format!("it has no {ENTRY}"));
    faults.extend(match &file {
        object::File::Elf64(file) => elf_faults(platform, kind, file)?,
        object::File::MachO64(file) => macho_faults(platform, kind, file)?,
        object::File::Pe64(file) => pe_faults(file)?,
        _ => vec!["it has 32 bits".to_owned()],
    });
    faults.extend(paths(bytes, &[]).into_iter().map(|path| format!("it holds the path {path:?}")));
    Ok(faults)
}

/// What others can call in it.
///
/// # Errors
/// The file is damaged.
pub fn exports(file: &object::File<'_>) -> Result<Vec<String>, object::Error> {
    let text = |name: &[u8]| String::from_utf8_lossy(name).trim_start_matches('_').to_owned();
    Ok(file.exports()?.iter().map(|export| text(export.name())).collect())
}

/// Places of the machine that built it: directories of users, of crates before they were renamed, and those that are given.
pub fn paths(bytes: &[u8], others: &[&str]) -> Vec<String> {
    const KNOWN: [&str; 6] = ["/home/", "/root/", "/Users/", "/registry/src/", "/.cargo/", "/.rustup/"];
    let places = KNOWN.iter().chain(others).filter(|place| place.len() > 1);
    let found = places.filter_map(|place| {
        let at = memchr::memmem::find(bytes, place.as_bytes())?;
        let from = bytes[..at].iter().rposition(|byte| !is_of_path(*byte)).map_or(0, |before| before + 1);
        let end = bytes[at..].iter().position(|byte| !is_of_path(*byte)).map_or(bytes.len(), |length| at + length);
        Some(String::from_utf8_lossy(&bytes[from.max(at.saturating_sub(80))..end.min(at + 120)]).into_owned())
    });
    found.collect()
}

fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte)
}

/// The newest glibc that a file asks for.
///
/// # Errors
/// The file is damaged.
pub fn glibc(file: &ElfFile64<'_>) -> Result<Option<(u32, u32)>, object::Error> {
    let endian = file.endian();
    let mut newest = None;
    for section in file.elf_section_table().iter() {
        let Some((mut needs, link)) = section.gnu_verneed(endian, file.data())? else { continue };
        let strings = file.elf_section_table().strings(endian, file.data(), link)?;
        while let Some((_, mut versions)) = needs.next()? {
            while let Some(version) = versions.next()? {
                let name = String::from_utf8_lossy(version.name(endian, strings)?).into_owned();
                let Some((major, minor)) = name.strip_prefix("GLIBC_").and_then(|name| name.split_once('.')) else {
                    continue;
                };
                let minor = minor.split('.').next().unwrap_or(minor);
                newest = newest.max(major.parse().ok().zip(minor.parse().ok()));
            }
        }
    }
    Ok(newest)
}

/// The libraries that a file is loaded with.
///
/// # Errors
/// The file is damaged.
pub fn needed(file: &ElfFile64<'_>) -> Result<Vec<String>, object::Error> {
    let endian = file.endian();
    let mut needed = Vec::new();
    for section in file.elf_section_table().iter() {
        let Some((entries, link)) = section.dynamic(endian, file.data())? else { continue };
        let strings = file.elf_section_table().strings(endian, file.data(), link)?;
        for entry in entries.iter().filter(|entry| entry.d_tag(endian) == elf::DT_NEEDED) {
            needed.push(String::from_utf8_lossy(entry.string(endian, strings)?).into_owned());
        }
    }
    Ok(needed)
}

fn elf_faults(platform: Platform, kind: Kind, file: &ElfFile64<'_>) -> Result<Vec<String>, object::Error> {
    let mut faults = Vec::new();
    let needed = needed(file)?;
    let is_static = platform.is_musl && kind == Kind::Command;
    let is_of_system = |library: &str| {
        // What each glibc has; of musl there is one library only.
        const GLIBC_HAS: [&str; 5] = ["libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"];
        match platform.is_musl {
            true => library == "libc.so" || library.starts_with("libc.musl-"),
            false => GLIBC_HAS.contains(&library) || library.starts_with("ld-linux-"),
        }
    };
    if is_static && !needed.is_empty() {
        faults.push(format!("it is not static: it needs {needed:?}"));
    }
    let others: Vec<_> = needed.iter().filter(|library| !is_of_system(library)).collect();
    if !others.is_empty() {
        faults.push(format!("it needs {others:?}, which not every system has"));
    }
    let header = file.elf_header();
    let has_loader = header
        .program_headers(file.endian(), file.data())?
        .iter()
        .any(|segment| object::read::elf::ProgramHeader::p_type(segment, file.endian()) == elf::PT_INTERP);
    if has_loader != (kind == Kind::Command && !is_static) {
        faults.push(format!("that it names a loader is {has_loader}"));
    }
    match glibc(file)? {
        Some(version) if platform.is_musl => faults.push(format!("it asks for glibc {version:?}")),
        Some(version) if version > GLIBC => faults.push(format!("it asks for glibc {version:?}")),
        _ => {}
    }
    Ok(faults)
}

fn macho_faults(
    platform: Platform,
    kind: Kind,
    file: &MachOFile<'_, MachHeader64<Endianness>>,
) -> Result<Vec<String>, object::Error> {
    let endian = file.endian();
    let mut faults = Vec::new();
    let (mut name, mut oldest, mut signature) = (None, None, None);
    let mut commands = file.macho_load_commands()?;
    while let Some(command) = commands.next()? {
        let library = |dylib: &DylibCommand<Endianness>| -> Result<String, object::Error> {
            Ok(String::from_utf8_lossy(command.string(endian, dylib.dylib.name)?).into_owned())
        };
        match command.variant()? {
            LoadCommandVariant::IdDylib(dylib) => name = Some(library(dylib)?),
            LoadCommandVariant::Dylib(dylib) => {
                let library = library(dylib)?;
                if !library.starts_with("/usr/lib/") && !library.starts_with("/System/Library/") {
                    faults.push(format!("it needs {library:?}, which not every system has"));
                }
            }
            LoadCommandVariant::BuildVersion(build) => {
                let version = build.minos.get(endian);
                oldest = Some((version >> 16, version >> 8 & 0xff));
            }
            LoadCommandVariant::LinkeditData(data) if command.cmd() == LC_CODE_SIGNATURE => {
                let from = usize::try_from(data.dataoff.get(endian)).unwrap_or(usize::MAX);
                let length = usize::try_from(data.datasize.get(endian)).unwrap_or(0);
                signature = Some(file.data().get(from..from.saturating_add(length)).unwrap_or_default());
            }
            _ => {}
        }
    }
    if kind == Kind::Loadable && name.as_deref() != Some("@rpath/liblifeboat.dylib") {
        faults.push(format!("its name for those who link it is {name:?}"));
    }
    if oldest != Some(MACOS) {
        faults.push(format!("the oldest macOS is {oldest:?}"));
    }
    // Apple's processors start nothing that has no signature. One of nobody is enough. Those of Intel need none, and Zig's linker
    // makes none for them.
    let must_be_signed = platform.architecture == Architecture::Aarch64;
    if signature.map_or(must_be_signed, |signature| !is_signed_by_nobody(signature)) {
        faults.push("it has no signature of its own".to_owned());
    }
    Ok(faults)
}

/// Whether a signature has a directory of code that says "ad hoc": <https://github.com/apple-oss-distributions/xnu>,
/// `osfmk/kern/cs_blobs.h`. All numbers are big-endian.
fn is_signed_by_nobody(signature: &[u8]) -> bool {
    const SUPER_BLOB: u32 = 0xfade_0cc0;
    const CODE_DIRECTORY: u32 = 0xfade_0c02;
    const AD_HOC: u32 = 2;
    let number = |at: usize| {
        let bytes = signature.get(at..at.checked_add(4)?)?;
        bytes.try_into().ok().map(u32::from_be_bytes)
    };
    let is_ad_hoc = |index: usize| {
        let at = usize::try_from(number(12 + 8 * index + 4)?).ok()?;
        Some(number(at)? == CODE_DIRECTORY && number(at + 12)? & AD_HOC != 0)
    };
    number(0) == Some(SUPER_BLOB)
        && (0..number(8).unwrap_or(0).min(16)).any(|index| is_ad_hoc(index as usize) == Some(true))
}

/// The day on which a file of Windows says that it was made must not come from a clock.
fn pe_faults(file: &PeFile64<'_>) -> Result<Vec<String>, object::Error> {
    // What Windows 10 has, and Wine.
    const SYSTEM: [&str; 14] = [
        "advapi32.dll",
        "bcrypt.dll",
        "bcryptprimitives.dll",
        "crypt32.dll",
        "kernel32.dll",
        "msvcrt.dll",
        "ncrypt.dll",
        "ntdll.dll",
        "ole32.dll",
        "secur32.dll",
        "shell32.dll",
        "user32.dll",
        "userenv.dll",
        "ws2_32.dll",
    ];
    let mut faults = Vec::new();
    let headers: &ImageNtHeaders64 = file.nt_headers();
    let stamp = headers.file_header().time_date_stamp.get(object::LittleEndian);
    let since_2020 = 1_577_836_800..2_208_988_800;
    if since_2020.contains(&stamp) {
        faults.push(format!("it tells when it was made: {stamp}"));
    }
    if let Some(imports) = file.import_table()? {
        let mut libraries = imports.descriptors()?;
        while let Some(library) = libraries.next()? {
            let name = imports.name(library.name.get(object::LittleEndian))?;
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            if !SYSTEM.contains(&&*name) && !name.starts_with("api-ms-win-") {
                faults.push(format!("it needs {name:?}, which not every system has"));
            }
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_bytes() {
        assert_eq!(paths(b"\0/root/.cargo/a.rs\0b", &[]), ["/root/.cargo/a.rs", "/root/.cargo/a.rs"]);
        assert_eq!(paths(b"src/home/x.rs /crates/a.rs /rustc/0", &[]), ["src/home/x.rs"]);
        assert_eq!(paths(b"in /tmp/build/a", &["/tmp/build", "", "/"]), ["/tmp/build/a"]);
        assert!(paths(b"", &["/x"]).is_empty());
    }

    #[test]
    fn processors_of_intel_need_no_signature() {
        let said = |name, processor: u32| {
            let platform = Platform::ALL.into_iter().find(|platform| platform.name == name).expect("a platform");
            // A program without any command of the loader.
            let header = [0xfeed_facf, processor, 3, 2, 0, 0, 0, 0];
            let bytes: Vec<u8> = header.iter().flat_map(|number| number.to_le_bytes()).collect();
            faults(platform, Kind::Command, &bytes).expect("a program of macOS").join("\n")
        };
        let (intel, apple) = (said("darwin-x64", 0x0100_0007), said("darwin-arm64", 0x0100_000c));
        assert!(intel.contains("the oldest macOS is None") && !intel.contains("signature"), "{intel}");
        assert!(apple.contains("it has no signature of its own"), "{apple}");
    }

    #[test]
    fn signatures_of_nobody() {
        let mut signature: Vec<u8> =
            [0xfade_0cc0_u32, 40, 1, 0, 20, 0xfade_0c02, 20, 0, 2].iter().flat_map(|n| n.to_be_bytes()).collect();
        assert!(is_signed_by_nobody(&signature));
        let end = signature.len();
        signature[end - 1] = 0;
        assert!(
            !is_signed_by_nobody(&signature) && !is_signed_by_nobody(&signature[..30]) && !is_signed_by_nobody(b"")
        );
    }
}
