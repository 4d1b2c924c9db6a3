// Work that ends early: what was taken is given back.

import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { test } from 'node:test';
import { info, recover, recoverToStream, rows, verify } from 'sqlite-lifeboat/recovery';
import { directory, drained, exported, keygen, refused } from './support.mjs';

const key = keygen();
// More than a batch of rows, and so much that it cannot be compressed that there are several pieces.
const SQL = `CREATE TABLE t (a); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
  INSERT INTO t SELECT randomblob(1000) FROM n; INSERT INTO t VALUES (zeroblob(3000000))`;
const reason = new Error('enough');

/** Counts the resources that are opened and given back, in every instance from now on. */
function counted(t) {
  const counts = { opened: 0, dropped: 0 };
  const { instantiate } = WebAssembly;
  t.after(() => (WebAssembly.instantiate = instantiate));
  WebAssembly.instantiate = async (module, imports) => {
    const instance = await instantiate(module, imports);
    const entries = Object.entries(instance.exports).map(([name, value]) => {
      const isDrop = name.includes('[dtor]');
      if (!isDrop && !name.match(/^lifeboat:.*\.open$/)) return [name, value];
      const counting = (...args) => {
        counts[isDrop ? 'dropped' : 'opened'] += 1;
        return value(...args);
      };
      return [name, counting];
    });
    return { exports: Object.fromEntries(entries) };
  };
  return counts;
}

/** A source that gives a piece, and then nothing for ever. It says when it is left. */
function stalled(bundle) {
  const state = { isLeft: false };
  state.stream = new ReadableStream({
    start: controller => controller.enqueue(bundle.subarray(0, 100_000)),
    cancel: () => void (state.isLeft = true),
  });
  return state;
}

const USES = {
  verify: (source, options) => verify(source, options),
  info: (source, options) => info(source, key, options),
  recover: (source, options) => recover(source, key, options),
  rows: (source, options) => drained(rows(source, key, options)),
};

test('aborted', async t => {
  const bundle = exported(directory(t), key, SQL);
  const counts = counted(t);
  // Neither a stalled stream nor the timer of a signal keeps Node running.
  const awake = setInterval(() => {}, 1000);
  t.after(() => clearInterval(awake));
  for (const [name, use] of Object.entries(USES)) {
    await assert.rejects(use(bundle, { signal: AbortSignal.abort(reason) }), reason, name);
    await assert.rejects(use(bundle, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    await assert.rejects(use(stalled(bundle).stream, { signal: AbortSignal.timeout(100) }), { name: 'TimeoutError' });

    const source = stalled(bundle);
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(use(source.stream, { signal: controller.signal }), reason, name);
    assert.ok(source.isLeft, name);
  }
  for (const phase of ['reading', 'building', 'writing']) {
    const controller = new AbortController();
    const progress = told => told.phase === phase && controller.abort(reason);
    await assert.rejects(recover(bundle, key, { signal: controller.signal, progress }), reason, phase);
  }
  // A stream that takes nothing holds no abort up.
  const controller = new AbortController();
  const deaf = new WritableStream({ write: () => new Promise(() => {}) });
  const progress = ({ phase }) => phase === 'writing' && setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(recoverToStream(bundle, key, deaf, { signal: controller.signal, progress }), reason);

  assert.ok(counts.opened > 10);
  assert.equal(counts.dropped, counts.opened);
  // No listener stays with a signal that lives on.
  const lasting = new AbortController();
  let listeners = 0;
  const add = lasting.signal.addEventListener;
  lasting.signal.addEventListener = (...args) => (listeners++, add.apply(lasting.signal, args));
  const remove = lasting.signal.removeEventListener;
  lasting.signal.removeEventListener = (...args) => (listeners--, remove.apply(lasting.signal, args));
  await recover(new Blob([bundle]), key, { signal: lasting.signal });
  assert.equal(listeners, 0);
});

test('an iterator left early', async t => {
  const path = directory(t);
  const bundle = exported(path, key, SQL);
  const counts = counted(t);
  const source = createReadStream(path('app.bundle'), { highWaterMark: 100_000 });
  for await (const batch of rows(source, key)) {
    assert.equal(batch.table, 't');
    break;
  }
  assert.ok(source.destroyed);
  assert.deepEqual(counts, { opened: 1, dropped: 1 });

  const iterator = rows(bundle, key);
  await iterator.next();
  await assert.rejects(iterator.throw(reason), reason);
  assert.deepEqual(counts, { opened: 2, dropped: 2 });
  // Not begun, nothing is taken.
  await rows(bundle, key).return();
  rows(bundle, key);
  assert.deepEqual(counts, { opened: 2, dropped: 2 });
});

test('after an error', async t => {
  const bundle = exported(directory(t), key, SQL);
  const counts = counted(t);
  const flipped = Uint8Array.from(bundle);
  flipped[flipped.length - 200_000] ^= 1;
  const sources = [];
  for (const use of Object.values(USES)) {
    // It would go on for ever.
    const endless = new ReadableStream({
      pull: controller => controller.enqueue(flipped),
      cancel: () => void sources.push('left'),
    });
    await refused(use(endless), 'corrupt', /at byte/);
  }
  assert.equal(sources.length, 4);
  assert.deepEqual(counts, { opened: 4, dropped: 4 });

  let given = 0;
  await refused(
    (async () => {
      for await (const { rows: batch } of rows(flipped, key)) given += batch.length;
    })(),
    'corrupt',
    /at byte/,
  );
  assert.ok(given > 0 && given < 4001, 'rows come before the proof, which then fails');
});

test('what else is to be done is done between the pieces', async t => {
  const bundle = exported(directory(t), key, `${SQL}; INSERT INTO t SELECT randomblob(1000) FROM t, t LIMIT 8000`);
  for (const [name, use] of Object.entries(USES)) {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await use(bundle);
    clearInterval(timer);
    assert.ok(ticks >= 3, `${name}: ${ticks}`);
  }
});
