"""Puts the built binaries into the wheel, and tags it with the oldest system on which they run."""

import os
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BINARIES = ["liblifeboat.so", "lifeboat-cli.wasm", "lifeboat-recovery.wasm"]
MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}
# Libraries that each system of a manylinux tag has.
SYSTEM = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


class Binaries(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        workspace = Path(self.root).parent.parent
        dist = Path(os.environ.get("LIFEBOAT_DIST", workspace / "dist"))
        for name in BINARIES:
            if not (dist / name).is_file():
                raise SystemExit(f"{dist / name} is missing: run `make build` first")
            build_data["force_include"][str(dist / name)] = f"sqlite_lifeboat/{name}"
        build_data["force_include"][str(workspace / "LICENSE")] = "sqlite_lifeboat/LICENSE"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform(dist / 'liblifeboat.so')}"


def platform(library: Path) -> str:
    """The manylinux tag of a library: its machine, and the newest version of glibc that it asks for."""
    with library.open("rb") as file:
        elf = ELFFile(file)
        needed = {tag.needed for tag in elf.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")}
        if needed - SYSTEM:
            raise SystemExit(f"{library} needs {sorted(needed - SYSTEM)}, which not every system has")
        wanted = elf.get_section_by_name(".gnu.version_r").iter_versions()
        names = [symbol.name for _, symbols in wanted for symbol in symbols]
        glibc = max(tuple(map(int, name[6:].split("."))) for name in names if name.startswith("GLIBC_"))
        return f"manylinux_{glibc[0]}_{glibc[1]}_{MACHINES[elf['e_machine']]}"
