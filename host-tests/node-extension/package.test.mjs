// The npm packages themselves: what is in them, which platform they are for, their types, their documents.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'node:test';
import * as lifeboat from 'sqlite-lifeboat';
import { LARGE, directory, open } from './support.mjs';

const require = createRequire(import.meta.url);
// The sources of the package, the built files, and the packages that are installed beside the application.
const { LIFEBOAT_NPM: npm, LIFEBOAT_DIST: dist, LIFEBOAT_HOSTS: hosts } = process.env;
const description = require('sqlite-lifeboat/package.json');
const installed = dirname(require.resolve('sqlite-lifeboat/package.json'));
const own = lifeboat.getLoadablePath();
const platform = dirname(own).replace(/.*sqlite-lifeboat-/, '');
const PLATFORMS = Object.keys(description.optionalDependencies).map(name => name.replace('sqlite-lifeboat-', ''));

test('what is in them', () => {
  assert.deepEqual([description.name, description.version, description.license], ['sqlite-lifeboat', '0.1.0', 'MIT']);
  assert.equal(description.dependencies, undefined);
  assert.equal(PLATFORMS.length, 7);
  assert.ok(Object.values(description.optionalDependencies).every(version => version === description.version));
  assert.deepEqual(readdirSync(installed).sort(), ['LICENSE', 'README.md', 'SQL.md', 'manual', 'package.json', 'recovery', 'src']);
  assert.deepEqual(readdirSync(dirname(own)).sort(), ['LICENSE', 'README.md', 'liblifeboat.so', 'package.json']);
  const { os, cpu, libc, version } = JSON.parse(readFileSync(join(dirname(own), 'package.json'), 'utf8'));
  assert.deepEqual([os, cpu, version], [['linux'], [process.arch], description.version]);
  assert.deepEqual(libc, [platform.endsWith('-musl') ? 'musl' : 'glibc']);
});

test('the pages of the package lead to one another', () => {
  for (const [page, link] of [
    ['README.md', '](manual/stores.md#backup_save)'],
    ['README.md', '](recovery/README.md)'],
    ['README.md', '](SQL.md)'],
    ['SQL.md', '](manual/keys.md#backup_keygen)'],
    ['SQL.md', '](README.md)'],
    ['manual/stores.md', '](../SQL.md#functions)'],
    ['manual/salvage.md', '](../recovery/README.md#damaged-bundles)'],
  ]) {
    const text = readFileSync(join(installed, page), 'utf8');
    assert.ok(text.includes(link), `${page} has no ${link}`);
    assert.ok(existsSync(join(installed, dirname(page), link.slice(2, -1).split('#')[0])), `${page}: ${link}`);
  }
});

/** A copy of the main package in a directory of its own, and a Node that loads it there, as if it were of another machine. */
function elsewhere(t) {
  const path = directory(t);
  const modules = path('node_modules');
  cpSync(installed, join(modules, 'sqlite-lifeboat'), { recursive: true });
  const said = (machine, environment = {}) => {
    const program = `
      for (const [name, value] of Object.entries(${JSON.stringify(machine)})) Object.defineProperty(process, name, { value });
      const musl = ${JSON.stringify(machine.musl ?? null)};
      const header = musl ? {} : { glibcVersionRuntime: '2.36' };
      if (musl !== null) process.report.getReport = () => ({ header, sharedObjects: musl ? ['/lib/ld-musl-x86_64.so.1'] : [] });
      try { console.log(require('sqlite-lifeboat').getLoadablePath()) }
      catch (error) { console.log(error.name, error.message) }`;
    const env = { ...process.env, ...environment };
    return execFileSync(process.execPath, ['-e', program], { cwd: path(), encoding: 'utf8', env }).trim();
  };
  const add = (name, file) => {
    mkdirSync(join(modules, `sqlite-lifeboat-${name}`));
    writeFileSync(join(modules, `sqlite-lifeboat-${name}`, 'package.json'), '{}');
    writeFileSync(join(modules, `sqlite-lifeboat-${name}`, file), '');
    return join(modules, `sqlite-lifeboat-${name}`, file);
  };
  return { path, said, add };
}

