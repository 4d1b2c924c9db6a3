// Bundles in each shape, and what is said of them.

import assert from 'node:assert/strict';
import { createReadStream, createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { info, recover, recoverToStream, rows, verify } from 'sqlite-lifeboat/recovery';
import { lifeboat } from 'sqlite-lifeboat/recovery/core';
import {
  assertEqual,
  directory,
  drained,
  exported,
  history,
  keygen,
  refused,
  sqlite,
  verifyKeyOf,
} from './support.mjs';

const key = keygen();
const SQL = `CREATE TABLE t (a, b); CREATE INDEX i ON t (lower(a)) WHERE b > 1; PRAGMA user_version = 7;
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
  INSERT INTO t SELECT hex(randomblob(50)), i FROM n`;

async function* cut(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('a bundle in each shape', async t => {
  const path = directory(t);
  const bundle = exported(path, key, SQL);
  const { bytes, size, summary, sqliteVersion, expressionIndexes, partialIndexes, storedColumns, advice } =
    await recover(bundle, key);
  writeFileSync(path('copy.db'), bytes);
  assertEqual(path('app.db'), path('copy.db'));
  assert.equal(size, bytes.length);
  assert.match(sqliteVersion, /^3\.\d+\.\d+$/);
  assert.deepEqual([expressionIndexes, partialIndexes, storedColumns], [['i'], ['i'], []]);
  const computed = `SQLite ${sqliteVersion}, inside the component, computed the index i. `;
  assert.ok(advice.startsWith(computed) && advice.includes('run REINDEX with the SQLite that will use the database'), advice);

  const padded = Buffer.concat([Buffer.alloc(3), bundle, Buffer.alloc(5)]);
  const shapes = {
    path: path('app.bundle'),
    URL: pathToFileURL(path('app.bundle')),
    'a chain of one': [bundle],
    Uint8Array: new Uint8Array(bundle),
    'a part of a larger buffer': padded.subarray(3, 3 + bundle.length),
    DataView: new DataView(padded.buffer, padded.byteOffset + 3, bundle.length),
    ArrayBuffer: Uint8Array.from(bundle).buffer,
    Blob: new Blob([bundle.subarray(0, 99), bundle.subarray(99)]),
    'stream of the web': new Blob([bundle]).stream(),
    'stream of Node': createReadStream(path('app.bundle'), { highWaterMark: 1000 }),
    'small pieces': cut(bundle, 11),
    'odd pieces': Readable.from(cut(bundle, 777)),
    'large pieces': cut(bundle, 1 << 21),
    'array buffers': (async function* () {
      for await (const piece of cut(bundle, 5000)) yield Uint8Array.from(piece).buffer;
    })(),
  };
  for (const [shape, source] of Object.entries(shapes)) {
    const { bytes: again } = await recover(source, key);
    assert.ok(Buffer.compare(again, bytes) === 0, shape);
  }
  writeFileSync(path('app.key'), `${key}\n`);
  process.env.LIFEBOAT_TEST_KEY = key;
  t.after(() => delete process.env.LIFEBOAT_TEST_KEY);
  const groups = text => text.match(/.{1,4}/g).join(' ');
  const keys = [
    `\n  ${key}\r\n`,
    groups(key),
    key.toUpperCase(),
    `file:${path('app.key')}`,
    pathToFileURL(path('app.key')).href,
    'env:LIFEBOAT_TEST_KEY',
  ];
  // A state id as the recovery page shows it.
  const expect = groups(summary.report.stateId);
  for (const form of keys) assert.deepEqual((await recover(bundle, form, { expect })).summary, summary);
  writeFileSync(path('verify.key'), verifyKeyOf(key));
  for (const verifyKey of [groups(verifyKeyOf(key)), `file:${path('verify.key')}`])
    assert.ok((await verify(bundle, { verifyKey, expect })).report.authentic);
});

test('nothing to do', async t => {
  const bundle = exported(directory(t), key, 'CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)');
  assert.equal((await recover(bundle, key)).advice, null);
});

test('what is said', async t => {
  const path = directory(t);
  const bundle = exported(path, key, SQL);
  const said = JSON.parse(sqlite(':memory:', `SELECT backup_info('${path('app.bundle')}')`));
  const report = {
    stateId: said.state_id,
    baseId: null,
    domainId: said.domain_id,
    verifyKey: said.verify_key,
    authentic: false,
    size: bundle.length,
    chunks: said.chunks,
    stateRevision: 1,
    suite: 1,
  };
  assert.deepEqual(await verify(bundle), { report, bundles: [report] });
  const authentic = { ...report, authentic: true };
  assert.deepEqual(await verify(bundle, { verifyKey: verifyKeyOf(key) }), { report: authentic, bundles: [authentic] });
  const summary = await verify(bundle, { key, expect: said.state_id });
  assert.deepEqual(summary, {
    report: authentic,
    bundles: [authentic],
    domain: 'default',
    domainProven: true,
    applicationId: 0,
    userVersion: 7,
    encoding: 'UTF-8',
    schema: [
      { kind: 'table', name: 't', table: 't', sql: 'CREATE TABLE t (a, b)' },
      { kind: 'index', name: 'i', table: 't', sql: 'CREATE INDEX i ON t (lower(a)) WHERE b > 1' },
    ],
    tables: [{ name: 't', rows: 3000 }],
    selection: null,
  });
  assert.deepEqual(JSON.parse(JSON.stringify(summary)), summary);
  assert.deepEqual(await info(bundle, key), summary);
  for (const kind of ['write', 'read']) {
    const its = sqlite(':memory:', `SELECT backup_${kind}_key('${key}')`).trim();
    assert.deepEqual(await info(bundle, its), { ...summary, domainProven: null }, kind);
  }

  const part = path('part.bundle');
  sqlite(
    path('app.db'),
    `CREATE TABLE u (x); SELECT backup_export_file('${key}', '${part}', '{"where": {"t": "b <= 5"}, "exclude": ["u"]}')`,
  );
  const { selection, tables } = await info(part, key);
  assert.deepEqual(selection, { tables: null, exclude: ['u'], conditions: [{ table: 't', sql: 'b <= 5' }], cache: [] });
  assert.deepEqual(tables, [{ name: 't', rows: 5 }]);
});

test('each state of a chain', async t => {
  const path = directory(t);
  const chain = history(
    path,
    key,
    SQL,
    'UPDATE t SET a = NULL WHERE b % 3 = 0',
    'CREATE TABLE u (x); INSERT INTO u VALUES (1)',
    'DROP TABLE t',
  );
  for (let state = 0; state < chain.length; state++) {
    const bundles = chain.slice(0, state + 1);
    const { bytes, summary } = await recover(bundles, key);
    writeFileSync(path('copy.db'), bytes);
    assertEqual(path(`${state}.db`), path('copy.db'));
    assert.equal(summary.bundles.length, state + 1);
    assert.deepEqual(
      (
        await info(
          bundles.map(bundle => createReadStream(bundle)),
          key,
        )
      ).report,
      summary.report,
    );

    const { report, bundles: reports } = await verify(bundles, {
      verifyKey: verifyKeyOf(key),
      expect: summary.report.stateId,
    });
    assert.deepEqual([report, reports], [summary.report, summary.bundles]);
    const [batches] = await drained(rows(bundles, key));
    const tables = [...new Set(batches.map(batch => batch.table))];
    assert.deepEqual(
      tables,
      summary.tables.map(table => table.name),
    );
  }
  // Without the recovery key deltas need no full bundle.
  assert.equal((await verify(chain.slice(1))).bundles.length, 3);
});

test('page sizes', async t => {
  const path = directory(t);
  const bundle = exported(path, key, SQL);
  for (const pageSize of [512, 4096, 65536]) {
    const { bytes } = await recover(bundle, key, { pageSize });
    writeFileSync(path(`${pageSize}.db`), bytes);
    assert.equal(sqlite(path(`${pageSize}.db`), 'PRAGMA page_size'), String(pageSize));
    assertEqual(path('app.db'), path(`${pageSize}.db`));
  }
});

test('into a stream', async t => {
  const path = directory(t);
  const bundle = exported(path, key, `${SQL}; INSERT INTO t VALUES (randomblob(3000000), 0)`);
  const { size } = await recoverToStream(bundle, key, Writable.toWeb(createWriteStream(path('copy.db'))));
  assertEqual(path('app.db'), path('copy.db'));
  assert.equal(readFileSync(path('copy.db')).length, size);

  const seen = [];
  const sink = { write: () => seen.push('write'), abort: reason => seen.push(reason), close: () => seen.push('close') };
  const error = await refused(recoverToStream(bundle, keygen(), new WritableStream(sink)), 'wrong key', /did not make/);
  assert.deepEqual(seen, [error]);

  const full = new Error('the disk is full');
  const failing = new WritableStream({ write: () => Promise.reject(full) });
  await assert.rejects(recoverToStream(bundle, key, failing), full);
  await refused(recoverToStream(bundle, key, {}), 'misuse', /WritableStream/);
});

test('progress', async t => {
  const path = directory(t);
  const bundle = exported(path, key, SQL);
  const told = [];
  const { size } = await recover(bundle, key, { progress: progress => told.push({ ...progress }) });
  const phases = told.map(({ phase }) => phase);
  assert.deepEqual([...new Set(phases)], ['reading', 'building', 'writing']);
  for (const [phase, total] of [
    ['reading', bundle.length],
    ['writing', size],
  ]) {
    const steps = told.filter(step => step.phase === phase);
    assert.ok(steps.every((step, index) => step.total === total && step.done >= (steps[index - 1]?.done ?? 0)));
    assert.equal(steps.at(-1).done, total);
  }
  assert.deepEqual(
    told.filter(({ phase }) => phase === 'building'),
    [{ phase: 'building', done: 0, total: undefined }],
  );

  let total = 0;
  await verify(cut(bundle, 999), { progress: progress => (total = progress.total) });
  assert.equal(total, undefined);
  const own = new Error('of the caller');
  const fail = () => {
    throw own;
  };
  await assert.rejects(info(bundle, key, { progress: fail }), own);
});

test('side by side, and one after another', async t => {
  const path = directory(t);
  const bundle = exported(path, key, SQL);
  const flipped = Uint8Array.from(bundle);
  flipped[5000] ^= 1;
  const { bytes } = await recover(bundle, key);
  const works = Array.from({ length: 9 }, (_, index) =>
    index % 3 === 0 ? refused(recover(flipped, key), 'corrupt', /byte/) : recover(cut(bundle, 100 + index), key),
  );
  for (const [index, done] of (await Promise.all(works)).entries()) {
    if (index % 3 !== 0) assert.ok(Buffer.compare(done.bytes, bytes) === 0);
  }
  // Each has an instance of its own, whose memory must go.
  for (let times = 0; times < 60; times++) await verify(bundle);
});

test('modules from anywhere', async t => {
  const path = directory(t);
  const bundle = exported(path, key, SQL);
  const asked = [];
  const file = name => {
    asked.push(name);
    return readFileSync(createRequire(import.meta.url).resolve(`sqlite-lifeboat/recovery/component/${name}`));
  };
  for (const load of [file, async name => file(name), name => WebAssembly.compile(file(name))]) {
    const own = lifeboat(load);
    assert.equal((await own.info(bundle, key)).userVersion, 7);
    assert.deepEqual(asked.sort(), ['recovery.core.wasm', 'recovery.core2.wasm', 'recovery.core3.wasm']);
    await own.verify(bundle);
    assert.equal(asked.splice(0).length, 3, 'compiled once');
    await refused(own.verify('app.bundle'), 'misuse', /no paths here/);
    for (const form of ['file:app.key', 'env:KEY']) await refused(own.info(bundle, form), 'misuse', /no files here/);
  }
  let times = 0;
  const late = lifeboat(name => {
    if (times++ === 0) throw new Error('no network');
    return file(name);
  });
  await refused(late.verify(bundle), 'host', /cannot be started: no network/);
  assert.equal((await late.verify(bundle)).bundles.length, 1);
});
