'use strict';

// The drivers that open a database by its path: better-sqlite3, and node:sqlite, which is part of Node.
//
// A process must not open one database with two SQLite libraries: when the one closes the file, the other loses its locks. So a
// path is opened by the driver that the process uses already.

const { createRequire, isBuiltin } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { LifeboatError, misuse } = require('./errors.cjs');

const OWN = 'node:sqlite';
const BETTER = 'better-sqlite3';
const CHOICE = `give the option "driver": '${BETTER}' or '${OWN}'`;

/** The driver of the last connection that was seen: `node:sqlite`, or the path of a module. */
let seen;

function isOwn(db) {
  try {
    return isBuiltin(OWN) && process.moduleLoadList?.includes('NativeModule sqlite') && db instanceof require(OWN).DatabaseSync;
  } catch {
    return false;
  }
}

/** The loaded modules that are better-sqlite3, or a driver with its interface. */
const isBetter = loaded => new RegExp(`[\\\\/]${BETTER}[\\\\/]lib[\\\\/]index\\.js$`).test(loaded);

/** Remembers the driver of this connection. */
function remember(db) {
  if (isOwn(db)) {
    seen = OWN;
    return;
  }
  for (let maker = db.constructor; typeof maker === 'function'; maker = Object.getPrototypeOf(maker)) {
    const found = Object.values(require.cache).find(module => module?.exports === maker && module.exports !== undefined);
    if (found) {
      seen = found.filename;
      return;
    }
  }
}

/** Where a driver is looked for: as the application does, then beside this package. */
function resolve(name) {
  const from = [process.cwd(), require.main?.path, __dirname];
  for (const directory of from) {
    try {
      if (directory) return createRequire(pathToFileURL(path.join(directory, 'x.js'))).resolve(name);
    } catch {
      // It is not there.
    }
  }
  return undefined;
}

/**
 * The driver for a path: what is asked for, or what this process uses already, or what is there.
 * @returns {string} `node:sqlite`, or the path of a module
 */
function driverFor(name, asked) {
  if (asked === OWN) {
    if (isBuiltin(OWN)) return OWN;
    throw new LifeboatError('unsupported', `this Node has no ${OWN}: use Node 22.13 or later, or ${BETTER}`, { function: name });
  }
  if (asked !== undefined) {
    const found = typeof asked === 'string' ? resolve(asked) : undefined;
    if (found) return found;
    throw misuse(name, `the option "driver" names no module that is installed; ${CHOICE}`);
  }
  if (seen) return seen;
  const loaded = Object.keys(require.cache).filter(isBetter);
  if (process.moduleLoadList?.includes('NativeModule sqlite')) loaded.push(OWN);
  if (loaded.length > 1) {
    throw misuse(name, `this process uses two SQLite libraries, and only one of them may open the database; ${CHOICE}`);
  }
  const found = loaded[0] ?? resolve(BETTER) ?? (isBuiltin(OWN) ? OWN : undefined);
  if (found) return found;
  throw new LifeboatError(
    'unsupported',
    `there is no driver that opens a database: npm install ${BETTER}, or use Node 22.13 or later, which has ${OWN}`,
    { function: name },
  );
}

/**
 * Opens a database with a driver.
 * @param {string} driver
 * @param {string} file
 * @param {boolean} mustExist
 */
function open(driver, file, mustExist) {
  if (driver !== OWN) return new (require(driver))(file, { fileMustExist: mustExist });
  const db = new (require(OWN).DatabaseSync)(file, { allowExtension: true });
  db.exec('PRAGMA busy_timeout = 5000');
  return db;
}

module.exports = { driverFor, open, remember };
