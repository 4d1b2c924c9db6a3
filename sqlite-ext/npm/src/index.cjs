'use strict';

// The functions of the package. Each is the twin of an SQL function, whose page of the manual says more.
//
// With an open connection first, it is done on that connection when it returns. Otherwise it gives a promise, and is done in a
// thread of its own.

const { closeSync, existsSync, fsyncSync, openSync, writeSync } = require('node:fs');
const { bundleOf, isConnection, isOptions, jsonOf, keyOf, optionsOf, pathOf, storesOf, textOf } = require('./arguments.cjs');
const { connection, inBackground } = require('./background.cjs');
const { run } = require('./call.cjs');
const { remember } = require('./drivers.cjs');
const { LifeboatError, errorOf, kindOf, misuse, shown } = require('./errors.cjs');
const { getLoadablePath, load: loadInto } = require('./extension.cjs');

/** The connections that have the functions. */
const loaded = new WeakSet();

function load(db) {
  loadInto(db);
  loaded.add(db);
  remember(db);
}

/** Makes sure that a connection has the functions. */
function ready(name, db) {
  if (loaded.has(db)) return;
  try {
    run(db, { name, sql: 'SELECT backup_version() AS result', values: [], gives: 'text' });
    loaded.add(db);
    remember(db);
  } catch (error) {
    if (!/no such function/.test(error.message)) throw error;
    try {
      load(db);
    } catch (cause) {
      if (cause instanceof LifeboatError || cause instanceof TypeError) throw cause;
      const message =
        `the connection does not load the extension: ${cause.message}; ` +
        'open a database of node:sqlite with { allowExtension: true }';
      throw new LifeboatError('host', message, { function: name, cause });
    }
  }
}

const ORDER = 'look at the order of the arguments';

/** Too many arguments hide a mistake: an option that would not be looked at. */
function atMost(name, given, count) {
  if (given.length > count) throw misuse(name, `it takes at most ${count} arguments here, and ${given.length} are given; ${ORDER}`);
}

const scalar = (name, sql, values, gives = 'report') => ({
  name,
  sql: `SELECT ${sql}(${values.map(() => '?').join(', ')}) AS result`,
  values,
  gives,
});

/**
 * A function of a database: of an open connection, or of a path.
 * @param {string} name
 * @param {(given: unknown[]) => { work: object, ofCall: object }} prepare what is to be done
 * @param {{ isMade?: boolean }} [how] whether the database may be made
 */
const ofDatabase = (name, prepare, { isMade = false } = {}) =>
  named(name, (db, ...given) => {
    if (isConnection(db)) return onConnection(name, db, prepare(given));
    const what = 'the database';
    if (typeof db !== 'string' && !(db instanceof URL)) {
      throw misuse(name, `${what} is ${kindOf(db)}; give an open connection or the path of the database, as the first argument`);
    }
    return promised(() => {
      const path = pathOf(name, db, what);
      if (path === ':memory:') throw misuse(name, 'a database in memory has no path; give the open connection itself');
      const { work, ofCall } = prepare(given);
      return inBackground(work, path, isMade, ofCall);
    });
  });

/** A function of bundles and stores, which needs no database. It may be given a connection all the same. */
const ofStores = (name, prepare) =>
  named(name, (...given) => {
    if (isConnection(given[0])) return onConnection(name, given[0], prepare(given.slice(1)));
    return promised(() => {
      const { work, ofCall } = prepare(given);
      return inBackground(work, ':memory:', true, ofCall);
    });
  });

/** A function of keys: it is done at once. */
const ofKeys = (name, prepare) =>
  named(name, (...given) => {
    if (isConnection(given[0])) return onConnection(name, given[0], prepare(given.slice(1)));
    const { work, ofCall } = prepare(given);
    if (ofCall.signal) throw misuse(name, 'it is done at once, so it has no option "signal"; leave it out');
    return run(connection(name, ofCall.driver), work);
  });

function onConnection(name, db, { work, ofCall }) {
  for (const option of Object.keys(ofCall)) {
    throw misuse(
      name,
      `the option "${option}" is for calls that give a promise; leave out the connection, or give the path of the database in its place`,
    );
  }
  ready(name, db);
  return run(db, work);
}

/** A wrong argument of a call that gives a promise rejects it. */
const promised = async body => body();

const named = (name, body) => Object.defineProperty(body, 'name', { value: name });

/** A path, told in errors as `what`. */
const pathAs = what => (name, path) => pathOf(name, path, what);

/**
 * An SQL function that takes some values, and then options.
 * @param {string} name
 * @param {string} sql
 * @param {((name: string, value: unknown) => unknown)[]} kinds what each value is
 * @param {string} [gives]
 */
