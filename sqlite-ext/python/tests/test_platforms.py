"""Wheels for other systems: the library has to be one of that system, and gets the name that the system gives it."""

from __future__ import annotations

import importlib
import os
import struct
import subprocess
import sys
import unittest
import zipfile
from pathlib import Path
from typing import Any

import sqlite_lifeboat as lifeboat

from .scene import Scene

PACKAGE = Path(__file__).resolve().parent.parent


def macho(machine: int, needs: str = "/usr/lib/libSystem.B.dylib", oldest: int = 11, kind: int = 6) -> bytes:
    """The head of a library of macOS: the system that it is built for, and one library that it needs."""
    version = struct.pack("<6I", 0x32, 24, 1, oldest << 16, oldest << 16, 0)
    name = needs.encode() + bytes(8 - len(needs) % 8)
    load = struct.pack("<6I", 0xC, 24 + len(name), 24, 2, 0x10000, 0x10000) + name
    return struct.pack("<8I", 0xFEEDFACF, machine, 3, kind, 2, len(version + load), 0, 0) + version + load


def pe(machine: int = 0x8664, needs: str = "KERNEL32.dll", characteristics: int = 0x2022) -> bytes:
    """A library of Windows with one section, in which stands one library that it needs."""
    section = struct.pack("<5I", 0x1050, 0, 0, 0x1040, 0x1050) + bytes(20)
    section = section.ljust(0x40, b"\0") + needs.encode().ljust(16, b"\0") + struct.pack("<2Q", 0x1060, 0)
    section = (section + b"\0\0Sleep\0").ljust(512, b"\0")
    directories = bytes(8) + struct.pack("<2I", 0x1000, 40) + bytes(8 * 14)
    optional = struct.pack("<H2B5IQ2I6H4I2H4Q2I", 0x20B, 14, 0, 0, 512, 0, 0, 0x1000, 0x180000000, 4096, 512, 6, 0, 0, 0, 6, 0, 0,
                           0x2000, 512, 0, 3, 0, 0x100000, 4096, 0x100000, 4096, 0, 16)  # fmt: skip
    optional += directories
    header = b"PE\0\0" + struct.pack("<2H3I2H", machine, 1, 0, 0, 0, len(optional), characteristics)
    table = b".idata\0\0" + struct.pack("<4I12xI", 0x200, 0x1000, 512, 512, 0xC0000040)
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    return (dos + header + optional + table).ljust(512, b"\0") + section


