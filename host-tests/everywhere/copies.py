"""Python: `python copies.py` answers questions about copies, which it reads as JSON from its input, a line each, with the package
`lifeboat`."""

import hashlib
import json
import os
import sys
from pathlib import Path

import sqlite_lifeboat as lifeboat


def answer(asked):
    out = asked["out"]
    if os.path.exists(out):
        os.remove(out)
    copies = lifeboat.Copies(*asked["copies"], **{name: asked[name] for name in ("domain", "seq", "state", "at")})
    series = lifeboat.recover(copies, asked["key"], out).summary.series
    assert series.older == bool(series.left_out)
    assert [copy.directory for copy in series.copies] == asked["copies"]
    save = series.save
    return {
        "number": save.number,
        "state_id": save.state_id,
        "date": save.date,
        "writer": save.writer,
        "label": save.label,
        "uuid": save.uuid,
        "left_out": [[left.number, left.why] for left in series.left_out],
        "standing": [copy.standing for copy in series.copies],
        "unfit": [[name, why] for _, name, why in series.unfit],
        "junk": [copy.junk for copy in series.copies],
        "sha256": hashlib.sha256(Path(out).read_bytes()).hexdigest(),
    }


for asked in json.load(sys.stdin):
    try:
        print(json.dumps(answer(asked)), flush=True)
    except lifeboat.Error as error:
        print(json.dumps({"error": error.kind, "message": error.message}), flush=True)
