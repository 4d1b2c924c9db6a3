"""Measures what small inputs make Lifeboat do: amplify.py EXTENSION DIRECTORY KEY.

DIRECTORY has bundles (NAME.bundle) and databases (NAME.db). Each job runs in a process of its own,
which may take 60 seconds of processor time and 2 GiB of memory. Prints a line of JSON for each:

  name, job
  refused   null when the job was done, else the message
  seconds   processor time
  gap       the most of it between two calls of the connection's progress handler
  memory    the most bytes of memory that the process had"""

import json
import os
import resource
import sqlite3
import sys
import time

try:
    import apsw
except ImportError:
    apsw = None

ERRORS = (apsw.Error if apsw else sqlite3.Error, MemoryError)
# Instructions of SQLite's machine between two calls of a progress handler.
STEPS = 1000


def connect(path, handler):
    """A connection with the extension, and with a progress handler."""
    if apsw:
        connection = apsw.Connection(path)
        connection.enable_load_extension(True)
        connection.load_extension(EXTENSION)
        connection.set_progress_handler(handler, STEPS)
    else:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.enable_load_extension(True)
        connection.load_extension(EXTENSION)
        connection.set_progress_handler(handler, STEPS)
    return connection


class Clock:
    """Looks at the processor time of this thread each time that it is asked."""

    def __init__(self):
        self.last, self.gap = time.thread_time(), 0.0

    def look(self):
        now = time.thread_time()
        self.gap = max(self.gap, now - self.last)
        self.last = now
        return 0


def work(database, sql, arguments):
    """Runs a statement, and gives what is said of it."""
    clock = Clock()
    connection = connect(database, clock.look)
    began, clock.last, clock.gap = time.process_time(), time.thread_time(), 0.0
    refused = None
    try:
        list(connection.execute(sql, arguments))
    except ERRORS as error:
        refused = str(error)
    clock.look()
    return {"refused": refused, "seconds": time.process_time() - began, "gap": clock.gap}


def in_process(name, job, database, sql, arguments):
    """The same in a process of its own, with its memory."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        said = work(database, sql, arguments)
        said["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        os.write(writer, json.dumps(said).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if not text:
        text = json.dumps({"refused": f"ended: {status}", "seconds": 1e9, "gap": 1e9, "memory": 0})
    print(json.dumps({"name": name, "job": job, **json.loads(text)}), flush=True)


def main():
    for file in sorted(os.listdir(DIRECTORY)):
        name, path = file.rsplit(".", 1)[0], os.path.join(DIRECTORY, file)
        if file.endswith(".bundle"):
            for level in ["contents", "restore"]:
                options = json.dumps({"level": level})
                in_process(name, level, ":memory:", "SELECT backup_verify(?, ?, ?)", (path, KEY, options))
            in_process(name, "rows", ":memory:", "SELECT count(*) FROM backup_rows(?, ?, 't')", (path, KEY))
        else:
            in_process(name, "export", path, "SELECT length(backup_export(?))", (KEY,))


EXTENSION, DIRECTORY, KEY = sys.argv[1].removesuffix(".so"), sys.argv[2], sys.argv[3]
main()
