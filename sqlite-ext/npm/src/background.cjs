'use strict';

// Calls in a thread of their own, with a connection of its own: the event loop goes on.

const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { LifeboatError, lifeboatError } = require('./errors.cjs');
const { getLoadablePath, load } = require('./extension.cjs');
const { driverFor, open } = require('./drivers.cjs');

/**
 * Connections in memory, one for each driver. They keep the driver and the extension loaded between threads, and make keys.
 * @type {Map<string, any>}
 */
const ours = new Map();

/** A connection in memory with the functions. */
function inMemory(name, driver) {
  const known = ours.get(driver);
  if (known) return known;
  try {
    const db = open(driver, ':memory:', false);
    load(db);
    ours.set(driver, db);
    return db;
  } catch (error) {
    if (error instanceof LifeboatError) throw error;
    // A module is known by the directory of its package.
    const called = path.isAbsolute(driver) ? path.basename(path.dirname(path.dirname(driver))) : driver;
    throw new LifeboatError(
      'host',
      `the driver ${called} cannot be used: ${error.message}; install it for this Node, or give another one as the option "driver"`,
      { function: name, cause: error },
    );
  }
}

/** A connection in memory, of the driver that this process uses. */
const connection = (name, asked) => inMemory(name, driverFor(name, asked));

/**
 * Does work in a thread.
 * @param {import('./call.cjs').Work} work
 * @param {string} file the path of the database
 * @param {boolean} isMade the database need not exist
 * @param {{ signal?: AbortSignal, driver?: string }} options
 */
async function inBackground(work, file, isMade, { signal, driver: asked }) {
  // A stack that shows who called.
  const trace = new Error('called');
  signal?.throwIfAborted();
  const driver = driverFor(work.name, asked);
  inMemory(work.name, driver);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const halt = () => Atomics.store(stop, 0, 1);
  signal?.addEventListener('abort', halt, { once: true });
  try {
    // The work goes by a message: what a worker is started with can be seen from outside.
    const worker = new Worker(path.join(__dirname, 'worker.cjs'), { execArgv: [] });
    return await new Promise((resolve, reject) => {
      worker.once('message', ({ value, error }) => (error ? reject(revived(error)) : resolve(value)));
      worker.once('error', error => reject(lifeboatError(work.name, error)));
      worker.once('exit', () => {
        reject(new LifeboatError('host', 'its thread was ended before it was done; call again', { function: work.name }));
      });
      worker.postMessage({ driver, extension: getLoadablePath(), stop, file, isMade, work });
    });
  } catch (error) {
    // What was done before the signal came is done, and no error.
    if (signal?.aborted) throw signal.reason;
    const frames = trace.stack.split('\n').slice(1).filter(frame => !frame.includes(__dirname));
    error.stack = [String(error), ...frames].join('\n');
    throw error;
  } finally {
    signal?.removeEventListener('abort', halt);
  }
}

/** An error that came from a thread. */
function revived({ kind, text, function: name, cause }) {
  const original = cause && Object.assign(new Error(cause.message), { code: cause.code, errcode: cause.errcode });
  return new LifeboatError(kind, text, { function: name, cause: original });
}

module.exports = { connection, inBackground };
