"""Backs a database up into a directory: a full bundle at first, then what has changed. Run it after each change that matters.

    python_backup.py app.db app.key backups
"""

import glob
import json
import os
import sqlite3  # or apsw, where this cannot load extensions
import sys

import sqlite_lifeboat as lifeboat

database, key_file, directory = sys.argv[1:]

os.makedirs(directory, mode=0o700, exist_ok=True)
chain = sorted(glob.glob(f"{directory}/*.bundle"))
target = f"{directory}/{len(chain):06}.bundle"
options = {"ledger": f"{directory}/ledger", **({"base": chain} if chain else {})}

# A program of your own has its connection already: load the extension into that.
db = sqlite3.connect(f"file:{database}?mode=rw", uri=True)
lifeboat.load(db)
try:
    arguments = [f"file:{key_file}", target, json.dumps(options)]
    (report,) = db.execute("SELECT backup_export_file(?, ?, ?)", arguments).fetchone()
except sqlite3.Error as error:
    # The message says what is wrong, where, and what to do; the kind, what a program does about it.
    typed = lifeboat.as_error(error)
    sys.exit(f"{error}: try again" if isinstance(typed, lifeboat.BusyError) else str(error))
summary = json.loads(report)

if summary["changed"]:
    # Is each bundle still what was exported, and does each lead on from the one before it?
    lifeboat.verify([*chain, target], expect=summary["state_id"])
    print(f"{target}: {summary['bytes']} bytes, {summary['changes']} changes, state {summary['state_id']}")
else:
    print("nothing has changed")
