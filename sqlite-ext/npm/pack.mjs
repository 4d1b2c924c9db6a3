// Packs the npm packages:
//
//   node pack.mjs DIST                  DIST/sqlite-lifeboat-VERSION.tgz. `make build` has put the recovery into DIST/npm/sqlite-lifeboat
//   node pack.mjs DIST PLATFORM FILE    DIST/sqlite-lifeboat-PLATFORM-VERSION.tgz: the extension in FILE, for this platform;
//                                       `this` is the platform of this machine
//
// A release packs all platforms, and publishes them before the main package.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platformOf } from './binary.mjs';

const { FILES, PLATFORMS, platformOf: thisPlatform } = createRequire(import.meta.url)('./src/extension.cjs');

const NAME = 'sqlite-lifeboat';
const here = dirname(fileURLToPath(import.meta.url));
const description = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));

function main([dist, platform, file, ...more]) {
  if (!dist || more.length > 0 || (platform && !file)) throw new Error('usage: node pack.mjs DIST [PLATFORM|this FILE]');
  const out = resolve(dist);
  if (platform) packPlatform(out, platform === 'this' ? thisPlatform() : platform, resolve(file));
  else packMain(out);
}

function packMain(dist) {
  const stage = join(dist, 'npm', NAME);
  for (const part of ['src/node.js', 'component/recovery.js']) {
    if (!existsSync(join(stage, 'recovery', part))) throw new Error(`${join(stage, 'recovery', part)} is missing; run make build`);
  }
  const listed = Object.entries(description.optionalDependencies);
  const expected = PLATFORMS.map(platform => [`${NAME}-${platform}`, description.version]);
  if (JSON.stringify(listed) !== JSON.stringify(expected.sort())) throw new Error('package.json does not list each platform, in this version');

  // What is left of an earlier packing goes; the recovery stays.
  for (const name of readdirSync(stage)) if (name !== 'recovery') rmSync(join(stage, name), { recursive: true });
  for (const name of ['package.json', 'src']) cpSync(join(here, name), join(stage, name), { recursive: true });
  cpSync(join(here, '../../LICENSE'), join(stage, 'LICENSE'));
  // Where a page lies here, and where in the package.
  const pages = [
    ['sqlite-ext/npm/README.md', 'README.md'],
    ['sqlite-ext/README.md', 'SQL.md'],
    ['wasm-component/npm/README.md', 'recovery/README.md'],
  ];
  for (const name of readdirSync(join(here, '../manual'))) pages.push([`sqlite-ext/manual/${name}`, `manual/${name}`]);
  mkdirSync(join(stage, 'manual'));
  for (const [from, to] of pages) writeFileSync(join(stage, to), moved(from, to, new Map(pages)));
  pack(dist, stage);
}

/** A page with the links to other pages of the package as they are there. */
function moved(from, to, pages) {
  const text = readFileSync(join(here, '../..', from), 'utf8');
  return text.replace(/\]\(([^)#:]+\.md)/g, (link, target) => {
    const moved = pages.get(join(dirname(from), target));
    if (!moved) return link;
    const path = dirname(to) === '.' ? moved : `../${moved}`;
    return `](${path}`;
  });
}

function packPlatform(dist, platform, file) {
  if (!PLATFORMS.includes(platform)) throw new Error(`there is no package for ${platform}; known platforms: ${PLATFORMS.join(', ')}`);
  const bytes = readFileSync(file);
  const found = platformOf(bytes);
  if (found !== platform) throw new Error(`${file} is for ${found}, not for ${platform}`);
  if (!bytes.includes('sqlite3_lifeboat_init')) throw new Error(`${file} is a library, but not Lifeboat's extension`);

  const name = `${NAME}-${platform}`;
  const stage = join(dist, 'npm', name);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  const [os, cpu, musl] = platform.split('-');
  cpSync(file, join(stage, FILES[os]));
  cpSync(join(here, '../../LICENSE'), join(stage, 'LICENSE'));
  const { version, license } = description;
  const own = {
    name,
    version,
    description: `The SQLite extension of ${NAME} for ${platform}. Install ${NAME}, which needs it`,
    license,
    files: [FILES[os]],
    os: [os],
    cpu: [cpu],
    ...(os === 'linux' ? { libc: [musl ?? 'glibc'] } : {}),
  };
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
  writeFileSync(join(stage, 'README.md'), `# ${name}\n\n${own.description}.\n`);
  pack(dist, stage);
}

function pack(dist, stage) {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', dist], { cwd: stage, stdio: ['ignore', 'ignore', 'inherit'] });
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(`pack.mjs: ${error.message}`);
  process.exitCode = 1;
}
