"""Backs a database up into a directory: a full bundle at first, then what has changed. Run it after each change that matters.

    python_backup.py app.db app.key backups
"""

import glob
import os
import sys
from pathlib import Path

import sqlite_lifeboat as lifeboat

database, key_file, directory = sys.argv[1:]

os.makedirs(directory, mode=0o700, exist_ok=True)
chain = sorted(glob.glob(f"{directory}/*.bundle"))
target = f"{directory}/{len(chain):06}.bundle"
try:
    # A program of your own gives its connection in place of the path.
    exported = lifeboat.export(database, Path(key_file), target, ledger=f"{directory}/ledger", base=chain or None)
    if exported.changed:
        # Is each bundle still what was exported, and does each lead on from the one before it?
        lifeboat.verify([*chain, target], expect=exported.state_id)
        print(f"{target}: {exported.size} bytes, {exported.changes} changes, state {exported.state_id}")
    else:
        print("nothing has changed")
except lifeboat.BusyError as error:
    sys.exit(f"{error}: try again")
except lifeboat.Error as error:
    # The message says what is wrong, where, and what to do; the class, what a program does about it.
    sys.exit(str(error))
