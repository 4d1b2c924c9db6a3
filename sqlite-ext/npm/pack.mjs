// node pack.mjs DIST: DIST/liblifeboat.so as DIST/lifeboat-sqlite-VERSION.tgz, for machines like the one that built it.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.argv[2]);
const stage = join(dist, 'npm/lifeboat-sqlite');

rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
for (const name of ['index.cjs', 'index.mjs', 'index.d.ts', 'README.md']) cpSync(join(here, name), join(stage, name));
cpSync(join(here, '../../LICENSE'), join(stage, 'LICENSE'));
cpSync(join(dist, 'liblifeboat.so'), join(stage, 'liblifeboat.so'));

// The manual. Its first page has another name here, where README.md is about the package.
const copyPage = (from, to) => {
  const text = readFileSync(join(here, '..', from), 'utf8');
  writeFileSync(join(stage, to), text.replaceAll('](../README.md', '](../SQL.md'));
};
copyPage('README.md', 'SQL.md');
mkdirSync(join(stage, 'manual'));
for (const name of readdirSync(join(here, '../manual'))) copyPage(`manual/${name}`, `manual/${name}`);

// npm installs it nowhere else.
const description = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
description.os = [process.platform];
description.cpu = [process.arch];
if (process.platform === 'linux') {
  description.libc = [process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'];
}
writeFileSync(join(stage, 'package.json'), `${JSON.stringify(description, null, 2)}\n`);

execFileSync('npm', ['pack', '--silent', '--pack-destination', dist], { cwd: stage, stdio: ['ignore', 'ignore', 'inherit'] });