def build(**environment: str) -> subprocess.CompletedProcess[str]:
    """Makes a wheel with what is installed here."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", environment.pop("out")]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run(command, cwd=PACKAGE, env=environment, capture_output=True, text=True)


class Platforms(Scene):
    def setUp(self) -> None:
        super().setUp()
        self.hook: Any = importlib.import_module("hatch_build")
        # Of this machine, and so of Linux with glibc.
        self.own = Path(lifeboat.loadable_path() + ".so")

    def refused(self, tag: str, content: bytes, words: str) -> None:
        library = Path(self.write("library", content))
        with self.assertRaises(SystemExit) as raised:
            self.hook.PLATFORMS[tag].check(library)
        self.assertEqual(str(raised.exception), f"{library} {words}")

    def test_linux(self) -> None:
        tag = self.hook.platform(self.own)
        _, major, minor, machine = tag.split("_", 3)
        self.hook.manylinux(machine, (int(major), int(minor)))(self.own)
        with self.assertRaisesRegex(SystemExit, "asks for glibc 2.[0-9]+, and the systems of this tag may have 2.2; build it on"):
            self.hook.manylinux(machine, (2, 2))(self.own)
        with self.assertRaisesRegex(SystemExit, "is for x86_64, not for aarch64" if machine == "x86_64" else "is for aarch64"):
            self.hook.manylinux("aarch64" if machine == "x86_64" else "x86_64", (9, 9))(self.own)
        with self.assertRaisesRegex(SystemExit, "needs .*'libc.so.6'.*, which not every system has"):
            self.hook.PLATFORMS["musllinux_1_2_x86_64"].check(self.own)
        self.refused("manylinux_2_17_x86_64", pe(), "is no library of Linux (ELF)")
        # A program has an interpreter.
        self.refused("manylinux_2_17_x86_64", Path("/bin/true").read_bytes(), "is no shared library")

    def test_macos(self) -> None:
        intel, arm = 0x01000007, 0x0100000C
        for tag, machine in (("macosx_11_0_x86_64", intel), ("macosx_11_0_arm64", arm)):
            self.hook.PLATFORMS[tag].check(Path(self.write("library", macho(machine))))
        self.refused("macosx_11_0_arm64", macho(intel), "is for x86_64, not for arm64")
        self.refused("macosx_11_0_arm64", macho(arm, kind=2), "is no shared library")
        self.refused("macosx_11_0_arm64", macho(arm, "/opt/lib/libx.dylib"), "needs ['/opt/lib/libx.dylib'], which not every system has")
        newer = "needs a newer macOS than 11.0; build it with MACOSX_DEPLOYMENT_TARGET=11.0"
        self.refused("macosx_11_0_arm64", macho(arm, oldest=12), newer)
        self.refused("macosx_11_0_arm64", pe(), "is no library of macOS (Mach-O)")

    def test_windows(self) -> None:
        for needs in ("KERNEL32.dll", "api-ms-win-crt-heap-l1-1-0.dll"[:15]):
            self.hook.PLATFORMS["win_amd64"].check(Path(self.write("library", pe(needs=needs))))
        self.refused("win_amd64", pe(needs="libssl-3.dll"), "needs ['libssl-3.dll'], which not every system has")
        self.refused("win_amd64", pe(machine=0xAA64), "is for IMAGE_FILE_MACHINE_ARM64, not for x86_64")
        self.refused("win_amd64", pe(characteristics=0x22), "is no shared library")
        self.refused("win_amd64", self.own.read_bytes(), "is no library of Windows (PE)")

    def test_wheels(self) -> None:
        dist = self.here / "dist"
        dist.mkdir()
        for name in ("lifeboat-cli.wasm", "lifeboat-recovery.wasm"):
            (dist / name).write_bytes(b"\0asm")
        for tag, library, content in [
            ("macosx_11_0_arm64", "liblifeboat.dylib", macho(0x0100000C)),
            ("win_amd64", "lifeboat.dll", pe()),
        ]:
            missing = build(out=self.path(tag), LIFEBOAT_DIST=str(dist), LIFEBOAT_PLATFORM=tag)
            self.assertIn(f"{library} is missing: build it for {tag}", missing.stderr)
            (dist / library).write_bytes(content)
            built = build(out=self.path(tag), LIFEBOAT_DIST=str(dist), LIFEBOAT_PLATFORM=tag)
            self.assertEqual(built.returncode, 0, built.stderr)
            (wheel,) = Path(self.path(tag)).iterdir()
            self.assertEqual(wheel.name, f"sqlite_lifeboat-{lifeboat.__version__}-py3-none-{tag}.whl")
            with zipfile.ZipFile(wheel) as opened:
                binaries = [name for name in opened.namelist() if "lifeboat." in name]
                self.assertEqual(binaries, [f"sqlite_lifeboat/{library}"])
                self.assertEqual(opened.read(binaries[0]), content)
        unknown = build(out=self.path("none"), LIFEBOAT_DIST=str(dist), LIFEBOAT_PLATFORM="amiga")
        self.assertIn("LIFEBOAT_PLATFORM is 'amiga'; known are manylinux_2_17_x86_64, ", unknown.stderr)
        self.assertEqual(list(Path(self.path("none")).glob("*")), [])


if __name__ == "__main__":
    unittest.main()
