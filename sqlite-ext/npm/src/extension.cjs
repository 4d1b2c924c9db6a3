'use strict';

// The file of the extension: it is in a package of its own for each platform, of which npm installs the one that fits.

const { existsSync } = require('node:fs');
const path = require('node:path');
const { LifeboatError, kindOf } = require('./errors.cjs');

/** The file in the package of a platform. SQLite takes the name of the entry point from it. */
const FILES = { linux: 'liblifeboat.so', darwin: 'liblifeboat.dylib', win32: 'lifeboat.dll' };

const PLATFORMS = [
  'linux-x64',
  'linux-arm64',
  'linux-x64-musl',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64',
];

/** The file for a platform without a package, or one that was built by oneself. */
const OWN = 'SQLITE_LIFEBOAT_EXTENSION';

const RECOVERY = "'sqlite-lifeboat/recovery' works here without it";

/** Whether this Node uses musl, as in Alpine. */
function isMusl() {
  const report = process.report;
  if (!report) return false;
  // Otherwise the report looks up names in the network.
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  const { header, sharedObjects } = report.getReport();
  report.excludeNetwork = excludeNetwork;
  return !header.glibcVersionRuntime && sharedObjects.some(name => /(^|\/)(libc\.musl-|ld-musl-)/.test(name));
}

let platform;

/** This platform, as its package is named. */
function platformOf() {
  platform ??= `${process.platform}-${process.arch}${process.platform === 'linux' && isMusl() ? '-musl' : ''}`;
  return platform;
}

function directoryOf(name) {
  try {
    return path.dirname(require.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

const failed = (kind, message) => new LifeboatError(kind, message, { function: 'getLoadablePath' });

function getLoadablePath() {
  const own = process.env[OWN];
  if (own) {
    if (existsSync(own)) return path.resolve(own);
    throw failed('host', `there is no file at the path in ${OWN}; give the path of the extension, or unset it`);
  }
  const here = platformOf();
  const name = `sqlite-lifeboat-${here}`;
  if (!PLATFORMS.includes(here)) {
    throw failed(
      'unsupported',
      `there is no package with the extension for ${here}; supported: ${PLATFORMS.join(', ')}; ` +
        `build the extension and name its file in ${OWN}; ${RECOVERY}`,
    );
  }
  const directory = directoryOf(name);
  const file = directory && path.join(directory, FILES[process.platform]);
  if (file && existsSync(file)) return file;
  const others = PLATFORMS.filter(other => directoryOf(`sqlite-lifeboat-${other}`));
  const found = others.length > 0 ? `; installed is that for ${others.join(', ')}: node_modules may be of another machine` : '';
  throw failed(
    'unsupported',
    `the package ${name} is missing, which has the extension for ${here}${found}; install on this machine, without ` +
      `--omit=optional: npm install ${name}; ${RECOVERY}`,
  );
}

function load(db) {
  if (typeof db?.loadExtension !== 'function') {
    throw new TypeError(
      `load: the argument is ${kindOf(db)}, and is an open database with loadExtension(), such as one of better-sqlite3`,
    );
  }
  const file = getLoadablePath();
  try {
    db.loadExtension(file);
  } catch (error) {
    if (!/GLIBC/.test(error?.message)) throw error;
    throw new LifeboatError(
      'unsupported',
      `this machine has an older libc than the extension needs (${error.message}); build the extension here and name its ` +
        `file in ${OWN}; ${RECOVERY}`,
      { function: 'load', cause: error },
    );
  }
}

module.exports = { FILES, PLATFORMS, getLoadablePath, load, platformOf };
