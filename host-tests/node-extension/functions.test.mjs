// The functions of the npm package, with an open connection and beside the event loop.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import * as lifeboat from 'sqlite-lifeboat';
import { LARGE, column, directory, isOwn, name, one, open, refused } from './support.mjs';

const { keygen, save, restore, restoreFile, restoreAll, verify, info, status, log, events, scrub, prune } = lifeboat;
const { exportBundle, exportBytes, estimate, protect, unprotect, fileOf } = lifeboat;

// The first call settles which driver this process uses.
open(':memory:');
const driver = isOwn ? 'node:sqlite' : name;
const key = keygen({ driver });
const NOTES = "CREATE TABLE note(id INTEGER PRIMARY KEY, text); INSERT INTO note(text) VALUES ('milk'), ('bread')";

/** A database with two notes, two stores, and a way to call: on the connection, or by its path in a thread. */
function scene(t) {
  const path = directory(t);
  const db = open(path('app.db'));
  t.after(() => db.close());
  db.exec(NOTES);
  return { path, db, stores: [`dir:${path('disk')}`, `dir:${path('stick')}`] };
}

const notes = db => column(db, 'SELECT text FROM note ORDER BY id');

/** The notes in a database file. */
function notesIn(file) {
  const db = open(file);
  try {
    return notes(db);
  } finally {
    db.close();
  }
}

