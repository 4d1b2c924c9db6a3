// The SQL functions of the npm package in an application: installed from its packed files, loaded into a driver.

import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import test, { after } from 'node:test';
import * as lifeboat from 'sqlite-lifeboat';
import { isOwn, one, open } from './support.mjs';

const require = createRequire(import.meta.url);
const directory = mkdtempSync(join(tmpdir(), 'lifeboat-'));
// The key, a database, and the place of its copy.
const { KEY: key, SOURCE: source, RESTORED: restored } = process.env;

after(() => rmSync(directory, { recursive: true }));

function loaded(path = ':memory:') {
  const db = open(path);
  lifeboat.load(db);
  return db;
}

test('export, verify, restore', () => {
  const app = loaded(source);
  const { version } = JSON.parse(one(app, 'SELECT backup_version()'));
  assert.equal(version, require('sqlite-lifeboat/package.json').version);

  const path = `${restored}.bundle`;
  const summary = JSON.parse(one(app, 'SELECT backup_export_file(?, ?)', key, path));
  const bundle = one(app, 'SELECT backup_export(?)', key);
  assert.deepEqual(new Uint8Array(bundle), new Uint8Array(readFileSync(path)));

  const db = loaded();
  const options = JSON.stringify({ level: 'restore', expect: summary.state_id });
  // A path, and the bytes themselves.
  for (const given of [path, bundle]) {
    assert.equal(JSON.parse(one(db, 'SELECT backup_verify(?, ?, ?)', given, key, options)).verdict, 'authentic');
  }
  const { rows } = JSON.parse(one(db, 'SELECT backup_restore_file(?, ?, ?)', path, key, restored));
  assert.ok(rows > 0 && existsSync(restored));
  assert.equal(JSON.parse(one(db, 'SELECT backup_restore(?, ?)', bundle, key)).rows, rows);
  assert.deepEqual(one(db, 'SELECT backup_export(?)', key), bundle);
  assert.equal(typeof one(db, 'SELECT name FROM backup_tables(?, ?) WHERE rows > 0', bundle, key), 'string');
});

test('errors are exceptions with their text', () => {
  const db = loaded();
  const bundle = one(db, 'SELECT backup_export(?)', key);
  const damaged = Uint8Array.from(bundle);
  damaged[damaged.length >> 1] ^= 1;
  const refused = (given, withKey, message) =>
    assert.throws(() => one(db, 'SELECT backup_verify(?, ?)', given, withKey), { message });
  const wrongKey = 'backup_verify: wrong key: this recovery key did not make this bundle; nothing was opened';
  refused(bundle, one(db, 'SELECT backup_keygen()'), wrongKey);
  refused(damaged, key, /^backup_verify: corrupt: /);
  refused(bundle.subarray(0, 99), key, /^backup_verify: truncated: /);
  refused(join(directory, 'none'), key, /^backup_verify: host: .*none/);
  refused(bundle, 'secret', /^backup_verify: misuse: this is not a recovery key/);
  assert.throws(() => one(db, "SELECT count(*) FROM backup_tables(?, '100%s')", bundle), {
    message: /^backup_tables: misuse: this is not a recovery key/,
  });
});

test('the kind of an error', () => {
  const db = loaded();
  const thrown = sql => {
    try {
      one(db, sql);
    } catch (error) {
      return lifeboat.errorOf(error);
    }
    assert.fail(sql);
  };
  const wrongKey = thrown('SELECT backup_verify(backup_export(backup_keygen()), backup_keygen())');
  assert.deepEqual([wrongKey.function, wrongKey.kind], ['backup_verify', 'wrong key']);
  assert.match(wrongKey.text, /^this recovery key did not make this bundle/);
  assert.equal(thrown("SELECT backup_info('none.bundle')").kind, 'host');
  assert.equal(thrown("SELECT backup_export('x')").kind, 'misuse');
  assert.equal(thrown("SELECT backup_save(backup_keygen(), 'dir:none/none/x', '{\"local\": \"none/none/y\"}')").kind, 'host');
  assert.equal(thrown('SELECT no such column'), undefined);
  const away = new Error('backup_save: unreachable: saved in 0 of 1 copies');
  assert.deepEqual(lifeboat.errorOf(away), { function: 'backup_save', kind: 'unreachable', text: 'saved in 0 of 1 copies' });
  for (const other of [undefined, null, 'backup_verify: busy: x', new Error('x')]) assert.equal(lifeboat.errorOf(other), undefined);
});

// As sqlite-ext/manual/errors.md says.
test('errors have codes', () => {
  const db = loaded();
  const bundle = one(db, 'SELECT backup_export(?)', key);
  const damaged = Uint8Array.from(bundle);
  damaged[damaged.length >> 1] ^= 1;
  const codes = [
    [16385, bundle, 'secret'],
    [16641, bundle, one(db, 'SELECT backup_keygen()')],
    [16897, damaged, key],
    [17153, bundle.subarray(0, bundle.length - 1), key],
    [17921, join(directory, 'none'), key],
  ];
  for (const [code, given, withKey] of codes) {
    for (const sql of ['SELECT backup_verify(?, ?)', 'SELECT count(*) FROM backup_tables(?, ?)']) {
      const seen = isOwn ? { errcode: code } : { code: `UNKNOWN_SQLITE_ERROR_${code}` };
      assert.throws(() => one(db, sql, given, withKey), seen, sql);
    }
  }
});

