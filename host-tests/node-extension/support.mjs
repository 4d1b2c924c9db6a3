// What the tests of the npm package share: the drivers, databases, refusals.
//
// They run in a directory in which the packed packages are installed, with DRIVER, the driver under test. tests/node_extension.rs
// sees to it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { LifeboatError } from 'sqlite-lifeboat';

/** The driver under test: `better-sqlite3` of the oldest Node, one for a later Node, or `node:sqlite`. */
export const { DRIVER: name } = process.env;
export const isOwn = name === 'node:sqlite';

export const OwnDatabase = isBuiltin('node:sqlite') && isOwn ? (await import('node:sqlite')).DatabaseSync : undefined;
const BetterDatabase = isOwn ? undefined : (await import(name)).default;

/** Opens a database. */
export const open = path => (isOwn ? new OwnDatabase(path, { allowExtension: true }) : new BetterDatabase(path));

/** The only value of a statement. */
export function one(db, sql, ...values) {
  return Object.values(db.prepare(sql).get(...values))[0];
}

/** The values of the first column of a query. */
export const column = (db, sql) => db.prepare(sql).all().map(row => Object.values(row)[0]);

/** A directory of its own for a test. */
export function directory(t) {
  const made = mkdtempSync(join(tmpdir(), 'lifeboat-extension-'));
  t.after(() => rmSync(made, { recursive: true }));
  return path => join(made, path ?? '');
}

/** Fails unless it throws or rejects with an error of this kind and function that says this, and in which no key is. */
export async function refused(body, kind, of, says) {
  let error;
  try {
    const value = await body();
    assert.fail(`not refused, but ${inspect(value).slice(0, 300)}`);
  } catch (caught) {
    error = caught;
  }
  assert.ok(error instanceof LifeboatError, inspect(error));
  assert.equal(error.kind, kind, error.message);
  assert.equal(error.function, of, error.message);
  assert.equal(error.message, `${of}: ${kind}: ${error.text}`);
  assert.match(error.text, says);
  // Functions have the names of this package; some are only there in SQL.
  assert.doesNotMatch(error.text, /\bbackup_(?!compose|diff|rows|tables)[a-z_]+|"[a-z_]+": (true|false)/);
  assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /lifeboat(key|write|read)1[a-z0-9]{6}/);
  return error;
}

/** SQL that makes a database whose export takes some tenths of a second. */
export const LARGE = `CREATE TABLE large(x UNIQUE);
  WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 150000) INSERT INTO large SELECT hex(randomblob(40)) FROM c`;
