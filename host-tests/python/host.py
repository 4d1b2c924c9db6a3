"""A host like the sqlite3 shell, in Python: host.py EXTENSION DATABASE runs the SQL that it reads, prints the rows, and
stops at the first error."""

import sqlite3
import sys


def statements(text):
    """The SQL statements of a text, one by one."""
    piece = ""
    for part in text.split(";"):
        piece += part + ";"
        if sqlite3.complete_statement(piece):
            yield piece
            piece = ""


def printed(value):
    """A value as bytes."""
    if value is None:
        return b""
    return value if isinstance(value, bytes) else str(value).encode()


def main(extension, database):
    connection = sqlite3.connect(database, isolation_level=None)
    connection.text_factory = bytes
    connection.enable_load_extension(True)
    connection.load_extension(extension)
    connection.enable_load_extension(False)
    for statement in statements(sys.stdin.read()):
        for row in connection.execute(statement):
            sys.stdout.buffer.write(b"|".join(map(printed, row)) + b"\n")
            sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except sqlite3.Error as error:
        sys.exit(f"Error: {error}")
