// Copies of a series: what is found, what is refused, and that a mistake is told.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { find, recover, recoverFile, saves, verify } from 'sqlite-lifeboat/recovery';
import { assertEqual, directory, keygen, refused, sqlite, verifyKeyOf } from './support.mjs';

const key = keygen();
const SAVES = 18;

/** A directory with `app.db` and the copy `copy` of its saves. */
function scene(t) {
  const path = directory(t);
  const save = number =>
    `INSERT INTO t VALUES (${number}); SELECT backup_save('${key}', 'dir:${path('copy')}', '{"date": "2026-01-${String(number).padStart(2, '0')}", "label": "save ${number}"}') IS NULL;`;
  const all = Array.from({ length: SAVES }, (_, index) => save(index + 1)).join('\n');
  sqlite(path('app.db'), `CREATE TABLE t (a);\n${all}`);
  return path;
}

/** All files of a directory, with their paths. */
function files(root, below = '') {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap(entry => {
    const path = join(below, entry.name);
    return entry.isDirectory() ? files(root, path) : [[`any place/${path}`, new Blob([readFileSync(join(root, path))])]];
  });
}

async function listed(generator) {
  const found = [];
  for (;;) {
    const { value, done } = await generator.next();
    if (done) return { found, remarks: value };
    found.push(value);
  }
}

test('the newest save, in a directory or in files', async t => {
  const path = scene(t);
  const phases = new Set();
  for (const copies of [path('copy'), [path('copy')], pathToFileURL(path('copy')), files(path('copy'))]) {
    const found = await find(copies, key, { progress: ({ phase }) => phases.add(phase) });
    assert.deepEqual([found.save.number, found.save.label, found.older], [SAVES, `save ${SAVES}`, false]);
    assert.equal(found.copies.length, 1);
    rmSync(path('new.db'), { force: true });
    await recoverFile(found.chain, key, path('new.db'), { expect: found.save.stateId });
    assertEqual(path('app.db'), path('new.db'));
  }
  assert.deepEqual([...phases], ['checking']);
});

test('an older save is told', async t => {
  const path = scene(t);
  const { found } = await listed(saves(path('copy'), key));
  assert.deepEqual(
    found.map(({ number }) => number),
    Array.from({ length: SAVES }, (_, index) => SAVES - index),
  );
  cpSync(path('copy'), path('lost'), { recursive: true });
  const [domain] = readdirSync(path('lost'));
  rmSync(path(`lost/${domain}/bundles/${found[0].sha256.slice(0, 2)}/${found[0].sha256}`));
  const older = await find(path('lost'), key);
  assert.deepEqual([older.save.number, older.older, older.leftOutMore], [SAVES - 1, true, 0]);
  assert.deepEqual(
    older.leftOut.map(({ number, save, why }) => [number, save.label, why]),
    [[SAVES, `save ${SAVES}`, `the bundle ${found[0].sha256} of number ${SAVES} is in no copy`]],
  );
  const both = await find([path('lost'), path('copy')], key);
  assert.deepEqual([both.save.number, both.older], [SAVES, false]);
  // Two copies among the files are told apart by their paths.
  const mixed = [...files(path('lost')), ...files(path('copy')).map(([name, file]) => [`another/${name}`, file])];
  const dropped = await find(mixed, key);
  assert.deepEqual([dropped.save.number, dropped.copies.map(({ name }) => name)], [SAVES, ['any place', 'another/any place']]);
});

test('with a verify key', async t => {
  const path = scene(t);
  const verifyKey = verifyKeyOf(key);
  const found = await find(`dir:${path('copy')}`, verifyKey);
  assert.deepEqual([found.save.number, found.save.date, found.verifyKey], [SAVES, null, verifyKey]);
  const { report } = await verify(found.chain, { verifyKey, expect: found.save.stateId });
  assert.ok(report.authentic);
  await refused(find(path('copy'), verifyKey, { at: '2026-01-05' }), 'misuse', /a verify key reads no dates/);
});

test('what is no copy, and what is asked for wrongly', async t => {
  const path = scene(t);
  mkdirSync(path('empty'));
  writeFileSync(path('file'), 'a file');
  await refused(find(path('empty'), key), 'host', /there is no copy/);
  await refused(find([], key), 'host', /there is no copy/);
  await refused(find([new Blob(['a'])], key), 'host', /there is no copy/);
  await refused(find(path('none'), key), 'host', /cannot be listed: ENOENT/);
  await refused(find(path('file'), key), 'host', /cannot be listed: ENOTDIR/);
  await refused(find(7, key), 'misuse', /files with their paths/);
  await refused(find([path('copy'), new Blob([])], key), 'misuse', /files with their paths/);
  await refused(find(key, path('copy')), 'misuse', /a recovery key stands where the path of a copy belongs/);
  await refused(find(path('copy'), keygen()), 'wrong key', /none with a record of this key/);
  for (const [options, words] of [
    [{ sequence: 1 }, /there is no option "sequence"/],
    [{ seq: -1 }, /seq is the number of a save/],
    [{ seq: 1.5 }, /seq is the number of a save/],
    [{ seq: undefined }, /seq is the number of a save/],
    [{ state: 7 }, /the option state is of the type number/],
    [{ at: undefined }, /the option at is undefined/],
    [{ seq: 1, state: 'a' }, /seq and state exclude one another/],
    [{ state: 'a' }, /an id has 64 hexadecimal digits/],
    [{ progress: 1 }, /progress is not a function/],
    [7, /the options are not an object/],
  ]) {
    await refused(find(path('copy'), key, options), 'misuse', words);
  }
  await refused(listed(saves(path('copy'), key, { seq: 1 })), 'misuse', /leave seq, state and at out/);
  const stopped = find(path('copy'), key, { signal: AbortSignal.abort(new Error('enough')) });
  await assert.rejects(stopped, /^Error: enough$/);
  const found = await find(path('copy'), key, { seq: 3n });
  assert.equal((await recover(found.chain, key)).summary.tables[0].rows, 3);
});

test('several series are told with the error', async t => {
  const path = scene(t);
  sqlite(path('other.db'), `CREATE TABLE o (a); SELECT backup_save('${key}', 'dir:${path('copy')}', '{"domain": "other"}') IS NULL`);
  const error = await find(path('copy'), key).catch(error => error);
  assert.deepEqual([error.kind, error.remarks.series.length], ['misuse', 2]);
  const { domainId } = error.remarks.series.find(({ newest }) => newest.number === 1);
  for (const domain of ['other', domainId]) assert.equal((await find(path('copy'), key, { domain })).save.number, 1);
});

test('what is no regular file is passed over', async t => {
  const path = scene(t);
  const { chain } = await find(path('copy'), key);
  const last = chain.at(-1);
  // A pipe would never end, and a link leads anywhere.
  rmSync(last);
  assert.equal(spawnSync('mkfifo', [last]).status, 0);
  const withPipe = await find(path('copy'), key);
  rmSync(last);
  symlinkSync('/dev/zero', last);
  const withLink = await find(path('copy'), key);
  for (const found of [withPipe, withLink]) {
    assert.deepEqual([found.save.number, found.older, found.unfit.length], [SAVES - 1, true, 0]);
    assert.match(found.leftOut[0].why, /is in no copy$/);
  }
});