test('the loader picks the package of the platform', t => {
  const { said, add } = elsewhere(t);
  const linux = { platform: 'linux', arch: 'x64' };
  const missing = said({ ...linux, musl: false });
  assert.match(missing, /^LifeboatError getLoadablePath: unsupported: the package sqlite-lifeboat-linux-x64 is missing/);
  assert.match(missing, /npm install sqlite-lifeboat-linux-x64; 'sqlite-lifeboat\/recovery' works here without it$/);

  const glibc = add('linux-x64', 'liblifeboat.so');
  assert.match(said({ ...linux, musl: true }), /linux-x64-musl is missing.*; installed is that for linux-x64: node_modules may be of another/);
  const musl = add('linux-x64-musl', 'liblifeboat.so');
  assert.equal(said({ ...linux, musl: false }), glibc);
  assert.equal(said({ ...linux, musl: true }), musl);
  assert.match(said({ platform: 'darwin', arch: 'arm64' }), /the package sqlite-lifeboat-darwin-arm64 is missing/);
  // A name that no release publishes would be another's to take.
  assert.match(said({ platform: 'win32', arch: 'arm64' }), /there is no package with the extension for win32-arm64/);

  const unknown = said({ platform: 'freebsd', arch: 'x64' });
  assert.match(unknown, /unsupported: there is no package with the extension for freebsd-x64; supported: linux-x64, /);
  for (const known of PLATFORMS) assert.ok(unknown.includes(known), known);
  assert.match(unknown, /name its file in SQLITE_LIFEBOAT_EXTENSION; 'sqlite-lifeboat\/recovery' works here without it$/);
  assert.equal(said({ platform: 'freebsd', arch: 'x64' }, { SQLITE_LIFEBOAT_EXTENSION: own }), own);
  assert.match(said(linux, { SQLITE_LIFEBOAT_EXTENSION: 'none.so' }), /host: there is no file at the path in SQLITE_LIFEBOAT_EXTENSION/);
});

/** Headers of libraries, with what is looked at. */
const library = {
  elf(machine, needed) {
    const bytes = Buffer.alloc(0x400);
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(bytes);
    bytes.writeUInt16LE(3, 16);
    bytes.writeUInt16LE(machine, 18);
    bytes.writeBigUInt64LE(64n, 32);
    bytes.writeUInt16LE(56, 54);
    bytes.writeUInt16LE(2, 56);
    // One segment with all of it, at the address 0x10000, and one with the list.
    for (const [at, type, offset, address, length] of [[64, 1, 0, 0x10000, 0x400], [120, 2, 0x100, 0x10100, 48]]) {
      bytes.writeUInt32LE(type, at);
      bytes.writeBigUInt64LE(BigInt(offset), at + 8);
      bytes.writeBigUInt64LE(BigInt(address), at + 16);
      bytes.writeBigUInt64LE(BigInt(length), at + 32);
    }
    [[1n, 1n], [5n, 0x10200n], [0n, 0n]].flat().forEach((value, index) => bytes.writeBigUInt64LE(value, 0x100 + index * 8));
    bytes.write(needed, 0x201);
    bytes.write('sqlite3_lifeboat_init', 0x300);
    return bytes;
  },
  machO(cpu, type = 6) {
    const bytes = Buffer.alloc(0x400);
    [0xfeedfacf, cpu, 0, type].forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
    bytes.write('sqlite3_lifeboat_init', 0x300);
    return bytes;
  },
  pe(machine, kind = 0x2000) {
    const bytes = Buffer.alloc(0x400);
    bytes.write('MZ');
    bytes.writeUInt32LE(0x80, 60);
    bytes.write('PE\0\0', 0x80);
    bytes.writeUInt16LE(machine, 0x84);
    bytes.writeUInt16LE(kind, 0x96);
    bytes.write('sqlite3_lifeboat_init', 0x300);
    return bytes;
  },
};

