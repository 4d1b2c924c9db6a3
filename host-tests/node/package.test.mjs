// The package itself: what is in it, its types, its example.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertEqual, directory, exported, keygen } from './support.mjs';

const key = keygen();
const { LIFEBOAT_EXAMPLES, LIFEBOAT_TOOLS } = process.env;
const installed = join(process.cwd(), 'node_modules/sqlite-lifeboat/recovery');

test('what is in it', () => {
  const { version, license, dependencies } = JSON.parse(readFileSync(join(installed, '../package.json')));
  assert.deepEqual([version, license, dependencies], ['0.1.0', 'MIT', undefined]);
  assert.deepEqual(readdirSync(installed).sort(), ['README.md', 'component', 'package.json', 'src']);
  const files = readdirSync(join(installed, '..')).sort();
  assert.deepEqual(files, ['LICENSE', 'README.md', 'SQL.md', 'manual', 'package.json', 'recovery', 'src']);
  // Neither the extension nor a driver is installed here, and recovery needs none.
  assert.deepEqual(readdirSync('node_modules').filter(name => !name.startsWith('.')), ['sqlite-lifeboat']);
  // Nothing of Node is in what browsers load.
  const isNode = /from 'node:|process\b|require\(/;
  for (const name of ['browser', 'copies', 'core', 'error', 'key', 'options', 'pace', 'pieces', 'redact', 'reports', 'salvaged', 'values']) {
    assert.doesNotMatch(readFileSync(join(installed, `src/${name}.js`), 'utf8'), isNode, name);
  }
  const glue = readFileSync(join(installed, 'component/recovery.js'), 'utf8');
  assert.doesNotMatch(glue, /from '|import\(|import\.meta|fetch\(|process\./);
});

const NODE = { module: 'NodeNext', moduleResolution: 'NodeNext', lib: ['ES2022'], types: ['node'] };
const BROWSER = { module: 'ESNext', moduleResolution: 'Bundler', lib: ['ES2022', 'DOM', 'DOM.Iterable'], types: [] };
const SOURCES = {
  ...NODE,
  lib: ['ES2022', 'ESNext.Disposable', 'DOM'],
  allowJs: true,
  checkJs: true,
  noUnusedLocals: true,
};

for (const [name, options, include] of [
  ['a program in Node', NODE, ['types-node.mts']],
  ['a program in a browser', BROWSER, ['types-browser.mts']],
  // The hand-written types are right: what is behind them is checked against them.
  ['the package itself', SOURCES, ['node_modules/sqlite-lifeboat/recovery/src/*.js']],
]) {
  test(`types: ${name}`, () => {
    const typeRoots = [join(LIFEBOAT_TOOLS, 'node_modules/@types')];
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: 'ES2022',
      skipLibCheck: false,
      typeRoots,
      ...options,
    };
    const project = `tsconfig.${include[0].replace(/\W/g, '-')}.json`;
    writeFileSync(project, JSON.stringify({ compilerOptions, include, exclude: [] }));
    const tsc = join(LIFEBOAT_TOOLS, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', project, '--listFiles'], { encoding: 'utf8' });
    assert.equal(status, 0, stdout.replace(/^\/.*\n/gm, ''));
    assert.match(stdout, include[0].endsWith('.mts') ? new RegExp(include[0]) : /recovery\/src\/core\.js/);
  });
}

test('the example', t => {
  const path = directory(t);
  exported(path, key, "CREATE TABLE tokens (token TEXT, worth REAL); INSERT INTO tokens VALUES ('a', 1), ('b', 2)");
  writeFileSync(path('app.key'), `${key}\n`);
  copyFileSync(join(LIFEBOAT_EXAMPLES, 'node-recover.mjs'), 'node-recover.mjs');
  const run = (...args) => spawnSync(process.execPath, ['node-recover.mjs', ...args], { encoding: 'utf8' });

  const said = execFileSync(
    process.execPath,
    ['node-recover.mjs', path('app.bundle'), path('app.key'), path('copy.db')],
    { encoding: 'utf8' },
  );
  assert.match(said, /2 rows in tokens\nrecovered \d+ bytes/);
  assertEqual(path('app.db'), path('copy.db'));

  const again = run(path('app.bundle'), path('app.key'), path('copy.db'));
  assert.equal(again.status, 1);
  assert.match(again.stderr, /^misuse: .*copy\.db' already exists/);
  assert.match(run().stderr, /^usage: /);
});
