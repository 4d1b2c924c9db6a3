// What is wrong is told by its kind, and nothing of it is given.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { LifeboatError, info, recover, recoverFile, rows, verify } from 'sqlite-lifeboat/recovery';
import { directory, drained, exported, history, keygen, refused, sqlite, verifyKeyOf } from './support.mjs';

const key = keygen();
const SQL = "CREATE TABLE t (a); INSERT INTO t VALUES ('secret'), (x'00'), (NULL), (0.5)";

/** All that opens a bundle. */
const OPENING = {
  verify: (chain, key, options) => verify(chain, { key, ...options }),
  info,
  recover,
  recoverFile: (chain, key, options) => recoverFile(chain, key, '/nowhere/at/all', options),
  rows: (chain, key, options) => drained(rows(chain, key, options)),
};

test('a wrong key, and no key', async t => {
  const bundle = exported(directory(t), key, SQL);
  for (const [name, open] of Object.entries(OPENING)) {
    if (name === 'recoverFile') continue;
    await refused(open(bundle, keygen()), 'wrong key', /this recovery key did not make this bundle/);
    const damaged = key.replace(/.$/, last => (last === 'q' ? 'p' : 'q'));
    for (const wrong of [
      '',
      'x',
      damaged,
      verifyKeyOf(key),
      '\ud800',
      key.toUpperCase() + key,
      undefined,
      null,
      5,
      Buffer.from(key),
      { key },
    ]) {
      await refused(open(bundle, wrong), 'misuse', /key/);
    }
  }
  await refused(verify(bundle, { verifyKey: verifyKeyOf(keygen()) }), 'mismatch', /signed|verify key/);
  await refused(verify(bundle, { verifyKey: key }), 'misuse', /verify key/);
  await refused(verify(bundle, { key, verifyKey: verifyKeyOf(key) }), 'misuse', /the one contains the other/);
});

test('mistakes with keys are told with their remedy', async t => {
  const path = directory(t);
  const bundle = exported(path, key, SQL);
  writeFileSync(path('app.key'), `${key}\n`);
  writeFileSync(path('no.key'), 'no key');
  const forms = "give the text that keygen\\(\\) made, or 'file:PATH', or 'env:NAME'";
  const beginnings = '"lifeboatkey1", "lifeboatwrite1" or "lifeboatread1"';
  const remedy = /for the key in a file, write 'file:PATH', with 'file:' before its path/;
  for (const [name, open] of Object.entries(OPENING)) {
    const given = name === 'recoverFile' ? (chain, key, options) => recoverFile(chain, key, path('new.db'), options) : open;
    for (const [wrong, says] of [
      ['recovery.key', remedy],
      [path('app.key'), remedy],
      ['swordfish', new RegExp(`not a recovery key, write key or read key: it should start with ${beginnings}; ${forms}`)],
      [{ expect: 'x' }, /the recovery key is of the type object; .*look at the order of the arguments/],
      [`file:${path('no.key')}`, new RegExp(`the key's file '.*no\\.key': this is not a recovery key, write key or read key: it should start with ${beginnings}$`)],
    ]) {
      await refused(given(bundle, wrong), 'misuse', says);
    }
    for (const missing of [`file:${path('none.key')}`, 'env:LIFEBOAT_NO_KEY'])
      await refused(given(bundle, missing), 'host', /cannot be read: ENOENT|is not set in this process/);
    // Swapped, in any way of writing a key.
    for (const text of [key, key.toUpperCase(), key.split('').join(' ')]) {
      await refused(given(text, path('app.bundle')), 'misuse', /a recovery key stands where the path of a bundle belongs/);
      await refused(given([bundle, text], key), 'misuse', /a recovery key stands where the path of a bundle belongs/);
    }
    await refused(given(`file:${path('app.key')}`, path('app.bundle')), 'misuse', /the form of a key, .* stands where/);
  }
  await refused(recoverFile(bundle, key, key), 'misuse', /a recovery key stands where the path of the database belongs/);
  await refused(verify(bundle, { verifyKey: 'x' }), 'misuse', /this is not a verify key: .*"lifeboatverify1"/);
});