test('a file is packed for its own platform, and no other', t => {
  const path = directory(t);
  const pack = (...args) => spawnSync(process.execPath, [join(npm, 'pack.mjs'), ...args], { encoding: 'utf8' });
  const packed = (name, bytes) => {
    writeFileSync(path('file'), bytes);
    return pack(path(), name, path('file'));
  };
  const right = {
    'linux-x64': library.elf(0x3e, 'libc.so.6'),
    'linux-arm64': library.elf(0xb7, 'libc.so.6'),
    'linux-x64-musl': library.elf(0x3e, 'libc.so'),
    'linux-arm64-musl': library.elf(0xb7, 'libc.musl-aarch64.so.1'),
    'darwin-x64': library.machO(0x01000007),
    'darwin-arm64': library.machO(0x0100000c),
    'win32-x64': library.pe(0x8664),
  };
  assert.deepEqual(Object.keys(right).sort(), PLATFORMS);
  // npm takes a while: one of each system is packed, and each is refused for another.
  for (const [name, file, fields] of [
    ['linux-arm64-musl', 'liblifeboat.so', { os: ['linux'], cpu: ['arm64'], libc: ['musl'] }],
    ['darwin-arm64', 'liblifeboat.dylib', { os: ['darwin'], cpu: ['arm64'] }],
    ['win32-x64', 'lifeboat.dll', { os: ['win32'], cpu: ['x64'] }],
  ]) {
    const { status, stderr } = packed(name, right[name]);
    assert.equal(status, 0, stderr);
    const archive = path(`sqlite-lifeboat-${name}-0.1.0.tgz`);
    const of = JSON.parse(execFileSync('tar', ['xzOf', archive, 'package/package.json'], { encoding: 'utf8' }));
    const { os, cpu, libc } = of;
    assert.deepEqual(JSON.parse(JSON.stringify({ os, cpu, libc })), fields);
    const names = execFileSync('tar', ['tzf', archive], { encoding: 'utf8' }).trim().split('\n').sort();
    assert.deepEqual(names, ['LICENSE', 'README.md', file, 'package.json'].map(name => `package/${name}`).sort());
  }
  const before = readdirSync(path());
  for (const name of PLATFORMS) {
    const other = name === 'linux-x64' ? 'linux-x64-musl' : 'linux-x64';
    assert.match(packed(other, right[name]).stderr, new RegExp(`is for ${name}, not for ${other}`));
  }
  for (const [bytes, says] of [
    [Buffer.from('no library'), /no shared library of Linux, macOS or Windows/],
    [library.elf(0x16, 'libc.so.6'), /for the ELF machine 0x16, which has no package/],
    [library.elf(0x3e, 'libm.so.6'), /neither glibc nor musl alone: libm\.so\.6/],
    [library.machO(0x0100000c, 2), /a Mach-O file, but no library/],
    [library.pe(0xaa64), /is for win32-arm64, not for linux-x64/],
    [library.pe(0x8664, 2), /a program of Windows, but no library/],
    [right['linux-x64'].subarray(0, 0x90), /cut short, or damaged/],
    [Buffer.from(right['linux-x64']).fill(0, 0x300), /a library, but not Lifeboat's extension/],
  ]) {
    const { status, stderr } = packed('linux-x64', bytes);
    assert.equal(status, 1);
    assert.match(stderr, says);
  }
  assert.match(packed('freebsd-x64', right['linux-x64']).stderr, /no package for freebsd-x64; known platforms: linux-x64, /);
  assert.match(pack(path(), 'linux-x64').stderr, /usage: node pack\.mjs DIST/);
  assert.match(pack(path()).stderr, /recovery.* is missing; run make build/);
  assert.deepEqual(readdirSync(path()), before);
  assert.equal(pack(path(), 'this', join(dist, 'liblifeboat.so')).status, 0);
  assert.ok(existsSync(path(`sqlite-lifeboat-${platform}-0.1.0.tgz`)));
});

test('types', () => {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'ES2022',
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    lib: ['ES2022'],
    types: ['node'],
    typeRoots: [join(hosts, 'node_modules/@types')],
    skipLibCheck: false,
  };
  const include = ['types.mts', 'types.cts'];
  writeFileSync('types.cts', "import lifeboat = require('sqlite-lifeboat');\nconst key: string = lifeboat.keygen();\nvoid key;\n");
  writeFileSync('tsconfig.types.json', JSON.stringify({ compilerOptions, include, exclude: [] }));
  const tsc = join(hosts, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.types.json', '--listFiles'], { encoding: 'utf8' });
  assert.equal(status, 0, stdout.replace(/^\/.*\n/gm, ''));
  for (const file of ['src/index.d.mts', 'src/index.d.ts', 'recovery/src/node.d.ts']) {
    assert.match(stdout, new RegExp(`sqlite-lifeboat/${file}`.replaceAll('.', '\\.')), file);
  }
  // Each function has a type, and each type a function.
  const declared = [...readFileSync(join(installed, 'src/index.d.ts'), 'utf8').matchAll(/^export (?:declare class|function) (\w+)/gm)];
  assert.deepEqual([...new Set(declared.map(([, name]) => name))].sort(), Object.keys(lifeboat).sort());
  assert.deepEqual(Object.keys(require('sqlite-lifeboat')).sort(), Object.keys(lifeboat).sort());
});

test('the programs of the README run, twice', t => {
  const path = directory(t);
  symlinkSync(join(process.cwd(), 'node_modules'), path('node_modules'));
  const beside = join(process.cwd(), 'node_modules/better-sqlite3');
  if (!existsSync(beside)) symlinkSync(join(hosts, 'node_modules/better-sqlite3'), beside);
  const readme = readFileSync(join(installed, 'README.md'), 'utf8');
  const programs = [...readme.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, program]) => program);
  assert.equal(programs.length, 6);
  const says = [
    /^save \d is in 2 copies\n\d rows are back\n$/,
    /^\d+ seconds since the last save\n\d [^]*the copies are authentic\n$/,
    /^safe; at the start it was (new|kept)\n$/,
    /^(mismatch|unreachable)\nsave: /,
    /^\[ \{ name: 'note', rows: \d \} \]\n$/,
    /^\{ text: 'milk' \}\n$/,
  ];
  for (const round of [1, 2]) {
    for (const [index, program] of programs.entries()) {
      writeFileSync(path('program.mjs'), program);
      const { status, stdout, stderr } = spawnSync(process.execPath, ['program.mjs'], { cwd: path(), encoding: 'utf8' });
      assert.equal(status, 0, `round ${round}:\n${program}\n${stderr}`);
      assert.match(stdout, says[index], program);
    }
  }
  assert.equal(statSync(path('recovery.key')).mode & 0o777, 0o600);
});