const withOptions = (name, sql, kinds, gives) => given => {
  atMost(name, given, kinds.length + 1);
  const values = kinds.map((valueOf, at) => valueOf(name, given[at]));
  const { options, ofCall } = optionsOf(name, given[kinds.length]);
  return { work: scalar(name, sql, [...values, jsonOf(options)], gives), ofCall };
};

/** A key that may be left out, or null. If it is there but undefined, what it should check would go unchecked. */
function keyOrNone(name, given) {
  const [first, key, ...more] = given;
  const isLeftOut = given.length < 2 || (given.length === 2 && isOptions(key) && !(key instanceof URL));
  if (isLeftOut) return [first, null, key];
  return [first, key === null ? null : keyOf(name, key), more[0]];
}

const withoutKey = (name, sql) => given => {
  atMost(name, given, 3);
  const [bundle, key, more] = keyOrNone(name, given);
  const values = [bundleOf(name, bundle)];
  const { options, ofCall } = optionsOf(name, more);
  const json = jsonOf(options);
  if (key !== null || json !== null) values.push(key);
  if (json !== null) values.push(json);
  return { work: scalar(name, sql, values), ofCall };
};

const save = ofDatabase('save', withOptions('save', 'backup_save', [keyOf, storesOf]));

const protect = named('protect', (db, ...given) => {
  if (!isConnection(db)) {
    const message = `the database is ${kindOf(db)}; give an open connection, which holds the protection as long as it is open`;
    throw misuse('protect', message);
  }
  return onConnection('protect', db, withOptions('protect', 'backup_protect', [keyOf, storesOf])(given));
});

const unprotect = named('unprotect', (db, ...given) => {
  if (!isConnection(db)) throw misuse('unprotect', `the database is ${kindOf(db)}; give the open connection that was protected`);
  atMost('unprotect', given, 0);
  return onConnection('unprotect', db, { work: scalar('unprotect', 'backup_unprotect', []), ofCall: {} });
});

const status = ofDatabase('status', given => {
  const hasStores = given.length > 0 && !isOptions(given[0]) && given[0] !== undefined;
  return withOptions('status', 'backup_status', hasStores ? [storesOf, keyOf] : [])(given);
});

