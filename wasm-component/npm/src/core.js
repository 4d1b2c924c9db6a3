// What can be done with bundles, wherever JavaScript runs: nothing here is of Node or of browsers.

import { instantiate } from '../component/recovery.js';
import { LifeboatError, call, misuse, said } from './error.js';
import { checked, text } from './options.js';
import { abortable, bundlesOf, pieces } from './pieces.js';
import { Pace } from './pace.js';
import { recoveredOf, reportOf, summaryOf } from './reports.js';
import { IllFormedText, allocate, batchOf } from './values.js';

export { IllFormedText, LifeboatError };

/** @typedef {typeof import('../component/interfaces/lifeboat-recovery-recovery.js')} Recovery */
/** @typedef {import('./types.js').Chain<string | URL>} Chain */
/** @typedef {import('./pieces.js').Bundle} Bundle */
/** @typedef {{ push(piece: Uint8Array): void, pushDelta(piece: Uint8Array): void }} Resource */

/** @type {typeof import('./core.js').lifeboat} */
export function lifeboat(load, file) {
  /** @type {Map<string, Promise<WebAssembly.Module>>} */
  const modules = new Map();

  /** @param {string} name */
  const compiled = name => {
    const known = modules.get(name);
    if (known) return known;
    const module = compile(load, name);
    modules.set(name, module);
    // A file that could not be had may be there the next time.
    module.catch(() => modules.delete(name));
    return module;
  };

  /**
   * The component, for one piece of work alone: whatever becomes of it, the next one begins afresh.
   * @returns {Promise<Recovery>}
   */
  const fresh = async () => {
    try {
      return (await instantiate(compiled, {})).recovery;
    } catch (error) {
      if (error instanceof LifeboatError) throw error;
      throw new LifeboatError('host', `the recovery component cannot be started: ${said(error)}`, { cause: error });
    }
  };

  return {
    async verify(chain, options) {
      const { key, verifyKey, expect, progress, signal } = checked(options);
      if (key !== undefined) {
        if (verifyKey === undefined) return inspect(chain, key, options);
        throw misuse('give the recovery key or the verify key: the one contains the other');
      }
      const bundles = await bundlesOf(chain, file);
      const pace = new Pace(bundles, progress, signal);
      const recovery = await fresh();
      const reports = [];
      for (const [index, bundle] of bundles.entries()) {
        const isLast = index + 1 === bundles.length;
        const audit = call(() => recovery.Audit.open(verifyKey, isLast ? expect : undefined));
        try {
          const where = place(bundles, bundle);
          for await (const piece of pieces(bundle, signal)) {
            call(() => audit.push(piece), where);
            await pace.read(piece.length);
          }
          reports.push(call(() => audit.finish(), where));
        } finally {
          dispose(audit);
        }
      }
      call(() => recovery.checkLinks(reports));
      const all = reports.map(reportOf);
      return { report: all[all.length - 1], bundles: all };
    },

    async info(chain, key, options) {
      return inspect(chain, key, options);
    },

    async recover(chain, key, options) {
      let bytes = new Uint8Array();
      const recovered = await build(chain, key, options, {
        begin: size => void (bytes = allocate(size, 'a database file')),
        write: (piece, at) => bytes.set(piece, at),
      });
      return { ...recovered, bytes };
    },

    async recoverToStream(chain, key, stream, options) {
      if (typeof stream?.getWriter !== 'function') throw misuse('the stream is no WritableStream');
      const writer = stream.getWriter();
      try {
        const signal = checked(options).signal;
        const recovered = await build(chain, key, options, {
          begin: () => {},
          write: piece => abortable(writer.ready.then(() => writer.write(piece)), signal),
        });
        await writer.close();
        return recovered;
      } catch (error) {
        // The stream may have failed itself: then there is nothing to abort, and its error is the one to tell.
        await writer.abort(error).catch(() => {});
        throw error;
      } finally {
        writer.releaseLock();
      }
    },

    async *rows(chain, key, options) {
      const { expect, progress, signal } = checked(options);
      text(key, 'the recovery key');
      const bundles = await bundlesOf(chain, file);
      const pace = new Pace(bundles, progress, signal);
      const recovery = await fresh();
      const rows = call(() => recovery.Rows.open(key, expect));
      try {
        for await (const where of feed(rows, bundles, pace)) {
          for (let batch; (batch = call(() => rows.next(), where)); ) yield batchOf(batch, rows);
        }
        return summaryOf(finish(() => rows.finish(), bundles));
      } finally {
        dispose(rows);
      }
    },
  };

  /**
   * @param {Chain} chain
   * @param {string} key
   * @param {import('./types.js').Options | undefined} options
   */
  async function inspect(chain, key, options) {
    const { expect, progress, signal } = checked(options);
    text(key, 'the recovery key');
    const bundles = await bundlesOf(chain, file);
    const pace = new Pace(bundles, progress, signal);
    const recovery = await fresh();
    const inspection = call(() => recovery.Inspection.open(key, expect));
    try {
      for await (const _ of feed(inspection, bundles, pace));
      return summaryOf(finish(() => inspection.finish(), bundles));
    } finally {
      dispose(inspection);
    }
  }

  /**
   * Builds the database file, and only when it is proved hands it on.
   * @param {Chain} chain
   * @param {string} key
   * @param {import('./types.js').RecoverOptions | undefined} options
   * @param {{ begin(size: number): void, write(piece: Uint8Array, at: number): void | Promise<void> }} sink
   */
  async function build(chain, key, options, sink) {
    const { expect, pageSize, progress, signal } = checked(options);
    text(key, 'the recovery key');
    const bundles = await bundlesOf(chain, file);
    const pace = new Pace(bundles, progress, signal);
    const recovery = await fresh();
    const layout = pageSize === undefined ? undefined : { pageSize };
    const database = call(() => recovery.Database.open(key, expect, layout));
    try {
      for await (const _ of feed(database, bundles, pace));
      await pace.build();
      const recovered = recoveredOf(finish(() => database.finish(), bundles));
      sink.begin(recovered.size);
      await pace.write(0, recovered.size);
      for (let at = 0, piece; (piece = call(() => database.pull())); ) {
        await sink.write(piece, at);
        at += piece.length;
        await pace.write(at, recovered.size);
      }
      return recovered;
    } finally {
      dispose(database);
    }
  }
}