/** A program that saves in a thread, and ends by itself after some milliseconds. */
const ENDS = `import { save } from 'sqlite-lifeboat';
  const [key, store, delay] = process.argv.slice(2);
  save('app.db', key, store).catch(() => {});
  setTimeout(() => { console.log('ends'); process.exit(0); }, Number(delay));`;

for (const way of ['ends', 'is killed']) {
  test(`a process that ${way} while a thread saves leaves nothing half done`, async t => {
    const path = directory(t);
    const key = lifeboat.keygen();
    symlinkSync(join(process.cwd(), 'node_modules'), path('node_modules'));
    writeFileSync(path('ends.mjs'), ENDS);
    const db = open(path('app.db'));
    db.exec(LARGE);
    const store = `dir:${path('copy')}`;
    let hasEnded = 0;
    for (const delay of [1, 60, 120]) {
      const child = spawn(process.execPath, ['ends.mjs', key, store, String(delay)], { cwd: path(), stdio: ['ignore', 'pipe', 'inherit'] });
      if (way === 'is killed') setTimeout(() => child.kill('SIGKILL'), 100 + delay);
      const begin = performance.now();
      const [code, signal] = await once(child, 'exit');
      hasEnded += Number(code === 0 || signal === 'SIGKILL');
      t.diagnostic(`after ${Math.round(performance.now() - begin)} ms`);
      // What is there is whole: nothing, or a save.
      const saves = await lifeboat.log(store, key).catch(() => []);
      if (saves.length > 0) assert.equal((await lifeboat.verify(store, key)).rows, 150_000);
    }
    assert.equal(hasEnded, 3);
    assert.equal(lifeboat.save(db, key, store).done, 1);
    assert.equal((await lifeboat.verify(store, key)).rows, 150_000);
    assert.equal(db.prepare('PRAGMA integrity_check').get().integrity_check, 'ok');
    db.close();
  });
}
