// Backups of a Node program's own database, with better-sqlite3: node better-sqlite3.mjs DIRECTORY
//
// Keeps notes in `notes.db` there: adds one, exports, checks the bundle as if everything else were lost, and recovers it
// into a new file.

import Database from 'better-sqlite3';
import { existsSync, mkdirSync } from 'node:fs';
import { LifeboatError, exportBundle, keygen, restoreFile, verify } from 'sqlite-lifeboat';

const [directory] = process.argv.slice(2);
if (!directory) {
  console.error('usage: node better-sqlite3.mjs DIRECTORY');
  process.exit(2);
}
mkdirSync(directory, { recursive: true });
process.chdir(directory);

// The key's text stays in its file, for its owner alone; never written over. Keep a copy off this machine.
const key = 'file:recovery.key';
if (!existsSync('recovery.key')) keygen({ out: 'recovery.key' });

const db = new Database('notes.db');
db.exec('CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, text)');
db.prepare('INSERT INTO notes(text) VALUES (datetime())').run();

try {
  // After each change that matters. On the connection, so it is done when the call returns.
  const { stateId, bytes } = exportBundle(db, key, 'notes.bundle');
  console.log(`exported the state ${stateId} in ${bytes} bytes`);

  // The state is the one that was exported, and nothing older. Without a connection: in a thread, beside the event loop.
  const { verdict } = await verify('notes.bundle', key, { level: 'restore', expect: stateId });
  console.log(`the bundle is ${verdict}`);

  // What was recovered the last time may go: it is a copy.
  const { rows } = await restoreFile('notes.bundle', key, 'recovered.db', { replace: true });
  console.log(`recovered ${rows} rows to recovered.db`);
} catch (error) {
  if (!(error instanceof LifeboatError)) throw error;
  // The message says what is wrong, where, and what to do; the kind, what a program does about it.
  console.error(error.kind === 'busy' ? `${error.message}: try again` : error.message);
  process.exitCode = 1;
}
