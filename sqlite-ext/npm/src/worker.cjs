'use strict';

// The thread of one call: opens the database, runs the function, closes it, and tells what came of it.

const { existsSync, rmSync, statSync } = require('node:fs');
const { parentPort } = require('node:worker_threads');
const { LifeboatError, lifeboatError, shown } = require('./errors.cjs');
const { open } = require('./drivers.cjs');
const { run } = require('./call.cjs');

parentPort.once('message', told => {
  // The main thread has said already that node:sqlite is new.
  process.removeAllListeners('warning');
  const answer = answerOf(told);
  const bytes = answer.value instanceof Uint8Array ? Uint8Array.from(answer.value) : undefined;
  if (bytes) parentPort.postMessage({ value: bytes }, [bytes.buffer]);
  else parentPort.postMessage(answer);
});

function answerOf({ driver, extension, stop, file, isMade, work }) {
  const { name } = work;
  const isNew = file !== ':memory:' && !existsSync(file);
  try {
    if (isNew && !isMade) {
      throw new LifeboatError('host', `there is no database at ${shown(file)}; give the path of one that exists`, { function: name });
    }
    const db = opened(name, driver, file, isMade);
    try {
      db.loadExtension(extension);
      // The extension asks this now and then, since these drivers cannot interrupt a statement from another thread.
      db.function('backup_interrupted', () => Atomics.load(stop, 0));
      return { value: run(db, work) };
    } finally {
      db.close();
    }
  } catch (error) {
    if (isNew) removeEmpty(file);
    const { kind, text, function: of, cause } = lifeboatError(name, error);
    return { error: { kind, text, function: of, cause: cause && { message: cause.message, code: cause.code, errcode: cause.errcode } } };
  }
}

/** SQLite makes an empty file when it looks into a database that does not exist. */
function removeEmpty(file) {
  try {
    if (statSync(file).size === 0) rmSync(file);
  } catch {
    // There is none.
  }
}

function opened(name, driver, file, isMade) {
  try {
    return open(driver, file, !isMade);
  } catch (error) {
    const message = `${shown(file)} cannot be opened: ${error.message}; give the path of a database that this process may write`;
    throw new LifeboatError('host', message, { function: name, cause: error });
  }
}
