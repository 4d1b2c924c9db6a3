"""Tries to have the functions that only read ask a store which a database names, from the schema of
that database: stores_from_schema.py EXTENSION CONTROL DIRECTORY, as from_schema.py.

Where SQLite lets the schema call control_pure(), the function beside it must have refused.

Prints a line of JSON: `sqlite`, `tried`, `refused` and `wrong` as from_schema.py; `works`, the
calls that work where the application makes them; `called`, the places where control_pure() was called."""

import json
import os
import sqlite3
import sys

from from_schema import ERRORS, Attack, Connection, apsw
from schema_places import HERE, NAME, PLACES, STATEMENTS, Place

# Where an expression of a file is evaluated, and what the application makes for itself.
PREFIXES = ("CHECK of", "VIRTUAL column", "STORED column", "trigger AFTER", "TEMP", "FTS4, compress", "FTS4, uncompress")
# SQLite 3.35 crashes when a view of a table function meets RETURNING.
STATEMENTS = [statement for statement in STATEMENTS if "RETURNING" not in str(statement)]
CHOSEN = ("index", "view", "view WINDOW", "view, subquery", "FTS5, content from a view")


class Reads(Attack):
    beside = "control_pure()"

    def prepare(self):
        """The functions that read, with the name of a store that is there."""
        self.series = os.path.join(self.watched, "series")
        with Connection(self.libraries) as connection:
            connection.rows("CREATE TABLE restored(x)")
            ((key,),) = connection.rows("SELECT backup_keygen()")
            local = json.dumps({"local": os.path.join(self.watched, "local")})
            connection.rows(f"SELECT backup_save('{key}', 'dir:{self.series}', '{local}')")
        given = f"'dir:{self.series}', '{key}'"
        calls = {name: f"{name}({given})" for name in ("backup_info", "backup_verify", "backup_compose")}
        tables = {
            "backup_tables": f"backup_tables({given})",
            "backup_rows": f"backup_rows({given}, 'restored')",
            "backup_log": f"backup_log({given})",
            "backup_diff": f"backup_diff('dir:{self.series}', {given})",
        }
        calls.update({name: f"(SELECT count(*) FROM {call})" for name, call in tables.items()})
        # Its ages differ from call to call.
        calls["backup_status"] = f"json_extract(backup_status({given}), '$.stores.number')"
        self.works = [name for name, call in calls.items() if self.does_work(call)]
        self.before = None
        return calls

    def does_work(self, call, _=None):
        """In a SELECT, and in a statement that writes and names it."""
        with Connection(self.libraries) as connection:
            ((plain,),) = connection.rows(f"SELECT {call}")
            connection.rows(f"CREATE TABLE made AS SELECT {call} AS x")
            return plain is not None and connection.rows("SELECT x FROM made") == [(plain,)]

    def has_changed(self):
        return False

    def shows(self, image, statement):
        self.tried += 1
        with Connection(self.libraries, image) as connection:
            try:
                return "state_id" in str(connection.rows(statement))
            except ERRORS:
                return False

    def run(self, _=False):
        called, names = {}, list(self.calls)
        for place in PLACES:
            if not (place.name.startswith(PREFIXES) or place.name in CHOSEN):
                continue
            place = Place(place.name, place.script.replace("'x y'", f"'dir:{self.series}'"), place.forge, place.session)
            if NAME in place.script:
                # A full-text table calls the function alone, with a text that names the store. It must get no answer.
                for name in ("backup_info", "backup_verify"):
                    if self.shows(self.forge(place, name, HERE), "SELECT * FROM t"):
                        self.wrong.append(f"{place.name}: {name} has told of the store")
                continue
            found = []
            for turn, name in enumerate(names):
                found += self.meet(place, name, STATEMENTS[turn :: len(names)], True)
            for name in names:
                self.meet(place, name, found, True)
            if found:
                called[place.name] = found
        return called


def main(extension, control, directory):
    attack = Reads((extension, control), directory)
    called = attack.run()
    answer = {
        "sqlite": apsw.sqlitelibversion() if apsw else sqlite3.sqlite_version,
        "tried": attack.tried,
        "works": attack.works,
        "called": sorted(called),
        "refused": attack.refused,
        "wrong": attack.wrong,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
