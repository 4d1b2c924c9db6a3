"""sbom.py FILE: the list of crates that cargo-cyclonedx wrote, without what differs from one machine and moment to another."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

text = Path(sys.argv[1]).read_text(encoding="utf-8").replace(f"file://{ROOT}", "file:///lifeboat").replace(str(ROOT), "/lifeboat")
listed = json.loads(text)
listed.pop("serialNumber", None)
listed["metadata"].pop("timestamp", None)
json.dump(listed, sys.stdout, indent=1, sort_keys=True)
print()
