// The recovered file appears complete or not at all, and nothing is written over that nobody gave up.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { recoverFile } from 'sqlite-lifeboat/recovery';
import { assertEqual, directory, exported, history, keygen, names, refused, sqlite } from './support.mjs';

const key = keygen();
const SQL = 'CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(3000000))';

/** A directory with a bundle alone. */
function scene(t) {
  const path = directory(t);
  const bundle = exported(path, key, SQL);
  mkdirSync(path('out'));
  return { path, bundle, out: name => path(`out/${name ?? ''}`) };
}

test('a new file', async t => {
  const { path, bundle, out } = scene(t);
  const { size } = await recoverFile(bundle, key, out('new.db'));
  assertEqual(path('app.db'), out('new.db'));
  const { mode, size: found } = statSync(out('new.db'));
  assert.deepEqual([mode & 0o777, found], [0o600, size]);
  await recoverFile(path('app.bundle'), key, pathToFileURL(out('with space & ü.db')));
  assertEqual(path('app.db'), out('with space & ü.db'));
  assert.deepEqual(names(out()), ['new.db', 'with space & ü.db']);

  const before = process.cwd();
  process.chdir(out());
  await recoverFile(bundle, key, 'relative.db').finally(() => process.chdir(before));
  assertEqual(path('app.db'), out('relative.db'));
});

test('a file that is there', async t => {
  const { path, bundle, out } = scene(t);
  writeFileSync(out('a.db'), 'precious');
  chmodSync(out('a.db'), 0o640);
  for (const options of [undefined, {}, { replace: false }]) {
    await refused(
      recoverFile(bundle, key, out('a.db'), options),
      'misuse',
      /a\.db' already exists; give another path, or the option replace: true$/,
    );
  }
  await refused(recoverFile(bundle, keygen(), out('a.db'), { replace: true }), 'wrong key', /did not make/);
  await refused(recoverFile(bundle.subarray(0, 900), key, out('a.db'), { replace: true }), 'truncated', /ends at byte/);
  assert.equal(readFileSync(out('a.db'), 'utf8'), 'precious');
  assert.deepEqual(names(out()), ['a.db']);

  await recoverFile(bundle, key, out('a.db'), { replace: true });
  assertEqual(path('app.db'), out('a.db'));
  assert.equal(statSync(out('a.db')).mode & 0o777, 0o640);
  assert.deepEqual(names(out()), ['a.db']);
});