// One of them is of Node itself, so both are there only in a Node that has it.
const hasBoth = process.env.DRIVER !== 'better-sqlite3';
test('another driver in the same process is told what to do', { skip: !hasBoth }, async () => {
  loaded();
  const path = lifeboat.getLoadablePath();
  const other = isOwn
    ? new (await import('better-sqlite3-later')).default(':memory:')
    : new (await import('node:sqlite')).DatabaseSync(':memory:', { allowExtension: true });
  assert.throws(() => lifeboat.load(other), /another SQLite library in this process .* give this one a copy of the file/);
  const copy = join(directory, basename(path));
  cpSync(path, copy);
  other.loadExtension(copy);
  assert.ok(other.prepare('SELECT backup_version() AS version').get().version);
});

test('a protection saves while the event loop runs', async () => {
  const path = join(directory, 'protected.db');
  const copy = `dir:${join(directory, 'copy')}`;
  const db = loaded(path);
  assert.equal(one(db, 'PRAGMA journal_mode = WAL'), 'wal');
  db.exec('CREATE TABLE t(x)');
  assert.equal(JSON.parse(one(db, 'SELECT backup_protect(?, ?)', key, copy)).protection.holders, 1);
  db.exec('INSERT INTO t VALUES (1)');
  const count = () => one(db, "SELECT count(*) FROM backup_rows(?, ?, 't')", copy, key);
  const saved = () => {
    try {
      return count() === 1;
    } catch {
      return false;
    }
  };
  for (const end = Date.now() + 60_000; !saved(); await new Promise(resolve => setTimeout(resolve, 20))) assert.ok(Date.now() < end);
  db.exec('INSERT INTO t VALUES (2)');
  assert.equal(JSON.parse(one(db, 'SELECT backup_save(?, ?)', key, copy)).done, 1);
  assert.equal(count(), 2);
  db.close();
  assert.ok(!existsSync(`${path}-wal`) && !existsSync(`${path}-shm`));
});

// Of protections; the system keeps 15 letters of their names. It lists a thread that was joined a moment longer:
// PF_EXITING, the 0x4 of its flags, tells.
function threads() {
  const isRunning = id => {
    try {
      const [, name, rest] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/self/task/${id}/stat`, 'utf8'));
      return name === 'lifeboat-protec' && (Number(rest.split(' ')[6]) & 4) === 0;
    } catch {
      return false; // It has just ended.
    }
  };
  return readdirSync('/proc/self/task').filter(isRunning).length;
}

test('a commit is in the store soon, and a close leaves nothing', async () => {
  const path = join(directory, 'soon.db');
  const copy = `dir:${join(directory, 'soon')}`;
  const [db, reader] = [loaded(path), loaded()];
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t(x)');
  const rows = () => {
    try {
      return one(reader, "SELECT count(*) FROM backup_rows(?, ?, 't')", copy, key);
    } catch {
      return undefined; // There is no save yet, or one is on its way.
    }
  };
  const until = async count => {
    const began = Date.now();
    while (rows() !== count) {
      assert.ok(Date.now() - began < 60_000);
      await new Promise(resolve => setTimeout(resolve, 10));
    }
    return Date.now() - began;
  };
  assert.equal(threads(), 0);
  one(db, 'SELECT backup_protect(?, ?)', key, copy);
  assert.equal(threads(), 1);
  await until(0);
  const took = [];
  for (const count of [1, 2, 3]) {
    db.exec('INSERT INTO t VALUES (1)');
    took.push(await until(count));
  }
  console.log(`a commit was in the store after ${took} ms`);
  // As sqlite-ext/manual/protect.md says.
  assert.ok(Math.max(...took) < 2_500);
  assert.equal(JSON.parse(one(db, 'SELECT backup_status()')).protection.failed, null);
  // In the middle of things.
  db.exec('INSERT INTO t VALUES (1)');
  db.close();
  assert.equal(threads(), 0);
  assert.ok(!existsSync(`${path}-wal`) && !existsSync(`${path}-shm`));
});

test('require and import are the same', () => {
  const required = require('sqlite-lifeboat');
  assert.deepEqual(Object.keys(required).sort(), Object.keys(lifeboat).sort());
  assert.equal(required.load, lifeboat.load);
  assert.equal(required.getLoadablePath(), lifeboat.getLoadablePath());
});

test('the path is that of the installed file', () => {
  const path = lifeboat.getLoadablePath();
  assert.match(dirname(path), /node_modules[/\\]sqlite-lifeboat-linux-(x64|arm64)(-musl)?$/);
  assert.ok(statSync(path).size > 1_000_000);
});

test('what cannot load it is told', async () => {
  for (const wrong of [undefined, null, {}, 'app.db']) assert.throws(() => lifeboat.load(wrong), TypeError);
  if (!isOwn) return;
  const { DatabaseSync } = await import('node:sqlite');
  assert.throws(() => lifeboat.load(new DatabaseSync(':memory:')), /extension loading is not allowed/);
});
