"""sbom.py FILE PACKAGE: the list of crates that cargo-cyclonedx wrote for a package, without what differs from one machine and moment to
another, and without crates that are not in the package.

cargo-cyclonedx takes the features that any package of the workspace turns on. `cargo tree` takes those of the package alone, as the
build does: a crate that is listed and not there would be searched for faults for nothing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

file, package = sys.argv[1:]
tree = [os.environ.get("CARGO", "cargo"), "tree", "--locked", "--package", package, "--edges", "normal", "--target", "all"]
shown = subprocess.run([*tree, "--prefix", "none"], cwd=ROOT, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
# `sha2 v0.11.1`, and for some a path and a mark behind that.
compiled = {(name, version.removeprefix("v")) for name, version, *_ in (line.split() for line in shown.splitlines() if line)}

text = Path(file).read_text(encoding="utf-8").replace(f"file://{ROOT}", "file:///lifeboat").replace(str(ROOT), "/lifeboat")
listed = json.loads(text)
listed.pop("serialNumber", None)
listed["metadata"].pop("timestamp", None)
others = {part["bom-ref"] for part in listed["components"] if (part["name"], part["version"]) not in compiled}
listed["components"] = [part for part in listed["components"] if part["bom-ref"] not in others]
listed["dependencies"] = [
    {**part, "dependsOn": [ref for ref in part["dependsOn"] if ref not in others]} if "dependsOn" in part else part
    for part in listed["dependencies"]
    if part["ref"] not in others
]
missing = compiled - {(part["name"], part["version"]) for part in [*listed["components"], listed["metadata"]["component"]]}
if missing:
    raise SystemExit(f"{file} lacks {sorted(missing)}")
json.dump(listed, sys.stdout, indent=1, sort_keys=True)
print()
