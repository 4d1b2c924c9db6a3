"""Round trips with the system's SQLite: round_trips.py EXTENSION. For each line of its input, a JSON object {"database": path,
"key": recovery key, "bundle": path, "copy": path}, it exports the database into the one path and restores it into the other. It
replies with a line of JSON: {} when the copy exports to the same bytes, {"refused": message} when the export is refused,
{"wrong": message} when what was exported does not come back."""

import json
import signal
import sqlite3
import sys

# Seconds of processor time: SQLite before 3.41 does not stop for anything else.
LIMIT = 60


def connect(extension, path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.enable_load_extension(True)
    connection.load_extension(extension)
    connection.enable_load_extension(False)
    return connection


def one(connection, sql, *values):
    return connection.execute(sql, values).fetchone()[0]


def round_trip(extension, database, key, bundle, copy):
    connection = connect(extension, database)
    try:
        data = one(connection, "SELECT backup_export(?)", key)
    except sqlite3.Error as error:
        return {"refused": str(error)}
    finally:
        connection.close()
    with open(bundle, "wb") as file:
        file.write(data)
    connection = connect(extension, ":memory:")
    try:
        one(connection, "SELECT backup_restore_file(?, ?, ?)", data, key, copy)
        one(connection, "SELECT backup_restore(?, ?)", data, key)
        restored = connect(extension, copy)
        try:
            again = [one(each, "SELECT backup_export(?)", key) for each in (restored, connection)]
        finally:
            restored.close()
    except sqlite3.Error as error:
        return {"wrong": str(error)}
    finally:
        connection.close()
    return {} if again == [data, data] else {"wrong": "a restored database exports to another bundle"}


if __name__ == "__main__":
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, LIMIT)
        print(json.dumps(round_trip(sys.argv[1], **json.loads(line))), flush=True)