for (const [way, of] of [
  ['on the connection', db => db],
  ['by the path', db => fileOf(db)],
]) {
  const isPath = way === 'by the path';
  /** Functions of stores take a connection first, or none. */
  const first = db => (isPath ? [] : [db]);

  test(`save, status, log and events, ${way}`, async t => {
    const { db, stores, path } = scene(t);
    const called = save(of(db), key, stores, { label: 'first', date: new Date('2026-01-02T03:04:05Z') });
    assert.equal(called instanceof Promise, isPath);
    const saved = await called;
    assert.deepEqual(
      [saved.number, saved.full, saved.changed, saved.minimum, saved.done, saved.copies.map(copy => copy.state)],
      [1, true, true, 2, 2, ['done', 'done']],
    );
    assert.equal(saved.local, path('app.db-lifeboat'));
    db.exec("INSERT INTO note(text) VALUES ('salt')");
    assert.equal((await save(of(db), key, stores)).full, false);
    assert.equal((await save(of(db), key, stores)).changed, false);

    const local = await status(of(db));
    assert.deepEqual([local.saved.number, local.failed, local.protection, local.stores], [2, null, null, undefined]);
    assert.ok(local.saved.age < 600);
    const both = await status(of(db), stores, key);
    assert.deepEqual([both.stores.number, both.stores.current], [2, 2]);

    const saves = await log(...first(db), stores, key);
    assert.deepEqual(
      saves.map(({ number, type, label, copies }) => [number, type, label, copies]),
      [
        [2, 'delta', null, stores],
        [1, 'full', 'first', stores],
      ],
    );
    assert.equal(saves[1].date, '2026-01-02T03:04:05Z');
    assert.equal(saves[0].stateId, local.saved.stateId);
    assert.deepEqual(await log(...first(db), stores, key, { limit: 1 }), saves.slice(0, 1));
    assert.deepEqual(await log(...first(db), stores, key, { number: 1 }), saves.slice(1));
    const publicly = await log(...first(db), stores);
    assert.deepEqual(publicly.map(({ number, label }) => [number, label]), [[2, null], [1, null]]);

    const happened = await events(of(db));
    assert.deepEqual(happened.map(event => event.kind), ['copy_added', 'copy_added', 'saved']);
    assert.equal(happened[0].about.store, stores[0]);
    assert.deepEqual(await events(of(db), { after: 2 }), happened.slice(2));
  });

  test(`restore, restoreFile and restoreAll, ${way}`, async t => {
    const { db, stores, path } = scene(t);
    save(db, key, stores);
    const { stateId: earlier } = status(db).saved;
    db.exec("INSERT INTO note(text) VALUES ('salt')");
    save(db, key, stores);

    // Into a database that is made for it; by its path it need not exist.
    const target = isPath ? path('new.db') : open(path('new.db'));
    const restored = await restore(target, stores[1], key, { expect: status(db).saved.stateId });
    assert.deepEqual([restored.rows, restored.quickCheck, restored.series.number], [3, 'ok', 2]);
    if (!isPath) target.close();
    assert.deepEqual(notesIn(path('new.db')), ['milk', 'bread', 'salt']);
    const again = isPath ? path('new.db') : open(path('new.db'));
    t.after(() => isPath || again.close());
    await refused(() => restore(again, stores, key), 'misuse', 'restore', /not empty.*replace: true, .*restoreFile$/);
    assert.equal((await restore(again, stores, key, { orNew: true })).outcome, 'kept');
    assert.equal((await restore(again, `${stores[0]}#seq=1`, key, { replace: true })).stateId, earlier);

    const file = pathToFileURL(path('older.db'));
    const older = await restoreFile(...first(db), `${stores[0]}#seq=1`, key, file, { pageSize: 8192 });
    assert.equal(older.rows, 2);
    assert.deepEqual(notesIn(path('older.db')), ['milk', 'bread']);
    await refused(() => restoreFile(...first(db), stores, key, file), 'misuse', 'restoreFile', /already exists.*the option replace: true$/);

    const all = await restoreAll(...first(db), stores, key, path('all'));
    assert.deepEqual([all.restored, all.failed, all.domains[0].rows], [1, 0, 3]);
    assert.deepEqual(notesIn(path('all/default')), ['milk', 'bread', 'salt']);
  });

  test(`bundles, ${way}`, async t => {
    const { db, path } = scene(t);
    const expected = await estimate(of(db), key);
    const written = await exportBundle(of(db), key, path('app.bundle'));
    const { path: at, ...others } = written;
    assert.deepEqual([at, others], [path('app.bundle'), expected]);
    const bytes = await exportBytes(of(db), key);
    assert.equal(bytes.constructor, Uint8Array);
    assert.deepEqual(bytes, new Uint8Array(readFileSync(path('app.bundle'))));
    db.exec("INSERT INTO note(text) VALUES ('salt')");
    const delta = await exportBundle(of(db), key, path('app.1.bundle'), { base: [path('app.bundle')] });
    assert.deepEqual([delta.full, delta.changes, delta.baseId], [false, 1, written.stateId]);

    const chain = [path('app.bundle'), pathToFileURL(path('app.1.bundle'))];
    const proved = await verify(...first(db), chain, key, { level: 'restore', expect: delta.stateId });
    assert.deepEqual([proved.verdict, proved.bundles, proved.rows, proved.integrityCheck], ['authentic', 2, 3, 'ok']);
    const anybody = await verify(...first(db), bytes);
    assert.deepEqual([anybody.verdict, anybody.level, anybody.stateId], ['consistent', 'hashes', written.stateId]);
    assert.equal((await verify(...first(db), bytes, lifeboat.verifyKey(key))).verdict, 'authentic');
    assert.equal((await verify(...first(db), bytes, { level: 'hashes' })).verdict, 'consistent');

    // A name of a table stays as it is.
    db.exec('CREATE TABLE snake_case(x); INSERT INTO snake_case VALUES (1)');
    const inside = await info(...first(db), exportBytes(db, key), key);
    assert.deepEqual([inside.tables, inside.userVersion], [{ note: 3, snake_case: 1 }, 0]);
    const part = await info(...first(db), exportBytes(db, key, { where: { snake_case: 'x > 0' }, exclude: ['note'] }), key);
    assert.deepEqual([part.tables, part.selection.where], [{ snake_case: 1 }, { snake_case: 'x > 0' }]);
    await refused(() => verify(...first(db), bytes.subarray(0, 300), key), 'truncated', 'verify', /get it again/);
    await refused(() => verify(...first(db), bytes, keygen()), 'wrong key', 'verify', /did not make this bundle/);
    await refused(() => info(...first(db), path('none')), 'host', 'info', /none.* cannot be read.*give the path/);
    await refused(() => exportBundle(of(db), key, path('none/app.bundle')), 'host', 'exportBundle', /directory must exist/);
  });

  test(`scrub and prune, ${way}`, async t => {
    const { db, stores, path } = scene(t);
    for (let count = 0; count < 4; count++) {
      db.exec("INSERT INTO note(text) VALUES ('again')");
      save(db, key, stores);
    }
    const keeper = lifeboat.verifyKey(key);
    assert.equal((await scrub(...first(db), stores, keeper)).sound, true);
    const [domain] = readdirSync(path('stick'));
    rmSync(path(`stick/${domain}/bundles`), { recursive: true });
    const found = await scrub(...first(db), stores, keeper, { level: 'hashes' });
    assert.deepEqual([found.sound, found.series[0].copies[1].missing.count], [false, 4]);
    const healed = await scrub(...first(db), stores, keeper, { level: 'hashes', repair: true });
    assert.deepEqual([healed.sound, healed.series[0].copies[1].copied.objects], [true, 4]);

    const would = await prune(...first(db), stores, key, { keep: { last: 3 } });
    assert.equal(would.dryRun, true);
    assert.equal((await log(...first(db), stores, key)).length, 4);
    const done = await prune(...first(db), stores, key, { copy: stores[0], minimum: 1, dryRun: false });
    assert.deepEqual([done.done, done.copies.map(copy => copy.removed.records)], [true, [4, 0]]);
    assert.equal((await log(...first(db), stores[1], key)).length, 4);
    await refused(() => prune(...first(db), stores[1], keeper, { keep: { last: 1 } }), 'misuse', 'prune', /verify key/);
    await refused(() => scrub(...first(db), `dir:${path('none')}`, key), 'host', 'scrub', /none|hold/);
  });

  test(`wrong arguments, ${way}`, async t => {
    const { db, stores, path } = scene(t);
    const text = /give its text, 'file:PATH', 'env:NAME'/;
    for (const wrong of [undefined, null, 7, {}, [], [7]]) {
      await refused(() => save(of(db), wrong, stores), 'misuse', 'save', text);
      await refused(() => restore(of(db), stores, wrong), 'misuse', 'restore', text);
      await refused(() => scrub(...first(db), stores, wrong), 'misuse', 'scrub', text);
      await refused(() => exportBytes(of(db), wrong), 'misuse', 'exportBytes', text);
    }
    await refused(() => verify(...first(db), path('app.bundle'), undefined), 'misuse', 'verify', text);
    await refused(() => log(...first(db), stores, undefined), 'misuse', 'log', text);
    await refused(() => save(of(db), key, undefined), 'misuse', 'save', /give the name of a store/);
    await refused(() => save(of(db), stores, key), 'misuse', 'save', /order of the arguments/);
    await refused(() => restore(of(db), 7, key), 'misuse', 'restore', /give its bytes, its path, the name of a store/);
    await refused(() => exportBundle(of(db), key, new URL('https://example.org/')), 'misuse', 'exportBundle', /give a path/);
    await refused(() => save(of(db), key, stores, 'label'), 'misuse', 'save', /give an object, as the last argument/);
    await refused(() => save(of(db), key, stores, {}, {}), 'misuse', 'save', /at most 3 arguments/);
    await refused(() => save(of(db), key, stores, { minumum: 1 }), 'misuse', 'save', /no option `minumum`; known options: minimum/);
    await refused(() => save(of(db), key, stores, { timeout: Infinity }), 'misuse', 'save', /option "timeout"/);
    await refused(() => save(of(db), key, stores, { label: () => {} }), 'misuse', 'save', /option "label"/);
    await refused(() => restore(of(db), stores, key, { expect: undefined }), 'misuse', 'restore', /"expect" is undefined/);
    await refused(() => log(...first(db), stores, key, { limit: -1 }), 'misuse', 'log', /"limit".*whole number/);
    await refused(() => log(...first(db), stores, key, { last: 1 }), 'misuse', 'log', /no option "last"; known options: limit/);
    await refused(() => events(of(db), { after: 'x' }), 'misuse', 'events', /"after".*whole number/);
    await refused(() => save(of(db), `${key.slice(0, -1)}`, stores), 'misuse', 'save', /characters|typed|key/);
    await refused(() => save(of(db), 'file:none.key', stores), 'host', 'save', /none\.key.*give the path/);
    await refused(() => save(of(db), key, 'dir:none/none/copy', { timeout: 1 }), 'unreachable', 'save', /nothing was saved; connect those that are away/);
    assert.deepEqual(readdirSync(path()).filter(found => !found.startsWith('app.db')), [], 'nothing was made');
  });
}