test('no form of a key is shown', () => {
  const body = key.slice(12);
  const said = text => new LifeboatError('host', text).text;
  const groups = key.match(/.{1,4}/g).join(' ');
  const typo = `${key.slice(0, 30)}b${key.slice(31)}`;
  const spelled = [body.split('').join('-'), key.split('').join(' '), `lifeboatkey1 ${groups.slice(13)}`];
  for (const text of [key, key.toUpperCase(), groups, typo, body, body.toUpperCase(), `x/${body}.db`, ...spelled]) {
    const shown = said(`'${text}' cannot be read`).toLowerCase().replace(/[\s-]/g, '');
    assert.ok(shown.includes('[key]') && !shown.includes(body.slice(8)), shown);
  }
  const state = '0123456789abcdef'.repeat(4);
  const follows = `it leads on from the state ${'07'.repeat(32)}, and the bundle that leads there is missing`;
  for (const text of [follows, verifyKeyOf(key), state, state.match(/.{4}/g).join(' '), '0'.repeat(64), 'with "lifeboatkey1"']) {
    assert.equal(said(text), text);
  }
  assert.equal(said(`'${key}' that was there`), "'lifeboatkey1[key]' that was there");
  assert.equal(said(`${key} that was there`), 'lifeboatkey1[key] that was there');
  const long = body.repeat(3);
  for (const [prefix, behind] of [
    ['lifeboatwrite1', long.slice(0, 83)],
    ['lifeboatread1', long.slice(0, 134)],
  ]) {
    assert.equal(said(`${prefix}${behind} that was there`), `${prefix}[key] that was there`);
    for (const size of [4, 20, 72]) {
      const shown = said(`${prefix}${behind}`.match(new RegExp(`.{1,${size}}`, 'g')).join(' ')).replace(/\s/g, '');
      assert.ok(shown.includes('[key]') && !shown.includes(behind.slice(-20)), shown);
    }
  }
});

test('each bit flipped, each length', async t => {
  const bundle = exported(directory(t), key, SQL);
  assert.ok(bundle.length < 2000);
  for (let length = 0; length < bundle.length; length += 5) {
    const cut = bundle.subarray(0, length);
    await refused(verify(cut), 'truncated', /./);
    if (length % 60 === 0)
      for (const open of [info, recover, OPENING.rows]) await refused(open(cut, key), 'truncated', /./);
  }
  const kinds = new Set();
  for (let bit = 0; bit < 8 * bundle.length; bit += 61) {
    const flipped = Uint8Array.from(bundle);
    flipped[bit >> 3] ^= 1 << (bit & 7);
    for (const use of bit % 610 === 0 ? [verify, info, recover, OPENING.rows] : [verify]) {
      const error = await use(flipped, use === verify ? {} : key).then(
        () => assert.fail(`bit ${bit} does not matter`),
        error => error,
      );
      kinds.add(error.kind);
    }
  }
  assert.ok(kinds.delete('corrupt'));
  for (const kind of kinds) assert.ok(['truncated', 'unsupported', 'wrong key', 'too big'].includes(kind), kind);
  await refused(verify(Buffer.concat([bundle, Buffer.alloc(1)])), 'corrupt', /bytes follow after the end/);
});

test('what is no chain', async t => {
  const path = directory(t);
  const chain = history(path, key, SQL, 'DELETE FROM t WHERE a IS NULL', 'UPDATE t SET a = 2', 'DROP TABLE t');
  const [full, first, second, third] = chain.map(bundle => readFileSync(bundle));
  const flipped = Uint8Array.from(second);
  flipped[flipped.length >> 1] ^= 1;
  const wrong = [
    [[full, second], 'mismatch', /^mismatch: bundle 2 of the chain does not follow/],
    [[full, first, third], 'mismatch', /bundle 3 of the chain does not follow/],
    [[full, second, first], 'mismatch', /^mismatch: bundle 2 of the chain does not follow: a wrong order: bundle 3 comes/],
    [[second, first, full], 'mismatch', /^mismatch: bundle 2 of the chain does not follow: a wrong order: bundle 3 comes/],
    [[full, first, full], 'mismatch', /^mismatch: bundle 3 of the chain does not follow: it is a full bundle/],
    [[full, first, flipped], 'corrupt', /bundle 3 of the chain: /],
    [[full, first, second.subarray(0, -1)], 'truncated', /bundle 3 of the chain: /],
    [[full, first, second.subarray(0, 0)], 'truncated', /bundle 3 of the chain: .*empty/],
    [[full.subarray(0, -1), first], 'truncated', /bundle 1 of the chain: /],
    [[Buffer.concat([full, full]), first], 'corrupt', /bundle 1 of the chain: bytes follow/],
  ];
  for (const [bundles, kind, says] of wrong) {
    for (const use of [
      verify,
      bundles => info(bundles, key),
      bundles => recover(bundles, key),
      bundles => OPENING.rows(bundles, key),
    ]) {
      await refused(use(bundles), kind, says);
    }
  }
  // What only the recovery key needs, and what the names of files add.
  await refused(recover([first, second], key), 'mismatch', /this is a delta/);
  await refused(info([chain[0], chain[1], chain[1]], key), 'mismatch', /bundle 3 of the chain/);
  for (const use of [verify, bundles => info(bundles, key)]) {
    await refused(
      use([chain[0], chain[2]]),
      'mismatch',
      /^mismatch: '[^']*2\.bundle': bundle 2 of the chain does not follow/,
    );
  }
  writeFileSync(path('flipped.bundle'), flipped);
  const named = /'[^']*flipped\.bundle': bundle 3 of the chain: ./;
  await refused(recover([chain[0], chain[1], path('flipped.bundle')], key), 'corrupt', named);
  await refused(verify([chain[0], chain[1], path('flipped.bundle')]), 'corrupt', named);
});

