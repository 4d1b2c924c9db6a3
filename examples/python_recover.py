"""Recovers a database from a bundle, or from a chain, oldest first. Needs no SQLite that can load extensions.

    python_recover.py app.key app.db backups/*.bundle
"""

import sys

import sqlite_lifeboat as lifeboat


def show(phase, done, total):
    print(f"\r{phase}: {done} of {total or '?'} bytes ", end="", file=sys.stderr)


key_file, target, *bundles = sys.argv[1:]
try:
    recovered = lifeboat.recover(bundles, f"file:{key_file}", target, progress=show)
except lifeboat.WrongKeyError:
    sys.exit("\nthis is another key than the one that made these bundles: try your others")
except (lifeboat.CorruptError, lifeboat.TruncatedError) as error:
    sys.exit(f"\na bundle is damaged: take it from another copy ({error})")
except lifeboat.MismatchError as error:
    sys.exit(f"\nthese are not all bundles up to that state; begin with the full bundle ({error})")
except lifeboat.Error as error:
    sys.exit(f"\n{error}")

print(f"\n{target}: {recovered.size} bytes, state {recovered.summary.report.state_id}")
for table, rows in recovered.summary.tables:
    print(f"{rows:9} rows in {table}")
if recovered.advice:
    print(recovered.advice)  # or give recover the argument reindex=True