test('what is no database', async t => {
  const path = directory(t);
  for (const wrong of [undefined, null, 7, {}]) {
    await refused(() => save(wrong, key, 'dir:x'), 'misuse', 'save', /give an open connection or the path/);
    await refused(() => fileOf(wrong), 'misuse', 'fileOf', /give an open connection/);
    await refused(() => protect(wrong, key, 'dir:x'), 'misuse', 'protect', /give an open connection/);
    await refused(() => unprotect(wrong), 'misuse', 'unprotect', /give the open connection/);
  }
  await refused(() => protect(path('app.db'), key, 'dir:x'), 'misuse', 'protect', /give an open connection/);
  await refused(() => save(path('none.db'), key, 'dir:x'), 'host', 'save', /no database at '.*none\.db'; give the path/);
  // Somebody mistook the order: the key is not shown as a path.
  await refused(() => save(key, key, 'dir:x'), 'host', 'save', /no database at the given path/);
  await refused(() => save(path(), key, 'dir:x'), 'host', 'save', /give the path of a database/);
  await refused(() => save(':memory:', key, 'dir:x'), 'misuse', 'save', /give the open connection itself/);
  const memory = open(':memory:');
  await refused(() => fileOf(memory), 'misuse', 'fileOf', /in memory.*give the connection itself/);
  await refused(() => fileOf(memory, 'other'), 'misuse', 'fileOf', /no database of this name/);
  writeFileSync(path('noise'), 'this is no database, but a text of some length');
  await refused(() => save(path('noise'), key, `dir:${path('x')}`), 'host', 'save', /not a database/);
  // A restore that fails leaves no empty file.
  await refused(() => restore(path('new.db'), path('none.bundle'), key), 'host', 'restore', /none\.bundle/);
  assert.deepEqual(readdirSync(path()), ['noise']);
  if (isOwn) {
    const { DatabaseSync } = await import('node:sqlite');
    await refused(() => save(new DatabaseSync(':memory:'), key, 'dir:x'), 'host', 'save', /\{ allowExtension: true \}/);
  }
});

