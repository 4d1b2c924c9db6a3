"""frameworks.py OUT: which functions and constants the frameworks of macOS have, as far as the crates that call them declare them.

Zig has the interface of the system's libraries, but of no framework, and these come with Apple's SDK alone. A linker needs the names
only: they are in the crates, and here become text files as the SDK has them (.tbd).
"""

import json
import re
import subprocess
import sys
from pathlib import Path

# What a framework is called by, and the versions that a program is linked with: a system has to have this compatibility version, or
# a later one, and says so of itself since macOS 10.
FRAMEWORKS = {
    "Security": ("security-framework-sys", "1", "59754.140.13"),
    "CoreFoundation": ("core-foundation-sys", "150", "1775.118.101"),
}

out = Path(sys.argv[1])
listed = subprocess.run(["cargo", "metadata", "--locked", "--format-version", "1"], stdout=subprocess.PIPE, check=True)
packages = {package["name"]: Path(package["manifest_path"]).parent for package in json.loads(listed.stdout)["packages"]}
for name, (crate, compatibility, current) in FRAMEWORKS.items():
    found: set[str] = set()
    for source in (packages[crate] / "src").rglob("*.rs"):
        # Macros declare some constants.
        found.update(re.findall(r"(?:\bpub (?:fn|static) |(?=\bk(?:Sec|CF)[A-Z]))(\w+)", source.read_text(encoding="utf-8")))
    if not found:
        raise SystemExit(f"{crate} declares nothing")
    targets = "[ x86_64-macos, arm64-macos ]"
    text = f"""--- !tapi-tbd
tbd-version: 4
targets: {targets}
install-name: '/System/Library/Frameworks/{name}.framework/Versions/A/{name}'
current-version: {current}
compatibility-version: {compatibility}
exports:
  - targets: {targets}
    symbols: [ {", ".join(f"_{symbol}" for symbol in sorted(found))} ]
...
"""
    path = out / f"{name}.framework" / f"{name}.tbd"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
