"""A host that would be worth attacking, with the system's SQLite: hostile.py EXTENSION. For each line of its input, a JSON object
{"database": path, "other": path, "sql": [statement, ...]}, it opens the database, attaches the other one, lets SQL load extensions,
trusts the schema, and counts the calls of its functions touched() and touched_pure(). It replies with a line of JSON:
{"answers": [[true, value] or [false, message], ...], "touched": number}."""

import json
import sqlite3
import sys


def answers(extension, request):
    connection = sqlite3.connect(request["database"], isolation_level=None)
    touched = [0]

    def touch(*_):
        touched[0] += 1

    try:
        connection.enable_load_extension(True)
        connection.load_extension(extension)
        connection.create_function("touched", -1, touch)
        connection.create_function("touched_pure", -1, touch, deterministic=True)
        replies = []
        for sql in ["PRAGMA trusted_schema = ON", f"ATTACH '{request['other']}' AS other", *request["sql"]]:
            try:
                row = connection.execute(sql).fetchone()
                replies.append([True, str(row[0]) if row else ""])
            except sqlite3.Error as error:
                replies.append([False, str(error)])
        return {"answers": replies[2:], "touched": touched[0]}
    finally:
        connection.close()


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answers(sys.argv[1], json.loads(line))), flush=True)
