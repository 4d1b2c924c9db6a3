// Backups of a Node program's own database, with better-sqlite3: node better-sqlite3.mjs DIRECTORY
//
// Keeps notes in `notes.db` there: adds one, exports, checks the bundle as if everything else were lost, and recovers it
// into a new file.

import Database from 'better-sqlite3';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { errorOf, load } from 'lifeboat-sqlite';

const [directory] = process.argv.slice(2);
if (!directory) {
  console.error('usage: node better-sqlite3.mjs DIRECTORY');
  process.exit(2);
}
mkdirSync(directory, { recursive: true });
process.chdir(directory);

const db = new Database('notes.db');
load(db);
const call = (sql, ...values) => db.prepare(`SELECT ${sql}`).pluck().get(...values);

if (!existsSync('recovery.key')) {
  // For its owner alone; never written over. Keep a copy off this machine.
  writeFileSync('recovery.key', call('backup_keygen()'), { mode: 0o600, flag: 'wx' });
}

db.exec('CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, text)');
db.prepare('INSERT INTO notes(text) VALUES (datetime())').run();

try {
  // After each change that matters. The key's text stays in its file: it need not pass through SQL.
  const summary = JSON.parse(call("backup_export_file('file:recovery.key', 'notes.bundle')"));
  console.log(`exported the state ${summary.state_id} in ${summary.bytes} bytes`);

  // The state is the one that was exported, and nothing older.
  const options = JSON.stringify({ level: 'restore', expect: summary.state_id });
  const report = JSON.parse(call("backup_verify('notes.bundle', 'file:recovery.key', ?)", options));
  console.log(`the bundle is ${report.verdict}`);

  // What was recovered the last time may go: it is a copy.
  const replace = JSON.stringify({ replace: true });
  const recovered = JSON.parse(call("backup_restore_file('notes.bundle', 'file:recovery.key', 'recovered.db', ?)", replace));
  console.log(`recovered ${recovered.rows} rows to recovered.db`);
} catch (error) {
  // The message says what is wrong, where, and what to do; the kind, what a program does about it.
  console.error(errorOf(error)?.kind === 'busy' ? `${error.message}: try again` : error.message);
  process.exitCode = 1;
}