/** An option of ours alone, which is a whole number. */
function numberOf(name, options, option) {
  const { [option]: value } = options;
  delete options[option];
  if (value === undefined) return undefined;
  // A driver may bind a number as a real one.
  if (Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  throw misuse(name, `the option "${option}" is ${kindOf(value)}; give a whole number from 0 on`);
}

function onlyKnown(name, options, known) {
  for (const option of Object.keys(options)) throw misuse(name, `there is no option "${option}"; known options: ${known}`);
}

const log = ofStores('log', given => {
  const name = 'log';
  atMost(name, given, 3);
  const [stores, key, more] = keyOrNone(name, given);
  const { options, ofCall } = optionsOf(name, more);
  const limit = numberOf(name, options, 'limit');
  const number = numberOf(name, options, 'number');
  onlyKnown(name, options, 'limit, number, signal, driver');
  const values = [storesOf(name, stores), ...(key === null ? [] : [key])];
  const sql =
    'SELECT number, record, state_id, type, bytes, sha256, uuid, copies, date, writer, label FROM ' +
    `backup_log(${values.map(() => '?').join(', ')})${number === undefined ? '' : ' WHERE number = ?'} LIMIT ?`;
  if (number !== undefined) values.push(number);
  return { work: { name, sql, values: [...values, limit ?? -1n], gives: 'rows', json: ['copies'] }, ofCall };
});

const events = ofDatabase('events', given => {
  const name = 'events';
  atMost(name, given, 1);
  const { options, ofCall } = optionsOf(name, given[0]);
  const after = numberOf(name, options, 'after') ?? 0n;
  const { local, ...others } = options;
  onlyKnown(name, others, 'after, local, signal, driver');
  const values = [local === undefined ? null : pathOf(name, local, 'the option "local"'), after];
  const sql = 'SELECT number, date, level, kind, log, about FROM backup_events(?, ?)';
  return { work: { name, sql, values, gives: 'rows', json: ['about'] }, ofCall };
});

const scrub = ofStores('scrub', withOptions('scrub', 'backup_scrub', [storesOf, keyOf]));

const prune = ofStores('prune', withOptions('prune', 'backup_prune', [storesOf, keyOf]));

const verify = ofStores('verify', withoutKey('verify', 'backup_verify'));

const info = ofStores('info', withoutKey('info', 'backup_info'));

const restore = ofDatabase('restore', withOptions('restore', 'backup_restore', [bundleOf, keyOf]), { isMade: true });

const restoreFile = ofStores(
  'restoreFile',
  withOptions('restoreFile', 'backup_restore_file', [bundleOf, keyOf, pathAs('the path of the new database')]),
);

const restoreAll = ofStores(
  'restoreAll',
  withOptions('restoreAll', 'backup_restore_all', [storesOf, keyOf, pathAs('the directory')]),
);

const exportBundle = ofDatabase(
  'exportBundle',
  withOptions('exportBundle', 'backup_export_file', [keyOf, pathAs('the path of the bundle')]),
);

const exportBytes = ofDatabase('exportBytes', withOptions('exportBytes', 'backup_export', [keyOf], 'bytes'));

const estimate = ofDatabase('estimate', withOptions('estimate', 'backup_estimate', [keyOf]));

const makeKey = ofKeys('keygen', given => {
  const name = 'keygen';
  atMost(name, given, 1);
  const [all] = given;
  // The secret goes as a value, and never into JSON.
  const { secret, ...more } = all !== undefined && isOptions(all) ? all : {};
  const { options, ofCall } = optionsOf(name, all !== undefined && !isOptions(all) ? all : more);
  const { label, ...others } = options;
  onlyKnown(name, others, 'out, secret, label, driver');
  if (label === undefined && !(all && 'secret' in all)) return { work: scalar(name, 'backup_keygen', [], 'text'), ofCall };
  const isPlace = typeof secret === 'string' && /^(file|env):/.test(secret);
  if (!(secret instanceof Uint8Array) && !isPlace) {
    const forms = "give a Uint8Array of at least 16 random bytes, 'file:PATH' or 'env:NAME'";
    throw misuse(name, `the option "secret" is ${kindOf(secret)}; ${forms}`);
  }
  return { work: scalar(name, 'backup_keygen', [secret, textOf(name, label, 'the option "label"')], 'text'), ofCall };
});

const keygen = named('keygen', (...given) => {
  const all = given.at(-1);
  if (!isOptions(all) || isConnection(all) || !('out' in all)) return makeKey(...given);
  const { out, ...others } = all;
  const path = pathOf('keygen', out, 'the option "out"');
  const key = makeKey(...given.slice(0, -1), others);
  writeKeyFile(path, key);
  return `file:${path}`;
});

/** A new file for its owner alone. */
function writeKeyFile(path, key) {
  let file;
  try {
    file = openSync(path, 'wx', 0o600);
    writeSync(file, `${key}\n`);
    fsyncSync(file);
  } catch (error) {
    if (error.code === 'EEXIST')
      throw misuse('keygen', `${shown(path)} already exists, and a key is never written over; give another path`);
    const message = `the key's file ${shown(path)} cannot be written: ${error.code}; give a path in a directory that is writable`;
    throw new LifeboatError('host', message, { function: 'keygen' });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

const derived = (name, sql) =>
  ofKeys(name, given => {
    atMost(name, given, 2);
    const [key, domain] = given;
    const values = [keyOf(name, key), ...(domain === undefined ? [] : [textOf(name, domain, 'the domain')])];
    return { work: scalar(name, sql, values, 'text'), ofCall: {} };
  });

const writeKey = derived('writeKey', 'backup_write_key');

const readKey = derived('readKey', 'backup_read_key');

const verifyKey = derived('verifyKey', 'backup_verify_key');

const version = ofKeys('version', given => {
  atMost('version', given, 0);
  return { work: scalar('version', 'backup_version', []), ofCall: {} };
});

function fileOf(db, schema = 'main') {
  const name = 'fileOf';
  if (!isConnection(db)) throw misuse(name, `the database is ${kindOf(db)}; give an open connection`);
  const list = run(db, { name, sql: 'PRAGMA database_list', values: [], gives: 'rows' });
  const found = list.find(database => database.name === schema);
  if (!found) throw misuse(name, 'the connection has no database of this name; give "main", or the name of an attached one');
  if (!found.file || !existsSync(found.file)) {
    throw misuse(name, 'the database is in memory or temporary, so no other connection can read it; give the connection itself');
  }
  remember(db);
  return found.file;
}

module.exports = {
  LifeboatError,
  errorOf,
  estimate,
  events,
  exportBundle,
  exportBytes,
  fileOf,
  getLoadablePath,
  info,
  keygen,
  load,
  log,
  protect,
  prune,
  readKey,
  restore,
  restoreAll,
  restoreFile,
  save,
  scrub,
  status,
  unprotect,
  verify,
  verifyKey,
  version,
  writeKey,
};
