// What the tests of the npm package share: databases, bundles and keys, made by the extension in the sqlite3 shell.
//
// They run in a directory in which the packed package is installed, with LIFEBOAT_DIST, the directory of the extension;
// LIFEBOAT_PROGRAMS, that of `equal` and `corpus`; LIFEBOAT_TOOLS, that of TypeScript; and LIFEBOAT_EXAMPLES. tests/node.rs
// sees to it.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { LifeboatError } from 'sqlite-lifeboat/recovery';

const { LIFEBOAT_DIST, LIFEBOAT_PROGRAMS } = process.env;

/** Runs SQL in the sqlite3 shell, with the extension loaded. */
export function sqlite(database, sql) {
  const load = `.load '${join(LIFEBOAT_DIST, 'liblifeboat')}'`;
  const args = ['-batch', '-bail', '-init', '/dev/null', '-cmd', load, database];
  return execFileSync('sqlite3', args, { input: sql, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] }).trimEnd();
}

export const keygen = () => sqlite(':memory:', 'SELECT backup_keygen()');
export const verifyKeyOf = key => sqlite(':memory:', `SELECT backup_verify_key('${key}')`);

/** A directory of its own for a test. */
export function directory(t) {
  const made = mkdtempSync(join(tmpdir(), 'lifeboat-node-'));
  t.after(() => rmSync(made, { recursive: true }));
  return name => join(made, name ?? '');
}

/** The names in a directory. */
export const names = path => readdirSync(path).sort();

/** A database made by SQL, and its bundle. */
export function exported(path, key, sql) {
  sqlite(path('app.db'), `${sql}; SELECT backup_export_file('${key}', '${path('app.bundle')}')`);
  return readFileSync(path('app.bundle'));
}

/** A database that lives on: `0.db`, `1.db`, … as it was after each SQL, and the chain of bundles that lead there. */
export function history(path, key, ...lives) {
  const live = path('live.db');
  return lives.map((sql, state) => {
    sqlite(live, sql);
    sqlite(live, `VACUUM INTO '${path(`${state}.db`)}'`);
    const base = Array.from({ length: state }, (_, before) => path(`${before}.bundle`));
    const options = state === 0 ? {} : { base };
    const bundle = path(`${state}.bundle`);
    sqlite(live, `SELECT backup_export_file('${key}', '${bundle}', '${JSON.stringify(options)}')`);
    return bundle;
  });
}

/** A database of the corpus, made once. */
export const corpus = name => execFileSync(join(LIFEBOAT_PROGRAMS, 'corpus'), [name], { encoding: 'utf8' }).trim();

/** Fails unless both files are the same database. */
export function assertEqual(one, other) {
  const { status, stdout, stderr } = spawnSync(join(LIFEBOAT_PROGRAMS, 'equal'), [one, other], { encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr}`);
}

/** Fails unless it rejects with an error of this kind that says this, and in which no key is. */
export async function refused(promise, kind, says) {
  const error = await Promise.resolve(promise).then(
    value => assert.fail(`not refused, but ${inspect(value).slice(0, 200)}`),
    error => error,
  );
  assert.ok(error instanceof LifeboatError, inspect(error));
  assert.equal(error.kind, kind, error.message);
  assert.match(error.message, says);
  assert.equal(error.message, `${kind}: ${error.text}`);
  assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /lifeboatkey1[a-z0-9]{6}/);
  return error;
}

/** All that an iterator gives, and what it returns. */
export async function drained(iterator) {
  const values = [];
  for (;;) {
    const { value, done } = await iterator.next();
    if (done) return [values, value];
    values.push(value);
  }
}
