"""Puts the built binaries into the wheel, and tags it with the system on which they run.

Without more said, the library is `liblifeboat.so` of this machine, and the tag is that of the oldest glibc on which it runs. For
another system, `LIFEBOAT_PLATFORM` names one of `PLATFORMS`: the library then is looked for under the name that this system
gives it, in `LIFEBOAT_DIST` or in `dist`, and has to be one of that system.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Optional

import pefile
from elftools.elf.elffile import ELFFile
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from macholib.MachO import MachO
from macholib.mach_o import (
    CPU_TYPE_NAMES,
    LC_BUILD_VERSION,
    LC_LOAD_DYLIB,
    LC_LOAD_WEAK_DYLIB,
    LC_REEXPORT_DYLIB,
    LC_VERSION_MIN_MACOSX,
    MH_BUNDLE,
    MH_DYLIB,
)

COMPONENTS = ["lifeboat-cli.wasm", "lifeboat-recovery.wasm"]
MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}

# What each system of a tag has.
GLIBC = {
    "libc.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
}  # fmt: skip
# No libgcc: a plain Alpine has none.
MUSL = {"libc.so", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"}
MACOS = ("/usr/lib/", "/System/Library/")
# The runtime of Visual C comes with each Python for Windows.
WINDOWS = {
    "advapi32.dll", "bcrypt.dll", "bcryptprimitives.dll", "crypt32.dll", "dnsapi.dll", "iphlpapi.dll", "kernel32.dll",
    "msvcrt.dll", "ncrypt.dll", "netapi32.dll", "ntdll.dll", "ole32.dll", "oleaut32.dll", "pdh.dll", "powrprof.dll",
    "psapi.dll", "rpcrt4.dll", "secur32.dll", "shell32.dll", "user32.dll", "userenv.dll", "ws2_32.dll", "vcruntime140.dll",
}  # fmt: skip


class Binaries(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        workspace = Path(self.root).parent.parent
        dist = Path(os.environ.get("LIFEBOAT_DIST", workspace / "dist"))
        wanted = os.environ.get("LIFEBOAT_PLATFORM") or self.config.get("platform")
        library, tag = found(dist, wanted)
        for name in [library, *COMPONENTS]:
            if not (dist / name).is_file():
                raise SystemExit(f"{dist / name} is missing: run `make build` first")
            build_data["force_include"][str(dist / name)] = f"sqlite_lifeboat/{name}"
        build_data["force_include"][str(workspace / "LICENSE")] = "sqlite_lifeboat/LICENSE"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{tag}"


class Platform(NamedTuple):
    """The name of the library, and the check that a file is one."""

    library: str
    check: Callable[[Path], None]


def found(dist: Path, wanted: Optional[str]) -> tuple[str, str]:
    """The name of the library, and the tag of the wheel."""
    if wanted is None:
        library = dist / "liblifeboat.so"
        if not library.is_file():
            raise SystemExit(f"{library} is missing: run `make build` first")
        return library.name, platform(library)
    if wanted not in PLATFORMS:
        raise SystemExit(f"LIFEBOAT_PLATFORM is {wanted!r}; known are {', '.join(PLATFORMS)}")
    library = dist / PLATFORMS[wanted].library
    if not library.is_file():
        raise SystemExit(f"{library} is missing: build it for {wanted}, and put it there; or name its directory in LIFEBOAT_DIST")
    PLATFORMS[wanted].check(library)
    return library.name, wanted


def platform(library: Path) -> str:
    """The manylinux tag of a library: its machine, and the newest version of glibc that it asks for."""
    machine, versions = elf(library, GLIBC)
    if not versions:
        refuse(library, "asks for no version of glibc")
    glibc = max(versions)
    return f"manylinux_{glibc[0]}_{glibc[1]}_{machine}"


def manylinux(machine: str, newest: tuple[int, int]) -> Callable[[Path], None]:
    """A library for glibc, of this version or an older one."""

    def check(library: Path) -> None:
        is_of, versions = elf(library, GLIBC)
        if is_of != machine:
            refuse(library, f"is for {is_of}, not for {machine}")
        if not versions:
            refuse(library, "asks for no version of glibc")
        if max(versions) > newest:
            asked, had = (".".join(map(str, version)) for version in (max(versions), newest))
            refuse(library, f"asks for glibc {asked}, and the systems of this tag may have {had}; build it on an older system")

    return check


def musllinux(machine: str) -> Callable[[Path], None]:
    """A library for musl."""

    def check(library: Path) -> None:
        is_of, versions = elf(library, MUSL)
        if is_of != machine:
            refuse(library, f"is for {is_of}, not for {machine}")
        if versions:
            refuse(library, "asks for glibc")

    return check


def elf(library: Path, system: set[str]) -> tuple[str, list[tuple[int, ...]]]:
    """The machine of a shared library of Linux, and the versions of glibc that it asks for."""
    with library.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            refuse(library, "is no library of Linux (ELF)")
        read = ELFFile(file)
        segments = {segment["p_type"] for segment in read.iter_segments()}
        dynamic = read.get_section_by_name(".dynamic")
        if read["e_type"] != "ET_DYN" or dynamic is None or "PT_INTERP" in segments:
            refuse(library, "is no shared library")
        only_of(library, {tag.needed for tag in dynamic.iter_tags("DT_NEEDED")} - system)
        machine = MACHINES.get(read["e_machine"])
        if machine is None:
            refuse(library, f"is for the machine {read['e_machine']}")
        section = read.get_section_by_name(".gnu.version_r")
        wanted = [] if section is None else section.iter_versions()
        names = [symbol.name for _, symbols in wanted for symbol in symbols]
        return machine, [tuple(map(int, name[6:].split("."))) for name in names if name.startswith("GLIBC_")]


def macos(machine: str, newest: tuple[int, int]) -> Callable[[Path], None]:
    """A library for this version of macOS and later ones."""

    def check(library: Path) -> None:
        try:
            headers = MachO(str(library)).headers
        except ValueError:
            refuse(library, "is no library of macOS (Mach-O)")
        if len(headers) != 1:
            refuse(library, "is for several machines; give the one of this wheel alone (lipo -thin)")
        (header,) = headers
        is_of = CPU_TYPE_NAMES.get(header.header.cputype, str(header.header.cputype)).lower()
        if is_of != machine:
            refuse(library, f"is for {is_of}, not for {machine}")
        if header.header.filetype not in (MH_DYLIB, MH_BUNDLE):
            refuse(library, "is no shared library")
        for load, command, data in header.commands:
            if load.cmd in (LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB):
                name = data.rstrip(b"\0").decode()
                only_of(library, set() if name.startswith(MACOS) else {name})
            if load.cmd in (LC_BUILD_VERSION, LC_VERSION_MIN_MACOSX):
                oldest = int(command.minos if load.cmd == LC_BUILD_VERSION else command.version)
                if (oldest >> 16, oldest >> 8 & 0xFF) > newest:
                    had = ".".join(map(str, newest))
                    refuse(library, f"needs a newer macOS than {had}; build it with MACOSX_DEPLOYMENT_TARGET={had}")

    return check


def windows(library: Path) -> None:
    """A library for Windows on x86-64."""
    try:
        read = pefile.PE(str(library), fast_load=True)
    except pefile.PEFormatError:
        refuse(library, "is no library of Windows (PE)")
    with read:
        if read.FILE_HEADER.Machine != pefile.MACHINE_TYPE["IMAGE_FILE_MACHINE_AMD64"]:
            refuse(library, f"is for {pefile.MACHINE_TYPE.get(read.FILE_HEADER.Machine, 'another machine')}, not for x86_64")
        if not read.is_dll():
            refuse(library, "is no shared library")
        read.parse_data_directories(directories=[pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]])
        names = {entry.dll.decode().lower() for entry in getattr(read, "DIRECTORY_ENTRY_IMPORT", [])}
        only_of(library, {name for name in names - WINDOWS if not name.startswith("api-ms-win-")})


def only_of(library: Path, others: set[str]) -> None:
    if others:
        refuse(library, f"needs {sorted(others)}, which not every system has")


def refuse(library: Path, why: str) -> NoReturn:
    raise SystemExit(f"{library} {why}")


PLATFORMS = {
    "manylinux_2_17_x86_64": Platform("liblifeboat.so", manylinux("x86_64", (2, 17))),
    "manylinux_2_17_aarch64": Platform("liblifeboat.so", manylinux("aarch64", (2, 17))),
    "musllinux_1_2_x86_64": Platform("liblifeboat.so", musllinux("x86_64")),
    "musllinux_1_2_aarch64": Platform("liblifeboat.so", musllinux("aarch64")),
    "macosx_11_0_x86_64": Platform("liblifeboat.dylib", macos("x86_64", (11, 0))),
    "macosx_11_0_arm64": Platform("liblifeboat.dylib", macos("arm64", (11, 0))),
    "win_amd64": Platform("lifeboat.dll", windows),
}