test('keys', async t => {
  assert.match(key, /^lifeboatkey1/);
  assert.notEqual(keygen(), key);
  const secret = Uint8Array.from({ length: 16 }, (_, index) => index);
  const derived = keygen({ secret, label: 'notes' });
  assert.equal(keygen({ secret, label: 'notes' }), derived);
  assert.notEqual(keygen({ secret, label: 'other' }), derived);
  assert.match(lifeboat.writeKey(key, 'notes'), /^lifeboatwrite1/);
  assert.equal(lifeboat.readKey(lifeboat.writeKey(key, 'notes')), lifeboat.readKey(key, 'notes'));
  assert.match(lifeboat.verifyKey(key), /^lifeboatverify1/);
  process.env.A_KEY_OF_THE_TEST = key;
  assert.equal(lifeboat.verifyKey(['file:none.key', 'env:A_KEY_OF_THE_TEST']), lifeboat.verifyKey(key));
  assert.equal(lifeboat.version().version, '0.1.0');

  const path = directory(t);
  const out = keygen({ out: path('recovery.key') });
  assert.equal(out, `file:${path('recovery.key')}`);
  assert.equal(readFileSync(path('recovery.key'), 'utf8').match(/^lifeboatkey1[a-z0-9]{58}\n$/)?.index, 0);
  assert.equal(statSync(path('recovery.key')).mode & 0o777, 0o600);
  assert.equal(lifeboat.verifyKey(out), lifeboat.verifyKey(readFileSync(path('recovery.key'), 'utf8')));
  keygen({ secret, label: 'notes', out: pathToFileURL(path('derived.key')) });
  assert.equal(readFileSync(path('derived.key'), 'utf8').trim(), derived);
  const before = readFileSync(path('recovery.key'));
  await refused(() => keygen({ out: path('recovery.key') }), 'misuse', 'keygen', /recovery\.key' already exists.*give another path/);
  assert.deepEqual(readFileSync(path('recovery.key')), before);
  await refused(() => keygen({ out: path('none/a.key') }), 'host', 'keygen', /cannot be written: ENOENT; give a path/);
  await refused(() => keygen({ out: undefined }), 'misuse', 'keygen', /the option "out" is undefined/);

  await refused(() => keygen({ secret: 'hunter2', label: 'x' }), 'misuse', 'keygen', /Uint8Array of at least 16 random bytes/);
  await refused(() => keygen({ secret: new Uint8Array(3), label: 'x' }), 'misuse', 'keygen', /at least 16 random bytes/);
  await refused(() => keygen({ secret }), 'misuse', 'keygen', /the option "label" is undefined/);
  await refused(() => keygen({ secret: undefined, label: 'x' }), 'misuse', 'keygen', /"secret" is undefined/);
  await refused(() => keygen('x'), 'misuse', 'keygen', /give an object/);
  await refused(() => keygen({ seed: 1 }), 'misuse', 'keygen', /no option "seed"; known options: out, secret, label/);
  await refused(() => lifeboat.writeKey('x'), 'misuse', 'writeKey', /not a recovery key/);
  await refused(() => lifeboat.readKey(undefined), 'misuse', 'readKey', /give its text/);
  await refused(() => lifeboat.verifyKey(key, 7), 'misuse', 'verifyKey', /the domain is of the type number/);
  await refused(() => lifeboat.version(7), 'misuse', 'version', /at most 0 arguments/);
});

test('a protection', async t => {
  const { db, stores } = scene(t);
  await refused(() => protect(db, key, stores), 'misuse', 'protect', /PRAGMA journal_mode = WAL/);
  db.exec('PRAGMA journal_mode = WAL');
  const { protection } = protect(db, key, stores);
  assert.equal(protection.holders, 1);
  // A save in a thread waits for its turn.
  assert.equal((await save(fileOf(db), key, stores)).done, 2);
  assert.equal(status(db).protection.failed, null);
  await refused(() => protect(db, key, stores, { add: true }), 'misuse', 'protect', /call save with it once/);
  const other = () => protect(db, key, stores, { label: 'another' });
  await refused(other, 'misuse', 'protect', /in another way: .*end that protection with unprotect\(\) first$/);
  assert.deepEqual(unprotect(db), { ended: 1, left: 0 });
  await refused(() => unprotect(db, 1), 'misuse', 'unprotect', /at most 0 arguments/);
});

test('the event loop goes on while a thread saves', async t => {
  const { db, stores } = scene(t);
  db.exec(LARGE);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const before = performance.now();
  assert.equal((await save(fileOf(db), key, stores)).done, 2);
  const took = performance.now() - before;
  const beside = ticks;
  ticks = 0;
  exportBytes(db, key);
  assert.equal(ticks, 0, 'a connection blocks');
  clearInterval(timer);
  // A loop that is blocked ticks once or twice.
  assert.ok(beside > 10, `${beside} ticks in ${took} ms`);
});

test('a signal ends the work, and nothing is changed', async t => {
  const { db, stores, path } = scene(t);
  db.exec(LARGE);
  exportBundle(db, key, path('large.bundle'));
  const reason = new Error('enough');
  const left = () => readdirSync(path()).filter(found => found !== 'app.db-lifeboat').sort();
  const before = left();
  for (const call of [
    signal => save(fileOf(db), key, stores, { signal }),
    signal => exportBundle(fileOf(db), key, path('other.bundle'), { signal }),
    signal => restoreFile(path('large.bundle'), key, path('new.db'), { signal }),
    signal => restore(path('new.db'), path('large.bundle'), key, { signal }),
    signal => verify(path('large.bundle'), key, { level: 'restore', signal }),
  ]) {
    // Before it begins, as it begins, and in the middle of it.
    await assert.rejects(call(AbortSignal.abort(reason)), error => error === reason);
    for (const delay of [0, 60]) {
      const controller = new AbortController();
      const aborted = new Promise(resolve => {
        setTimeout(() => {
          controller.abort(reason);
          resolve(performance.now());
        }, delay);
      });
      const ended = call(controller.signal).then(() => assert.fail('it was done'), error => [error, performance.now()]);
      const [[error, end], begin] = await Promise.all([ended, aborted]);
      assert.equal(error, reason);
      // Else it would have gone on to its end, which takes longer here than an interrupt may take on a busy machine.
      t.diagnostic(`ended ${Math.round(end - begin)} ms after the signal`);
    }
    assert.deepEqual(left(), before);
  }
  assert.equal((await save(fileOf(db), key, stores)).number, 1, 'a save goes on');
  // What is done is done, whatever the signal says then.
  const controller = new AbortController();
  assert.equal((await save(fileOf(db), key, stores, { signal: controller.signal })).changed, false);
  controller.abort();
  await refused(() => save(db, key, stores, { signal: controller.signal }), 'misuse', 'save', /give the path of the database/);
  await refused(() => save(fileOf(db), key, stores, { signal: 7 }), 'misuse', 'save', /no AbortSignal/);
});

test('many calls at one time', async t => {
  const { db, stores, path } = scene(t);
  const calls = [
    save(fileOf(db), key, stores),
    save(pathToFileURL(path('app.db')), key, stores),
    exportBundle(fileOf(db), key, path('app.bundle')),
    exportBytes(fileOf(db), key),
  ];
  const [saved, other, bundle, bytes] = await Promise.all(calls);
  assert.deepEqual([saved.number, other.number], [1, 1]);
  assert.equal(bundle.bytes, bytes.length);
});

test('drivers', async t => {
  const { db, stores } = scene(t);
  assert.equal((await save(fileOf(db), key, stores, { driver })).done, 2);
  await refused(() => save(fileOf(db), key, stores, { driver: 'no-such-driver' }), 'misuse', 'save', /names no module that is installed/);
  await refused(() => save(db, key, stores, { driver }), 'misuse', 'save', /is for calls that give a promise/);
  if (isOwn) {
    // It is there for another Node.
    const unusable = () => keygen({ driver: 'better-sqlite3' });
    await refused(unusable, 'host', 'keygen', /^the driver better-sqlite3 cannot be used: [^]*; install it for this Node, or/);
  }
  if (!isOwn && name === 'better-sqlite3') {
    await refused(() => save(fileOf(db), key, stores, { driver: 'node:sqlite' }), 'unsupported', 'save', /use Node 22\.13 or later/);
    // Integers come as BigInt where the application says so.
    db.defaultSafeIntegers(true);
    assert.equal(log(db, stores, key)[0].number, 1);
  }
});

test('a name that is taken in a database does not matter', async t => {
  const { db, stores } = scene(t);
  db.exec('CREATE VIEW pragma_function_list AS SELECT 1 AS name; CREATE TABLE backup_interrupted(x)');
  assert.equal((await save(fileOf(db), key, stores)).done, 2);
  assert.equal(one(db, 'SELECT count(*) FROM backup_interrupted'), 0);
});

test('an error of the recovery entry is one of Lifeboat', async () => {
  const recovery = await import('sqlite-lifeboat/recovery');
  const error = await recovery.verify(new Uint8Array(9)).catch(caught => caught);
  assert.ok(error instanceof recovery.LifeboatError && error instanceof lifeboat.LifeboatError);
  assert.ok(!(new Error('busy: x') instanceof lifeboat.LifeboatError));
  assert.ok(existsSync(lifeboat.getLoadablePath()));
});