test('a file that comes meanwhile', async t => {
  const { bundle, out } = scene(t);
  const progress = ({ phase }) => phase === 'writing' && writeFileSync(out('a.db'), 'theirs');
  await refused(recoverFile(bundle, key, out('a.db'), { progress }), 'busy', /a\.db' was made meanwhile by somebody else/);
  assert.equal(readFileSync(out('a.db'), 'utf8'), 'theirs');
  assert.deepEqual(names(out()), ['a.db']);
});

test('a journal beside it', async t => {
  const { bundle, out } = scene(t);
  for (const journal of ['a.db-wal', 'a.db-journal']) {
    writeFileSync(out(journal), '');
    for (const replace of [false, true]) {
      await refused(
        recoverFile(bundle, key, out('a.db'), { replace }),
        'misuse',
        new RegExp(`${journal}' belongs to a database`),
      );
    }
    assert.deepEqual(names(out()), [journal]);
    rmSync(out(journal));
  }
  const progress = ({ phase }) => phase === 'building' && writeFileSync(out('a.db-wal'), '');
  await refused(recoverFile(bundle, key, out('a.db'), { progress }), 'misuse', /a\.db-wal' belongs/);
  assert.deepEqual(names(out()), ['a.db-wal']);
});

test('links', async t => {
  const { path, bundle, out } = scene(t);
  writeFileSync(path('real.db'), 'precious');
  symlinkSync(path('real.db'), out('link.db'));
  await refused(recoverFile(bundle, key, out('link.db')), 'misuse', /already exists/);
  await recoverFile(bundle, key, out('link.db'), { replace: true });
  assertEqual(path('app.db'), path('real.db'));
  assert.deepEqual(names(out()), ['link.db']);
  // The journal beside the file that the link leads to counts, too.
  writeFileSync(path('real.db-wal'), '');
  await refused(recoverFile(bundle, key, out('link.db'), { replace: true }), 'misuse', /real\.db-wal' belongs/);
});

test('targets that cannot be', async t => {
  const { path, bundle, out } = scene(t);
  await refused(recoverFile(bundle, key, out(), { replace: true }), 'misuse', /is a directory, not a regular file/);
  await refused(recoverFile(bundle, key, out('none/a.db')), 'host', /its directory must be there/);
  for (const target of ['', 'a\0b', undefined, null, 5])
    await refused(recoverFile(bundle, key, target), 'misuse', /the path of the database is/);
  await refused(recoverFile(bundle, key, new URL('https://example.org/a.db')), 'misuse', /not the path of a file/);
  await refused(recoverFile(bundle, key, out('a.db'), { nonsense: 1 }), 'misuse', /no option/);
  assert.deepEqual(names(out()), []);
  // The bundles are not what is replaced.
  const chain = history(name => out(name), key, SQL, 'DELETE FROM t');
  for (const target of chain) {
    const before = readFileSync(target);
    await refused(recoverFile(chain, key, target, { replace: true }), 'misuse', /a bundle that is read, too, which would be/);
    assert.ok(before.equals(readFileSync(target)));
  }
  assert.ok(existsSync(path('app.bundle')));
});

test('what is never replaced, nor suggested', async t => {
  const { path, bundle, out } = scene(t);
  sqlite(
    path('app.db'),
    `SELECT backup_export_file('${key}', '${path('b')}', '{"ledger": "${out('app.ledger')}"}') IS NULL`,
  );
  const groups = key.match(/.{1,4}/g).join(' ');
  const files = {
    'app.key': `${key}\n`,
    'upper.key': key.toUpperCase(),
    'groups.key': groups,
    'wide.key': Buffer.from(`\ufeff${key}`, 'utf16le'),
    'notes.env': `# keep this\nKEY='${key}'\n`,
    'typo.key': key.slice(0, -1) + 'b',
    'other.bundle': bundle,
    'copy.db': readFileSync(path('app.db')),
    'old.db': 'precious',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(out(name), content);
  symlinkSync(out('app.key'), out('link.key'));
  linkSync(out('app.key'), out('same.key'));
  const before = Object.fromEntries(names(out()).map(name => [name, readFileSync(out(name))]));
  const held = / holds a recovery key and is never replaced; give another path$/;
  const its = / is the file with the recovery key and is never replaced; give another path$/;
  for (const [target, says] of Object.entries({
    ...Object.fromEntries(['upper.key', 'groups.key', 'wide.key', 'notes.env', 'typo.key'].map(name => [name, held])),
    'app.key': its,
    'same.key': its,
    'link.key': its,
    'other.bundle': / is a bundle and is never replaced by a database/,
    'app.ledger': / is a ledger and is never replaced by a database/,
    'copy.db-wal': / belongs to a database/,
  })) {
    for (const replace of [false, true]) {
      await refused(recoverFile(bundle, `file:${out('app.key')}`, out(target), { replace }), 'misuse', says);
    }
  }
  // What takes the place of a file is looked at once more.
  const progress = ({ phase }) => phase === 'writing' && writeFileSync(out('old.db'), key);
  await refused(recoverFile(bundle, key, out('old.db'), { progress, replace: true }), 'misuse', held);
  assert.deepEqual(Object.fromEntries(names(out()).map(name => [name, readFileSync(out(name))])), {
    ...before,
    'old.db': Buffer.from(key),
  });
});

test('whose it is', { skip: process.getuid() !== 0 && 'only root gives files away' }, async t => {
  const { path, bundle, out } = scene(t);
  writeFileSync(out('a.db'), 'old');
  chownSync(out('a.db'), 65534, 65534);
  chmodSync(out('a.db'), 0o660);
  await recoverFile(bundle, key, out('a.db'), { replace: true });
  const { uid, gid, mode } = statSync(out('a.db'));
  assert.deepEqual([uid, gid, mode & 0o7777], [65534, 65534, 0o660]);
  assertEqual(path('app.db'), out('a.db'));
});

test('aborted, and failing', async t => {
  const { bundle, out } = scene(t);
  for (const phase of ['reading', 'building', 'writing']) {
    const controller = new AbortController();
    const progress = told => told.phase === phase && controller.abort();
    await assert.rejects(recoverFile(bundle, key, out('a.db'), { progress, signal: controller.signal }), {
      name: 'AbortError',
    });
    assert.deepEqual(names(out()), [], phase);
  }
});

/** Recovers in a process of its own, which does something else at the first piece that is written. */
function inAnother(out, bundle, at, shell = 'exec "$0" "$@"') {
  const program = `import { recoverFile } from 'sqlite-lifeboat/recovery';
    const [bundle, key, target] = process.argv.slice(1);
    const progress = ({ phase, done }) => { if (phase === 'writing' && done > 0) { ${at} } };
    await recoverFile(bundle, key, target, { progress }).catch(error => {
      console.log(error.message);
      process.exitCode = 9;
    });`;
  const args = ['--input-type=module', '-e', program, bundle, key, out('a.db')];
  return spawnSync('sh', ['-c', shell, process.execPath, ...args], { encoding: 'utf8' });
}

test('killed', async t => {
  const { path, out } = scene(t);
  const { signal } = inAnother(out, path('app.bundle'), "process.kill(process.pid, 'SIGKILL')");
  assert.equal(signal, 'SIGKILL');
  const left = names(out());
  assert.equal(left.length, 1);
  const made = /^(\.a\.db\.lifeboat-)(\w{8})-(\w{8})-(\w{8})-(\d+)-([0-9a-f]{12}\.tmp)$/.exec(left[0]);
  assert.ok(made, left[0]);
  // Of another process that is alive, another space of processes, another machine; of another target; of an earlier start.
  const [begin, machine, start, space, number, unique] = made.slice(1);
  const others = [
    `${begin}${machine}-${start}-${space}-${process.ppid}-${unique}`,
    `${begin}${machine}-${start}-00000000-${number}-${unique}`,
    `${begin}00000000-00000000-${space}-${number}-${unique}`,
    left[0].replace('.a.db', '.b.db'),
  ];
  const earlier = `${begin}${machine}-00000000-${space}-${process.ppid}-${unique}`;
  for (const name of [...others, earlier]) writeFileSync(out(name), 'plain');
  await recoverFile(path('app.bundle'), key, out('a.db'));
  assertEqual(path('app.db'), out('a.db'));
  assert.deepEqual(names(out()), [...others, 'a.db'].sort());
});

test('no room', t => {
  const { path, out } = scene(t);
  const limited = 'trap "" XFSZ; ulimit -f 2000; exec "$0" "$@"';
  const { status, stdout } = inAnother(out, path('app.bundle'), '', limited);
  assert.equal(status, 9);
  assert.match(stdout, /^host: '.*a\.db' cannot be written: EFBIG/);
  assert.deepEqual(names(out()), []);
});

test('the file is one that SQLite takes', async t => {
  const { bundle, out } = scene(t);
  await recoverFile(bundle, key, out('a.db'));
  assert.equal(sqlite(out('a.db'), 'PRAGMA integrity_check; SELECT length(a) FROM t'), 'ok\n3000000');
});