test('another state than expected', async t => {
  const path = directory(t);
  const chain = history(path, key, SQL, 'DELETE FROM t WHERE a IS NULL');
  const [old, last] = (await verify(chain)).bundles.map(({ stateId }) => stateId);
  for (const open of [(chain, _, options) => verify(chain, options), OPENING.verify, info, recover, OPENING.rows]) {
    await open(chain, key, { expect: last });
    await refused(open(chain, key, { expect: old }), 'mismatch', /state/);
    await refused(open(chain, key, { expect: 'new' }), 'misuse', /64 hexadecimal digits/);
    for (const expect of [undefined, null, 7]) await refused(open(chain, key, { expect }), 'misuse', /expect/);
  }
});

test('nonsense', async t => {
  const path = directory(t);
  const bundle = exported(path, key, SQL);
  for (const [name, open] of Object.entries(OPENING)) {
    const target = name === 'recoverFile' ? /cannot be written/ : undefined;
    const given = target ? (...args) => recoverFile(args[0], args[1], path('copy.db'), args[2]) : open;
    for (const source of [undefined, null, 5, {}, [bundle, undefined], [[bundle]], [...bundle]]) {
      await refused(given(source, key), 'misuse', /a bundle is given as/);
    }
    await refused(given([], key), 'misuse', /no bundle/);
    await refused(given(path('none.bundle'), key), 'host', /none\.bundle' cannot be read: ENOENT/);
    await refused(given([bundle, path('none.bundle')], key), 'host', /none\.bundle' cannot be read: ENOENT/);
    await refused(given(path(), key), 'misuse', /is a directory/);
    await refused(given(Readable.from(['text']), key), 'misuse', /not bytes/);
    const own = new Error('the network is down');
    const failing = (async function* () {
      yield bundle.subarray(0, 100);
      throw own;
    })();
    await assert.rejects(given(failing, key), own);
    for (const [options, says] of [
      [{ expcet: 'x' }, /no option "expcet"/],
      [null, /not an object/],
      ['x', /not an object/],
      [['x'], /not an object/],
      [{ progress: 5 }, /progress/],
      [{ signal: {} }, /signal/],
      [{ signal: null }, /signal/],
      [{ pageSize: '4096' }, /pageSize/],
      [{ pageSize: 2 ** 32 + 4096 }, /pageSize/],
      [{ pageSize: 0.5 }, /pageSize/],
      [{ replace: 1 }, /replace/],
    ]) {
      if (name === 'verify' && (options === null || options === 'x' || Array.isArray(options))) continue;
      await refused(given(bundle, key, options), 'misuse', says);
    }
    if (name.startsWith('recover')) {
      for (const pageSize of [0, 3, 256, 4095])
        await refused(given(bundle, key, { pageSize }), 'misuse', /power of two/);
    }
  }
  for (const options of [{ key: undefined }, { verifyKey: undefined }, { key: null }]) {
    await refused(verify(bundle, options), 'misuse', /given as a string, or left out/);
  }
  for (const options of [null, 'x', 5]) await refused(verify(bundle, options), 'misuse', /not an object/);
  sqlite(path('app.db'), `SELECT backup_export_file('${key}', '${path('b')}', '{"ledger": "${path('app.ledger')}"}')`);
  await refused(verify(path('app.ledger')), 'mismatch', /ledger/);
  assert.equal((await verify(bundle)).bundles.length, 1);
});