/**
 * Pushes the deltas of a chain, then its full bundle. Says after each piece of that where it was.
 * @param {Resource} resource
 * @param {Bundle[]} bundles
 * @param {Pace} pace
 * @returns {AsyncGenerator<string | undefined, void>}
 */
async function* feed(resource, bundles, pace) {
  const [full, ...deltas] = bundles;
  for (const delta of deltas) {
    let length = 0;
    for await (const piece of pieces(delta, pace.signal)) {
      length += piece.length;
      // Which of the chain it is, the component says itself.
      call(() => resource.pushDelta(piece), delta.name);
      await pace.read(piece.length);
    }
    // The component takes the deltas one after the other, and cannot see that one has no bytes.
    if (length === 0) throw new LifeboatError('truncated', 'the bundle is empty').at(place(bundles, delta));
  }
  // The deltas are complete, and opened now: what is wrong with one has nothing to do with the full bundle.
  if (deltas.length > 0) call(() => resource.push(new Uint8Array()));
  const where = place(bundles, full);
  for await (const piece of pieces(full, pace.signal)) {
    call(() => resource.push(piece), where);
    yield where;
    await pace.read(piece.length);
  }
}

/**
 * Ends the work.
 * @template T
 * @param {() => T} use
 * @param {Bundle[]} bundles
 * @returns {T}
 */
function finish(use, bundles) {
  try {
    return call(use);
  } catch (error) {
    // Of a chain anything may be wrong with any bundle, but only the full one may still be too short.
    const isOfFull = error instanceof LifeboatError && (bundles.length === 1 || error.kind === 'truncated');
    throw isOfFull ? error.at(place(bundles, bundles[0])) : error;
  }
}

/**
 * Where something is wrong, for people: a bundle's name, and of a chain its number.
 * @param {Bundle[]} bundles
 * @param {Bundle} bundle
 */
function place(bundles, bundle) {
  if (bundles.length === 1) return bundle.name;
  const number = `bundle ${bundles.indexOf(bundle) + 1} of the chain`;
  return bundle.name ? `${bundle.name}, ${number}` : number;
}

/**
 * @param {import('./types.js').LoadModule} load
 * @param {string} name
 */
async function compile(load, name) {
  const loaded = await load(name);
  return loaded instanceof ArrayBuffer || ArrayBuffer.isView(loaded) ? WebAssembly.compile(loaded) : loaded;
}

/**
 * Gives a resource back, and the key in it.
 * @param {object} resource
 */
function dispose(resource) {
  const free = /** @type {Record<symbol, () => void>} */ (resource)[Symbol.dispose ?? Symbol.for('dispose')];
  try {
    free.call(resource);
  } catch {
    // After a trap nothing can be given back; the whole instance goes.
  }
}
