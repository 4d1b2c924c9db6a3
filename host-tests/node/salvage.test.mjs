// Damaged bundles: what they still prove is what the extension gives, and what is missing is listed.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { IllFormedText, info, recover, recoverFile, recoverToStream, rows, verify } from 'sqlite-lifeboat/recovery';
import { assertEqual, directory, drained, exported, history, keygen, refused, sqlite } from './support.mjs';

const key = keygen();
const MANY = `CREATE TABLE t (id INTEGER PRIMARY KEY, x); CREATE TABLE w (a, b, PRIMARY KEY (a)) WITHOUT ROWID;
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 6000) INSERT INTO t SELECT n, hex(randomblob(300)) FROM n;
  INSERT INTO w SELECT 'key' || char(0) || id || char(228), x FROM t; CREATE TABLE c (p REFERENCES t); INSERT INTO c SELECT id FROM t`;

/** One bit in the middle, which is within a chunk. */
function damaged(bundle, at = bundle.length >> 1) {
  const copy = Uint8Array.from(bundle);
  copy[at] ^= 4;
  return copy;
}

/** A value as `backup_rows` writes it. */
function json(value) {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof IllFormedText) return { text: Buffer.from(value.bytes).toString('hex') };
  if (value instanceof Uint8Array) return { blob: Buffer.from(value).toString('hex') };
  if (typeof value === 'string' && value.includes('\0')) return { text: Buffer.from(value).toString('hex') };
  return Array.isArray(value) ? value.map(json) : value;
}

test('what is missing is what the extension lists', async t => {
  const path = directory(t);
  const bundle = exported(path, key, MANY);
  const places = [0.2, 0.5, 0.8].map(part => Math.floor(bundle.length * part));
  const hit = places.reduce(damaged, bundle);
  writeFileSync(path('hit.bundle'), hit);
  const told = JSON.parse(sqlite(':memory:', `SELECT backup_info('${path('hit.bundle')}', '${key}', '{"salvage": true}')`));
  const salvaged = await info(hit, key, { salvage: true });
  assert.ok(salvaged.salvaged && !('report' in salvaged) && salvaged.missing.length >= 3);
  assert.deepEqual(salvaged.damaged, told.damaged);
  const missing = salvaged.missing.map(({ from, to, ...range }) => ({ ...range, from: json(from), to: json(to) }));
  assert.deepEqual(missing, told.missing);
  assert.deepEqual(Object.fromEntries(salvaged.tables.map(({ name, rows }) => [name, rows])), told.tables);
  assert.equal(salvaged.missingMore, 0);

  const [batches, summary] = await drained(rows(hit, key, { salvage: true }));
  assert.deepEqual(summary, salvaged);
  for (const { name, rows } of salvaged.tables) {
    const given = batches.filter(({ table }) => table === name).flatMap(batch => batch.rows);
    assert.equal(given.length, rows);
  }

  const progress = [];
  const options = { salvage: true, replace: true, progress: ({ phase }) => progress.push(phase) };
  const recovered = await recoverFile(path('hit.bundle'), key, path('new.db'), options);
  assert.deepEqual([...new Set(progress)], ['reading', 'building', 'writing']);
  assert.deepEqual(recovered.summary, salvaged);
  assert.ok(recovered.foreignKeyCheck.length > 0 && recovered.sqliteVersion.startsWith('3.'));
  sqlite(':memory:', `SELECT backup_restore_file('${path('hit.bundle')}', '${key}', '${path('sql.db')}', '{"salvage": true}')`);
  assertEqual(path('new.db'), path('sql.db'));
  const { bytes, size } = await recover(hit, key, { salvage: true, pageSize: 4096 });
  assert.ok(bytes.length === size && Buffer.compare(bytes, readFileSync(path('new.db'))) === 0);
});

test('a chain, and what cannot be', async t => {
  const path = directory(t);
  const chain = history(path, key, MANY, "UPDATE t SET x = hex(randomblob(200)); INSERT INTO w VALUES ('new', 1)");
  const whole = await info(chain, key, { salvage: true });
  assert.deepEqual([whole.missing, whole.damaged, whole.domain], [[], [], 'default']);
  const hit = [chain[0], damaged(readFileSync(chain[1]))];
  const { damaged: bundles } = await info(hit, key, { salvage: true });
  assert.deepEqual(bundles.map(({ bundle }) => bundle), [2]);
  const strict = await refused(info(hit, key), 'corrupt', /bundle 2 of the chain: /);
  assert.ok(strict.bundle === 2 && strict.position.item > 0 && strict.position.offset > 0, `${strict.position}`);

  const cut = readFileSync(chain[1]).subarray(0, 500);
  const error = await refused(info([chain[0], cut], key, { salvage: true }), 'truncated', /bundle 2 of the chain: /);
  assert.equal(error.bundle, 2);
  await refused(info(chain, key, { salvage: true, expect: '0'.repeat(64) }), 'misuse', /exclude one another/);
  await refused(verify(chain, { key, salvage: true }), 'misuse', /verify has no option salvage/);
  await refused(info(chain, key, { salvage: 1 }), 'misuse', /salvage is neither true nor false/);
  await refused(info(chain, keygen(), { salvage: true }), 'wrong key', /did not make this bundle/);

  // Without the schema there are rows, but no database.
  const first = damaged(readFileSync(chain[0]), 200);
  const [batches, { schema }] = await drained(rows(first, key, { salvage: true }));
  assert.ok(schema === null && batches.length > 0 && batches.every(({ columns }) => columns.length === 0));
  const written = [];
  const stream = new WritableStream({ write: piece => void written.push(piece) });
  await refused(recoverToStream(first, key, stream, { salvage: true }), 'corrupt', /no database can be built/);
  assert.equal(written.length, 0);
});
